// Every view: in both themes, small and enlarged, with hostile names, with 10,000 lines.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import {
  accessible,
  call,
  close,
  dial,
  here,
  keep,
  nothingElse,
  lift,
  open,
  rest,
  silence,
  stage,
  state,
  tile,
} from "./harness.mjs";
import { ways } from "./ways.mjs";

stage();

test("my phone: do not disturb, forwarding, what it can and can't; administration", async () => {
  const p = await open("1024", { path: "#/phone" });
  await p.getByRole("switch", { name: "Do not disturb" }).click();
  await p.waitForSelector('[role="switch"][aria-checked="true"]');
  await p.getByRole("switch", { name: "Do not disturb" }).click();
  await p.waitForSelector('[role="switch"][aria-checked="false"]');
  await p.locator('[data-forward="forwardBusy"] button').click();
  await p.getByText("Type a name or a number first.").waitFor();
  await p.locator('[data-forward="forwardBusy"] input').fill("nobody");
  await p.keyboard.press("Enter");
  await p.getByText("No line is called “nobody”").waitFor();
  await p.locator('[data-forward="forwardBusy"] input').fill("greta");
  await p.locator('[data-forward="forwardBusy"] [role=option]').first().waitFor();
  await p.keyboard.press("Enter");
  await p.locator('[data-forward="forwardBusy"]').getByText("Greta Haas 1007").waitFor();
  await p.locator('[data-forward="forwardBusy"] button:focus').getByText("Switch off").waitFor(); // the keyboard goes on there
  await p.keyboard.press("Enter");
  await p.locator('[data-forward="forwardBusy"] input').waitFor();
  await p.getByText("this phone cannot be answered remotely").waitFor();
  await keep(p, "my-phone");
  await p.keyboard.press("4");
  await p.locator('[data-pbx="sim"]').waitFor();
  await p.getByRole("cell", { name: "+15551001" }).waitFor(); // the UC user's session
  await keep(p, "administration");
  await p.getByRole("link", { name: "Doctor" }).click();
  await p.locator("[data-doctor] input").fill("1002");
  await p.keyboard.press("Enter");
  await p.locator('[data-finding="line"]').getByText("Bruno Costa").waitFor();
  await p.locator('[data-finding="PBX link"].ok').waitFor();
  await keep(p, "doctor");
  await p.getByRole("link", { name: "Numbers" }).click();
  await p.locator("[data-rules] input").first().fill("1005");
  await p.locator("[data-rules] input").last().fill("1002");
  await p.locator("[data-rules] button").click();
  await p.locator("[data-rules] li").first().waitFor();
  await p.locator("[data-try] input").fill("+49 89 1234");
  await p.locator("[data-try] button").click();
  await p.locator('[data-way="sim toPBX"]').getByText("+49891234").first().waitFor();
  await p.locator('[data-way="sim toPBX"]').getByText("The way back leads home.").waitFor();
  await keep(p, "numbers");
  await p.getByRole("link", { name: "Counters" }).click();
  const sessions = p.locator('[data-counter="farhook_sessions"] .value').first();
  await sessions.getByText("4", { exact: true }).waitFor();
  await p.getByLabel("Search", { exact: true }).fill("audit_repairs");
  await sessions.waitFor({ state: "detached" });
  await p.locator('[data-counter="farhook_pbx_audit_repairs_total"]').waitFor();
  await keep(p, "counters");
  await close(p);
});

test("a call's ladder: every message in order with what it says; searched, and downloaded", async () => {
  const p = await open("1005");
  await ways.mouse.dial(p, "1002");
  await lift(1002);
  await call(p, "talking").locator("summary").click();
  await call(p, "talking").locator('[data-do="ladder"]').click();
  const rungs = p.locator("[data-layer]");
  await p.locator('[data-layer="event"]').getByText("EstablishedEvent").first().waitFor();
  await p.locator('[data-layer="sip"]').first().waitFor();
  await p.locator('[data-layer="pbx"]').first().waitFor();
  const all = await rungs.count();
  await p.getByPlaceholder("Search the messages").fill("deliveredevent 1002");
  await p.getByText(`${all} messages.`).waitFor({ state: "detached" });
  assert.ok((await rungs.count()) < all);
  await rungs.first().locator("pre").getByText("<DeliveredEvent").waitFor();
  await accessible("a ladder", p);
  await keep(p, "ladder");
  await p.getByPlaceholder("Search the messages").fill("");
  await p.getByRole("checkbox", { name: "SIP" }).uncheck();
  await p.locator('[data-layer="sip"]').first().waitFor({ state: "detached" });
  const [file] = await Promise.all([p.waitForEvent("download"), p.getByRole("link", { name: "Download" }).click()]);
  assert.match(await readFile(await file.path(), "utf8"), /MakeCall \+15551005 → 1002[^]*EstablishedEvent/);
  await silence();
  await p.goto(`${here.farhook.url}#/admin/calls/no-such-call`);
  await p
    .locator("[data-ladder] [role=alert]")
    .filter({ hasText: /no-such-call/ })
    .waitFor();
  await close(p);
});

