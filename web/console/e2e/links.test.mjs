// What breaks: the link to the gateway, a PBX's link, the gateway itself.

import assert from "node:assert/strict";
import { test } from "node:test";
import { accessible, close, dial, here, keep, nothingElse, open, rest, silence, stage, state, tile } from "./harness.mjs";
import { gateway, user } from "./programs.mjs";

stage();

test("a link that is cut catches up without a reload, and says so", async () => {
  const p = await open("1005", {
    before: (page) =>
      page.addInitScript(() => {
        const Real = WebSocket;
        window.sockets = [];
        window.WebSocket = class extends Real {
          constructor(...a) {
            super(...a);
            window.sockets.push(this);
          }
        };
        window.loaded = Math.random();
      }),
  });
  const loaded = await p.evaluate(() => window.loaded);
  await p.evaluate(() => window.sockets.at(-1).close());
  await dial(1006, 1003);
  await p.locator('[data-back="caughtUp"]').waitFor();
  await state(p, 1003, "ringing");
  assert.equal(await p.evaluate(() => window.loaded), loaded);
  await silence();
  await close(p);
});

test("two PBXs on one board; the lines of one whose link is down say so, and the others go on", async () => {
  const both = await gateway({ annex: 5 });
  const hand = await user(both.sip, "tel:+15551003"); // whose phone doesn't answer by itself
  try {
    const link = (up) => rest("POST", "sim/link?pbx=annex", { up }, both);
    const p = await open("2001", { url: both.url });
    await p.getByRole("rowheader", { name: /^annex · Phones/ }).waitFor();
    await p.getByRole("rowheader", { name: /^sim · Phones/ }).waitFor();
    await p.getByLabel("Only").selectOption("pbx:annex");
    await tile(p, 1001).waitFor({ state: "detached" });
    await tile(p, 2002).waitFor();
    await p.getByLabel("Only").selectOption("");
    // Calls of the other PBX are seen, and why they can't be had from here.
    const other = "It belongs to the PBX sim; your phone is on annex.";
    await rest("POST", "calls", { callingDevice: "1006", calledDirectoryNumber: "1003", prompt: "hands-free" }, both);
    await state(p, 1003, "ringing");
    await tile(p, 1003).click();
    assert.equal(await p.locator('aside [data-do="pickUp"]').getAttribute("title"), other);
    await p.keyboard.press("p");
    await p.locator("dialog [role=option][aria-disabled=true]").getByText(other).waitFor();
    await p.keyboard.press("Escape");
    const [{ callID }] = (await rest("GET", "calls", undefined, both)).calls;
    await rest("POST", `calls/${callID}/clear`, undefined, both);
    await state(p, 1003, "idle");
    await link(false);
    await p.getByText("The link to the PBX annex is down. Its lines").waitFor();
    await state(p, 2002, "unknown");
    await state(p, 1001, "idle");
    assert.equal(await p.locator("[data-dial] button").getAttribute("title"), "The link to the PBX annex is down.");
    await rest("POST", "calls", { callingDevice: "1006", calledDirectoryNumber: "1003", prompt: "hands-free" }, both);
    await state(p, 1003, "ringing"); // the other PBX's calls are told as ever
    await accessible("a PBX that is away", p);
    await keep(p, "pbx-down");
    await p.goto(`${both.url}#/admin`);
    await p.locator('[data-pbx="annex"]').getByText("down", { exact: true }).waitFor();
    await p.locator('[data-pbx="sim"]').getByText("connected", { exact: true }).waitFor();
    await link(true);
    await p.locator('[data-pbx="annex"]').getByText("connected", { exact: true }).waitFor();
    await p.goto(`${both.url}#/board`);
    await state(p, 2002, "idle");
    await p.getByText("The link to the PBX annex is down. Its lines").waitFor({ state: "detached" });
    await close(p);
  } finally {
    await hand.stop();
    await both.stop();
  }
});

test("while the gateway is away every lamp says how old it is; started again the page says so", async () => {
  const p = await open("1005");
  const { sip, http } = here.farhook;
  for (const u of here.people.splice(0)) await u.stop();
  await here.farhook.stop();
  await p.getByText("You see the lines as they were").waitFor();
  const stale = p.locator('[role="gridcell"] .stale');
  assert.equal(await stale.count(), await p.locator('[role="gridcell"]').count());
  assert.match(await stale.first().innerText(), /\d:\d\d old/);
  await stale
    .filter({ hasText: /:(0[1-9]|[1-9]\d) old/ })
    .first()
    .waitFor(); // it grows
  const [age, whereto] = [await tile(p, 1021).locator(".stale").boundingBox(), await tile(p, 1021).boundingBox()];
  assert.equal(await tile(p, 1021).locator(".badge").count(), 0); // nothing lies under it
  assert.ok(age.x > whereto.x && age.x + age.width <= whereto.x + whereto.width, "the age is in its tile");
  const button = p.locator("[data-dial] button");
  assert.equal(await button.getAttribute("title"), "There is no connection to the gateway.");
  await accessible("a lost connection", p);
  await keep(p, "lost");
  here.farhook = await gateway({ sip, http });
  await p.locator('[data-back="startedAgain"]').waitFor();
  await stale.first().waitFor({ state: "detached" });
  await close(p);
});

nothingElse();
