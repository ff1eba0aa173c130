// The programs that the test runs: the gateway with its simulated PBX, and a UC user on a line.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

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
export async function gateway({ sip = "127.0.0.1:0", http = "127.0.0.1:0", lines = 24, annex = 0 } = {}) {
  const args = ["demo", "--quiet", "--sip", sip, "--http", http, "--lines", String(lines), "--annex", String(annex)];
  const { match, stop } = await start(process.env.FARHOOK, args, /sip:(\S+?)[;\s][^]*?console\s+http:\/\/(\S+?)\/[^]*Ctrl-C/);
  return { sip: match[1], http: match[2], url: `http://${match[2]}/`, stop };
}

/**
 * A gateway with a configuration of its own, in which people sign in, and history, users, tokens and webhooks are kept. users: name → password and
 * flags of `farhook access user`. more: what else stands in the configuration.
 */
export async function configured({ users, more }) {
  const dir = mkdtempSync(join(tmpdir(), "farhook-console-"));
  process.on("exit", () => rmSync(dir, { recursive: true, force: true }));
  const config = join(dir, "farhook.yaml");
  const pem = (name) => join(process.env.CERTIFICATES, name);
  writeFileSync(
    config,
    `rights: demo
sip:
  listen: ["127.0.0.1:0"]
  tls: {listen: ["127.0.0.1:0"], certificate: ${pem("own.pem")}, key: ${pem("own.key")}, client_ca: ${pem("ca.pem")}}
http: {listen: "127.0.0.1:0"}
log: {format: json}
web:
  store: ${join(dir, "web.db")}
  webhooks: {private: true, age: 1m}
pbx:
  - {name: sim, kind: sim, settings: {lines: 24, quiet: true}}
${more}`,
  );
  for (const [name, { password, flags }] of Object.entries(users)) {
    execFileSync(process.env.FARHOOK, ["access", "user", "--config", config, ...flags, name], {
      input: `${password}\n`,
      stdio: "pipe",
    });
  }
  const { match, stop } = await start(process.env.FARHOOK, ["serve", "--config", config], /"farhook started".*/);
  const told = JSON.parse(`{${match[0].slice(match[0].indexOf(",") + 1)}`);
  return { sip: told.sip[0], url: `http://${told.http[0]}/`, stop };
}

/** A UC user who monitors a line and does nothing: the simulated phone waits for somebody to answer it, then. */
export async function user(sip, line) {
  return start(process.env.UCSIM, ["--server", sip, "--line", line], /signed in/);
}