test("every state a line can be in has its word; whereto and with whom stand beside it", async () => {
  const p = await open("1005");
  const shows = async (extension, wanted, ...words) => {
    await state(p, extension, wanted);
    for (const w of words) await tile(p, extension).getByText(w).first().waitFor();
  };
  await shows(1004, "idle", "Idle");
  await shows(1020, "dnd", "Do not disturb");
  await shows(1021, "forwarded", "Forwarded", "→ 1022");
  await shows(1023, "out", "Out of service");
  await rest("PUT", "devices/1007/forwarding", { on: true, type: "forwardBusy", to: "1008" });
  await shows(1007, "idle", "busy → 1008");
  await rest("PUT", "devices/1009/forwarding", { on: true, type: "forwardNoAns", to: "1008" });
  await shows(1009, "idle", "no answer → 1008");
  await rest("PUT", "devices/1010/message-waiting", { on: true });
  await shows(1010, "idle", "Message");
  await dial(1011, 1002);
  await shows(1011, "calling", "Dialling", "Bruno Costa", "↗");
  await shows(1002, "ringing", "Ringing", "from Kira Lindt", "↙");
  await lift(1002);
  await shows(1011, "talking", "with Bruno Costa");
  await shows(1002, "talking", "with Kira Lindt", /^\d:\d\d$/); // since when
  const [c] = (await rest("GET", "devices/1011")).calls;
  await rest("POST", `calls/${c.callID}/connections/1011/hold`);
  await shows(1011, "held", "On hold");
  await shows(1002, "talking", "Held by", "Kira Lindt");
  await dial(1012, 1002);
  await shows(1002, "ringing", "from Leo Moreau", "+1"); // a second call
  for (const from of [1013, 1014, 1015, 1016]) await dial(from, 1000);
  await shows(1000, "queued", "Waiting");
  await rest("POST", "sim/devices/1017/hand", { act: "out" });
  await shows(1017, "out", "Out of service");
  await rest("PUT", "devices/1004/note", { text: "in a meeting until three" });
  await dial(1005, 1018);
  await lift(1018);
  await tile(p, 1002).click();
  await tile(p, 1004).getByText("in a meeting until three").waitFor();
  const doing = tile(p, 1012).locator(".doing");
  assert.equal(await doing.evaluate((e) => e.scrollWidth > e.clientWidth), false, "with whom, in full");
  await call(p, "talking").waitFor();
  await keep(p, "states"); // docs/console.png is this picture
  await rest("DELETE", "devices/1004/note");
  await rest("POST", "sim/link", { up: false });
  await shows(1002, "unknown", "Unknown");
  await call(p, "unknown").getByText("Unknown").waitFor(); // my own call too
  await p.locator("header .chip.bad").getByText("sim down").waitFor();
  await rest("POST", "sim/link", { up: true });
  await shows(1004, "idle", "Idle");
  await silence();
  await rest("PUT", "devices/1007/forwarding", { on: false, type: "forwardBusy" });
  await rest("PUT", "devices/1009/forwarding", { on: false, type: "forwardNoAns" });
  await rest("PUT", "devices/1010/message-waiting", { on: false });
  await rest("POST", "sim/devices/1017/hand", { act: "in" });
  await close(p);
});

test("what rings pulses, but for those who want no motion", async () => {
  for (const [reducedMotion, animation] of [
    ["reduce", "none"],
    ["no-preference", "pulse"],
  ]) {
    const p = await open("1005", { reducedMotion });
    await dial(1006, 1003);
    await state(p, 1003, "ringing");
    const lamp = tile(p, 1003).locator(".lamp");
    assert.match(await lamp.evaluate((e) => getComputedStyle(e).animationName), new RegExp(animation));
    await silence();
    await close(p);
  }
});

test("names are only text, whatever is in them", async () => {
  const names = [
    '<img src=x onerror="window.hit=1">',
    "<script>window.hit=1</script>&amp;",
    "\u202Egnp.exe \u2066מלא\u2069 עברית",
    "👩‍👩‍👧‍👦 🏳️‍🌈 Zoë\u0301\u0301\u0301\u0301",
    "W".repeat(300),
    "{{constructor.constructor('window.hit=1')()}}",
  ];
  const p = await open("1005", {
    before: (page) =>
      page.routeWebSocket(/\/api\/v1\/stream/, (ws) => {
        const server = ws.connectToServer();
        server.onMessage((m) => {
          const d = JSON.parse(String(m));
          d.devices?.filter((x) => x.kind === "phone").forEach((x, i) => (x.name = names[i % names.length]));
          d.calls?.forEach((c) => c.legs?.forEach((l) => l.party && (l.party.name = names[0])));
          ws.send(JSON.stringify(d));
        });
      }),
  });
  assert.equal(await tile(p, 1001).locator(".name").innerText(), names[0]);
  assert.equal(await tile(p, 1002).locator(".name").textContent(), names[1]);
  await ways.mouse.dial(p, "1002");
  await call(p, "calling").waitFor();
  for (const n of [1001, 1003, 1005]) {
    await tile(p, n).click();
    await p.locator(`[data-phone="${n}"]`).waitFor();
  }
  await keep(p, "hostile-names");
  assert.equal(await p.evaluate(() => window.hit), undefined);
  assert.equal(await p.evaluate(() => document.documentElement.scrollWidth > innerWidth), false, "scrolls sideways");
  await accessible("hostile names", p);
  await silence();
  await close(p);
});

