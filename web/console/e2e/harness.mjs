// The page as people have it: a browser, the gateway with its simulated PBX, and hands at its phones. Each file of tests has its own.

import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { gateway, user } from "./programs.mjs";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const shots = process.env.SCREENSHOTS; // where screenshots are kept; none: they aren't
const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
];

let browser;
const complaints = []; // of the browser: errors, refusals by the page's security policy, requests to elsewhere

/** What a file's tests share: the gateway; and UC users, who keep their phones from answering by themselves. */
export const here = { farhook: null, people: [] };

/** Begins and ends what a file's tests need. start: makes the gateway; lines: extensions with a UC user. */
export function stage({ start = gateway, lines = [1001, 1002, 1003, 1005] } = {}) {
  before(async () => {
    if (shots) await mkdir(shots, { recursive: true });
    here.farhook = await start();
    for (const line of lines) here.people.push(await user(here.farhook.sip, `tel:+1555${line}`));
    browser = await chromium.launch({ executablePath: process.env.CHROMIUM, headless: true, args: flags });
  });
  after(async () => {
    await browser?.close();
    for (const p of here.people) await p.stop();
    await here.farhook?.stop();
  });
}

/** The last test of every file. */
export function nothingElse() {
  test("nothing inline, nothing from elsewhere, no error", async () => {
    const policy = (await fetch(here.farhook.url)).headers.get("content-security-policy") ?? "";
    assert.match(policy, /default-src 'self'/);
    assert.doesNotMatch(policy, /unsafe/);
    const [, named] = /see (\/\S+)\.<\/noscript>/.exec(await (await fetch(here.farhook.url)).text());
    assert.equal((await fetch(new URL(named, here.farhook.url))).status, 200, named);
    assert.deepEqual(complaints, []);
  });
}

/** A tab. ready: what is there when it is. */
export async function tab({ url = here.farhook.url, path = "", before = () => {}, ready, settings, context, ...options } = {}) {
  context ??= await browser.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: "reduce", ...options });
  context.setDefaultTimeout(40_000);
  const p = await context.newPage();
  p.on("pageerror", (e) => complaints.push(`error: ${e.message}`));
  p.on("request", (r) => {
    if (new URL(r.url()).host !== new URL(url).host) complaints.push(`request to elsewhere: ${r.url()}`);
  });
  await p.addInitScript(() => {
    addEventListener("securitypolicyviolation", (e) =>
      (window.refused ??= []).push(`${e.violatedDirective}: ${e.blockedURI} ${e.sample}`),
    );
  });
  if (settings) {
    await p.addInitScript(
      (s) => localStorage.getItem("farhook.settings") ?? localStorage.setItem("farhook.settings", s),
      JSON.stringify(settings),
    );
  }
  await before(p);
  await p.goto(url + path);
  await p.waitForSelector(ready);
  return p;
}

/** A page whose user has a phone. Without one the page asks. */
export async function open(phone, { settings = {}, ...options } = {}) {
  const mine = { phone: `tel:+1555${phone}`, asked: true, handsFree: true, ...settings };
  const p = await tab({ ready: phone ? "[data-dial]" : "[role=gridcell]", ...options, settings: phone ? mine : undefined });
  await p.waitForSelector('[data-link="live"]', { state: "attached" });
  return p;
}

export async function close(p) {
  complaints.push(...(await p.evaluate(() => window.refused ?? [])));
  await p.context().close();
}

export const tile = (p, extension) => p.locator(`[role="gridcell"][data-extension="${extension}"]`);
export const state = (p, extension, wanted) => p.waitForSelector(`[data-extension="${extension}"][data-state="${wanted}"]`);
export const call = (p, wanted) => p.locator(`section.mine [data-call][data-state="${wanted}"]`);
export const none = (p) => p.waitForSelector("section.mine [data-call]", { state: "detached" });

/** Asks the gateway as a program does. */
export async function rest(method, path, body, { url = here.farhook.url, token } = {}) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  if (body) headers["Content-Type"] = "application/json";
  const r = await fetch(`${url}api/v1/${path}`, { method, headers, body: body && JSON.stringify(body) });
  const text = await r.text();
  assert.ok(r.ok, `${method} ${path}: ${r.status} ${text}`);
  return text === "" ? null : JSON.parse(text);
}

export const dial = (from, to) =>
  rest("POST", "calls", { callingDevice: String(from), calledDirectoryNumber: String(to), prompt: "hands-free" });

/** What the person at a phone does: answers what rings there. */
export async function lift(extension) {
  for (let i = 0; i < 100; i++) {
    const { calls } = await rest("GET", `devices/${extension}`);
    const ringing = calls.find((c) => c.legs.some((l) => l.deviceID === `tel:+1555${extension}` && l.state === "alerting"));
    if (ringing) return rest("POST", `calls/${ringing.callID}/connections/${extension}/answer`);
    await new Promise((r) => setTimeout(r, 50));
  }
  throw new Error(`nothing rings at ${extension}`);
}

/** Ends every call. */
export async function silence() {
  const { calls } = await rest("GET", "calls");
  for (const c of calls) await fetch(`${here.farhook.url}api/v1/calls/${c.callID}/clear`, { method: "POST" });
}

export async function accessible(what, p) {
  await p.evaluate(axe);
  const { violations } = await p.evaluate(() => globalThis.axe.run({ resultTypes: ["violations"] }));
  const told = violations.map(
    (v) => `${v.impact} ${v.id}: ${v.help}\n    ${v.nodes.map((n) => `${n.html} ${n.failureSummary}`).join("\n    ")}`,
  );
  assert.deepEqual(told, [], what);
}

export async function keep(p, name) {
  if (shots) await p.screenshot({ path: `${shots}/${name}.png` });
}
