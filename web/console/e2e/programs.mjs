// The programs that the test runs: the gateway with its simulated PBX, and a UC user on a line.

import { spawn } from "node:child_process";
import { once } from "node:events";

const running = new Set();
process.on("exit", () => running.forEach((p) => p.kill("SIGKILL")));

/** Starts a program and waits until its output fits the pattern; gives the match, and what ends the program. */
async function start(path, args, pattern) {
  const child = spawn(path, args, { stdio: ["pipe", "pipe", "pipe"] });
  running.add(child);
  let output = "";
  const match = await new Promise((resolve, reject) => {
    const read = (data) => {
      output += data;
      const found = pattern.exec(output);
      if (found) resolve(found);
    };
    child.stdout.setEncoding("utf8").on("data", read);
    child.stderr.setEncoding("utf8").on("data", read);
    child.on("error", reject);
    child.on("exit", (code) => {
      running.delete(child);
      reject(new Error(`${path} ${args.join(" ")} ended with ${code}:\n${output}`));
    });
  });
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGINT");
    await ended;
  };
  return { match, stop };
}

/** The demo, with no calls but those asked for. Without addresses the system chooses them. */
export async function gateway({ sip = "127.0.0.1:0", http = "127.0.0.1:0", lines = 24 } = {}) {
  const args = ["demo", "--quiet", "--sip", sip, "--http", http, "--lines", String(lines)];
  const { match, stop } = await start(process.env.FARHOOK, args, /sip:(\S+?)[;\s][^]*?console\s+http:\/\/(\S+?)\/[^]*Ctrl-C/);
  return { sip: match[1], http: match[2], url: `http://${match[2]}/`, stop };
}

/** A UC user who monitors a line and does nothing: the simulated phone waits for somebody to answer it, then. */
export async function user(sip, line) {
  return start(process.env.UCSIM, ["--server", sip, "--line", line], /signed in/);
}
