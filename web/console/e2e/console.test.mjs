// The console as a person uses it: in a real browser, against the real gateway with its simulated PBX.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { gateway, user } from "./programs.mjs";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
];

let browser, farhook, page;
const complaints = []; // of the browser: errors, refusals by the page's security policy, requests to elsewhere

before(async () => {
  farhook = await gateway();
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM, headless: true, args: flags });
  page = await open(farhook.url);
});

after(async () => {
  await browser?.close();
  await farhook?.stop();
});

async function open(url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: "reduce", ...options });
  context.setDefaultTimeout(20_000);
  const p = await context.newPage();
  p.on("pageerror", (e) => complaints.push(`error: ${e.message}`));
  p.on("request", (r) => {
    if (new URL(r.url()).host !== new URL(url).host) complaints.push(`request to elsewhere: ${r.url()}`);
  });
  await p.addInitScript(() => {
    window.refused = [];
    addEventListener("securitypolicyviolation", (e) => window.refused.push(`${e.violatedDirective}: ${e.blockedURI} ${e.sample}`));
  });
  await p.goto(url);
  await p.waitForSelector('[data-link="live"]');
  return p;
}

const phone = (extension) => page.locator(`[role="gridcell"][data-extension="${extension}"]`);
const panel = (extension) => page.locator(`[data-phone="${extension}"]`);
const state = (extension, wanted) => page.waitForSelector(`[data-extension="${extension}"][data-state="${wanted}"]`);

async function select(extension) {
  await phone(extension).click();
  await panel(extension).waitFor();
}

async function dial(from, to) {
  await select(from);
  await panel(from).getByRole("combobox").fill(to);
  await page.keyboard.press("Enter");
}

async function accessible(what, p = page) {
  await p.evaluate(axe);
  const { violations } = await p.evaluate(() => globalThis.axe.run());
  const told = violations.map(
    (v) => `${v.impact} ${v.id}: ${v.help}\n    ${v.nodes.map((n) => `${n.html} ${n.failureSummary}`).join("\n    ")}`,
  );
  assert.deepEqual(told, [], what);
}

test("every phone is shown with its state, in words", async () => {
  for (let n = 1001; n <= 1024; n++) await phone(n).waitFor();
  assert.match(await phone(1001).innerText(), /\S+ \S+\n1001\nIdle/);
  assert.match(await phone(1020).innerText(), /DND/);
  assert.match(await phone(1021).innerText(), /→ 1022/);
  await state(1023, "out");
  assert.match(await phone(1023).innerText(), /Offline/);
  await accessible("an idle board");
});

test("a call placed by keyboard alone, from 1001 to 1002", async () => {
  const ada = await user(farhook.sip, "tel:+15551002");
  try {
    await page.keyboard.press("/");
    await page.keyboard.type("1001");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.activeElement?.getAttribute("data-extension") === "1001");
    await page.keyboard.press("Enter");
    await panel(1001).waitFor();
    await page.keyboard.press("d");
    await page.keyboard.type("1002");
    await page.keyboard.press("Enter");
    await panel(1001).locator('[data-state="calling"]').waitFor();
    await page.getByLabel("Clear the search").click();

    await state(1001, "calling");
    await state(1002, "ringing");
    assert.match(await phone(1002).innerText(), /Ringing from /);
    await page.waitForFunction(() => /ringing/.test(document.querySelector("[data-said]")?.textContent ?? ""));
    assert.match(await page.title(), /^\(1\)/);
    await accessible("a ringing phone");

    await select(1002);
    const hold = panel(1002).locator('[data-action="hold"]');
    assert.equal(await hold.getAttribute("aria-disabled"), "true");
    assert.equal(await hold.getAttribute("title"), "Only a connected call can be held.");
    await panel(1002).locator('[data-action="answer"]').click();
    await state(1001, "talking");
    await state(1002, "talking");
    assert.match(await phone(1001).innerText(), /Talking with [^]*\d:\d\d/);

    await panel(1002).locator('[data-action="hold"]').click();
    await state(1002, "held");
    await page.waitForFunction(() => /Held by/.test(document.querySelector('[data-extension="1001"]').textContent));
    await accessible("a held call");
    await panel(1002).locator('[data-action="retrieve"]').click();
    await state(1002, "talking");

    await phone(1001).click();
    await page.keyboard.press("e");
    await state(1001, "idle");
    await state(1002, "idle");
    await panel(1001).getByText("No calls.").waitFor();
  } finally {
    await ada.stop();
  }
});