test("every view in both themes, small and enlarged, in German", async () => {
  for (const colorScheme of ["light", "dark"]) {
    const p = await open("1005", { colorScheme, locale: "de-DE", settings: { pop: "https://crm.example.com/?n={number}" } });
    await p.getByText("Meine Anrufe").waitFor();
    await dial(1006, 1005);
    await call(p, "ringing").waitFor();
    await tile(p, 1002).click();
    for (const view of [
      "board",
      "queue",
      "phone",
      "admin",
      "admin/counters",
      "admin/doctor",
      "admin/numbers",
      "admin/calls",
      "admin/configuration",
      "admin/tokens",
      "admin/webhooks",
    ]) {
      await p.goto(`${here.farhook.url}#/${view}`);
      if (view === "phone") await p.getByRole("heading", { name: "Rufumleitung" }).waitFor();
      if (view === "admin") await p.locator('[data-pbx="sim"]').waitFor();
      if (view === "admin/counters") {
        const { counters } = await rest("GET", "counters");
        for (const { name, help } of counters) {
          const shown = await p.locator(`[data-counter="${name}"] .help`).first().innerText();
          assert.notEqual(shown, help, `${name} in German`);
        }
      }
      if (view === "admin/configuration") await p.locator("[data-setting]").first().waitFor();
      if (view === "admin/doctor") await p.locator('[data-finding="PBX link"]').getByText("verbunden: sim").waitFor();
      await accessible(`${view}, ${colorScheme}`, p);
      await keep(p, `${view.replace("/", "-")}-${colorScheme}-de`);
    }
    await p.goto(`${here.farhook.url}#/board`);
    await tile(p, 1002).waitFor();
    for (const [key, dialog] of [
      ["?", "keys"],
      ["Control+k", "palette"],
      ["o", "note"],
      ["f", "deflect"],
    ]) {
      await p.keyboard.press(key);
      await p.locator("dialog[open]").waitFor();
      await accessible(`${dialog}, ${colorScheme}`, p);
      if (dialog === "keys") await p.locator('[data-key="palette"]').getByText("Strg K").waitFor();
      await keep(p, `${dialog}-${colorScheme}-de`);
      await p.keyboard.press("Escape");
      await p.locator("dialog").waitFor({ state: "detached" });
    }
    await silence();
    await close(p);
  }
  // 200 % of 1280 by 1024 is 640 by 512.
  for (const viewport of [
    { width: 390, height: 844 },
    { width: 640, height: 512 },
  ]) {
    const p = await open("1005", { viewport, colorScheme: "dark", locale: "de-DE" });
    await accessible(`small ${viewport.width}`, p);
    await tile(p, 1004).scrollIntoViewIfNeeded();
    await tile(p, 1004).click();
    await p.locator('[data-phone="1004"]').waitFor();
    await accessible(`small ${viewport.width}, a line chosen`, p);
    await p.keyboard.press("Escape");
    await p.locator('[data-phone="1004"]').waitFor({ state: "detached" });
    await p.waitForFunction(() => document.activeElement?.getAttribute("data-extension") === "1004");
    await keep(p, `small-${viewport.width}`);
    await dial(1006, 1005);
    await call(p, "ringing").waitFor();
    const last = await p.locator("header nav a").last().boundingBox();
    assert.ok(last.x + last.width <= viewport.width, `every view is in sight at ${viewport.width}`);
    for (const view of ["board", "queue", "phone", "admin", "admin/counters", "admin/doctor", "admin/calls", "admin/tokens"]) {
      await p.goto(`${here.farhook.url}#/${view}`);
      if (view.startsWith("phone")) await p.getByRole("heading", { name: "Rufumleitung" }).waitFor();
      if (view.startsWith("admin")) await p.locator(".admin").waitFor();
      const wide = await p.evaluate(() =>
        [document.documentElement, ...document.querySelectorAll("header, main, .left")]
          .filter((e) => e.scrollWidth > e.clientWidth)
          .map((e) => e.outerHTML.slice(0, 80)),
      );
      await keep(p, `small-${viewport.width}-${view.replace("/", "-")}-de`);
      assert.deepEqual(wide, [], `${view} scrolls sideways at ${viewport.width}`);
    }
    await p.getByRole("button", { name: /Tun oder finden/ }).click();
    await p.locator("dialog[open]").waitFor();
    const box = await p.locator("dialog").boundingBox();
    assert.ok(Math.abs(box.x + box.width / 2 - viewport.width / 2) < 2, "the dialog is in the middle");
    await p.locator('[data-link="live"]').waitFor();
    await silence();
    await close(p);
  }
});

nothingElse();