test("a name can be typed, and chosen", async () => {
  const name = (await phone(1003).innerText()).split("\n")[0];
  await select(1001);
  await panel(1001).getByRole("combobox").fill(name.toLowerCase());
  await panel(1001).getByRole("option", { name }).first().waitFor();
  await accessible("suggestions");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.waitForSelector('[data-extension="1003"]:not([data-state="idle"])');
  await panel(1001).locator('[data-action="clear"]').click();
  await state(1001, "idle");
  await state(1003, "idle");
});

test("what the gateway refuses is said beside the field", async () => {
  await dial(1001, "nobody at all");
  const said = panel(1001).getByRole("alert").filter({ hasText: /\w/ });
  await said.waitFor();
  assert.doesNotMatch(await said.innerText(), /^The gateway refused \(\d+\)/);
  assert.equal(await panel(1001).getByRole("combobox").inputValue(), "nobody at all");
});

test("what can't be done says why", async () => {
  await select(1023);
  await panel(1023).getByText("Out of service", { exact: true }).waitFor();
  const call = panel(1023).getByRole("button", { name: "Call", exact: true });
  assert.equal(await call.getAttribute("aria-disabled"), "true");
  assert.match(await call.getAttribute("title"), /out of service/);
});

test("filter, order and search choose what is shown", async () => {
  await page.getByRole("button", { name: /^Offline/ }).click();
  await phone(1001).waitFor({ state: "detached" });
  await phone(1023).waitFor();
  await page.getByRole("button", { name: /^All/ }).click();
  await page.getByLabel("Sort").selectOption("state");
  await page.getByRole("rowheader", { name: /^Offline/ }).waitFor();
  await page.getByLabel("Sort").selectOption("extension");
  await page.getByLabel("Search name").fill("no such phone");
  await page.getByRole("button", { name: "Show all phones" }).click();
  await phone(1001).waitFor();
});

test("the picture comes back after the gateway was away", async () => {
  await select(1001);
  const { sip, http } = farhook;
  await farhook.stop();
  await page.waitForSelector('[data-link="lost"]');
  await page.getByText("You see the phones as they were").waitFor();
  const call = panel(1001).getByRole("button", { name: "Call", exact: true });
  assert.equal(await call.getAttribute("title"), "There is no connection to the gateway.");
  farhook = await gateway({ sip, http });
  await page.waitForSelector('[data-link="live"]');
  await phone(1024).waitFor();
  await dial(1001, "1004");
  await page.waitForSelector('[data-extension="1004"]:not([data-state="idle"])');
  await panel(1001).locator('[data-action="clear"]').click();
  await state(1004, "idle");
});

test("dark, and on a small screen", async () => {
  const small = await open(farhook.url, { viewport: { width: 390, height: 844 }, colorScheme: "dark" });
  await accessible("small and dark", small);
  await small.locator('[data-extension="1002"]').click();
  await small.locator('[data-phone="1002"]').waitFor();
  await accessible("small and dark, a phone chosen", small);
  await small.keyboard.press("Escape");
  await small.locator('[data-phone="1002"]').waitFor({ state: "detached" });
  await small.waitForFunction(() => document.activeElement?.getAttribute("data-extension") === "1002");
  assert.equal(await small.evaluate(() => document.documentElement.scrollWidth > innerWidth), false, "scrolls sideways");
  await small.context().close();
});

test("5,000 phones cost what those in sight cost", async () => {
  const large = await gateway({ lines: 5000 });
  try {
    const p = await open(large.url);
    await p.locator('[data-extension="1001"]').focus();
    assert.ok((await p.getByRole("gridcell").count()) < 200);
    await p.getByLabel("Search name").fill("6000");
    await p.locator('[data-extension="6000"]').waitFor();
    await p.getByLabel("Clear the search").click();
    await p.locator('[data-extension="1001"]').focus();
    for (let i = 0; i < 50; i++) await p.keyboard.press("ArrowDown");
    await p.waitForFunction(() => Number(document.activeElement?.getAttribute("data-extension")) > 1100);
    assert.ok((await p.getByRole("gridcell").count()) < 200);
    await p.context().close();
  } finally {
    await large.stop();
  }
});

test("nothing inline, nothing from elsewhere, no error", async () => {
  const policy = (await (await fetch(farhook.url)).headers).get("content-security-policy") ?? "";
  assert.match(policy, /default-src 'self'/);
  assert.doesNotMatch(policy, /unsafe/);
  assert.deepEqual(await page.evaluate(() => window.refused), []);
  assert.deepEqual(complaints, []);
});
