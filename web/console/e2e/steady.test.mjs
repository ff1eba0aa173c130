// What changes under one's hands: calls that end while one aims at them, lists that move, other tabs, a page that is loaded anew.

import assert from "node:assert/strict";
import { test } from "node:test";
import { call, close, dial, lift, none, nothingElse, open, rest, silence, stage, state, tab, tile } from "./harness.mjs";
import { talk, ways } from "./ways.mjs";

stage({ lines: [1001, 1002, 1003, 1004, 1005, 1006] });

const focusIn = (p, where) => p.waitForFunction((w) => document.activeElement?.closest(w) !== null, where);

/** Presses the mouse on the first call and moves to a line. */
async function drag(p, extension, nth = 0) {
  const grip = await p.locator(".grip").nth(nth).boundingBox();
  const over = await tile(p, extension).boundingBox();
  await p.mouse.move(grip.x + 60, grip.y + 10);
  await p.mouse.down();
  await p.mouse.move(over.x + 40, over.y + 20, { steps: 6 });
}

test("a call that ends while it is dragged leaves nothing behind; one that ends before a way is chosen says so", async () => {
  const p = await open("1005");
  await talk(p, ways.mouse);
  await drag(p, 1003);
  await p.locator("[data-ghost]").waitFor();
  await silence();
  await p.locator("[data-ghost]").waitFor({ state: "detached" });
  await p.mouse.up();
  assert.equal(await p.locator("dialog").count(), 0);
  await talk(p, ways.mouse);
  await drag(p, 1003);
  await p.mouse.up();
  const way = p.locator('[data-way="transferNow"][aria-disabled="false"]');
  await way.waitFor();
  await silence();
  await p.locator('[data-way="transferNow"]').getByText("This call is over.").waitFor();
  await way.waitFor({ state: "detached" });
  await p.keyboard.press("Escape");
  // The same where it was asked for whom.
  await talk(p, ways.keyboard);
  await p.keyboard.press("x");
  await p.locator("dialog .sentence").getByText("you drop off").waitFor();
  await silence();
  await p.locator("dialog .sentence").getByText("This call is over.").waitFor();
  assert.equal(await p.locator("dialog .button.primary").getAttribute("aria-disabled"), "true");
  await p.keyboard.press("Escape");
  await close(p);
});

test("with two calls held it is the one that was dragged that goes, and a key asks which", async () => {
  const p = await open("1005");
  for (const [i, to] of ["1002", "1003", "1004"].entries()) {
    if (i === 0) await ways.mouse.dial(p, to);
    else {
      await ways.mouse.act(p, "talking", "consult");
      await ways.mouse.whom(p, to);
    }
    await call(p, "calling").waitFor();
    await lift(to);
    await call(p, "talking").waitFor();
    assert.equal(await call(p, "held").count(), i);
  }
  const names = { 1002: "Bruno Costa", 1003: "Clara Dahl", 1004: "Deniz Egger" };
  const with4 = call(p, "talking").getByText(names[1004], { exact: true });
  await with4.waitFor();
  await p.keyboard.press("s");
  await p.locator("dialog [role=option]").getByText(names[1003]).click();
  await call(p, "talking").getByText(names[1003], { exact: true }).waitFor();
  await p.keyboard.press("s");
  await p.locator("dialog input").waitFor();
  await p.keyboard.type("deniz");
  await p.locator("dialog .sentence").getByText("Clara Dahl is put on hold; you speak with Deniz Egger again.").waitFor();
  await p.keyboard.press("Enter");
  await with4.waitFor();
  // The last of those that are held is given to whom I speak with.
  const last = await call(p, "held").last().locator(".who").innerText();
  await drag(p, 1004, 2);
  await p.mouse.up();
  await p.locator('[data-way="transfer"]').click();
  await p.waitForFunction(() => document.querySelectorAll("section.mine [data-call]").length === 1);
  const [gone, left] = last === names[1002] ? [1002, 1003] : [1003, 1002];
  await tile(p, gone).getByText("with Deniz Egger").waitFor();
  await state(p, 1004, "talking");
  await call(p, "held").getByText(names[left], { exact: true }).waitFor();
  await silence();
  await close(p);
});

test("hanging up while a second call begins to ring ends the first, by key and by mouse", async () => {
  const p = await open("1005");
  await talk(p, ways.keyboard);
  await dial(1006, 1005);
  await call(p, "ringing").waitFor();
  await p.keyboard.press("e");
  await call(p, "talking").waitFor({ state: "detached" });
  await call(p, "ringing").waitFor();
  await silence();
  await none(p);
  // By mouse: what has just moved to where the pointer is isn't hit.
  await talk(p, ways.mouse);
  const box = await call(p, "talking").locator('[data-action="hangUp"]').boundingBox();
  await p.mouse.move(box.x + 20, box.y + 10);
  await p.evaluate(() => {
    // The click comes with the very change, however slow the machine is.
    const now = Date.now();
    Date.now = () => now;
    const list = document.querySelector("ul.calls");
    window.hit = "";
    new MutationObserver(() => {
      const b = list.querySelector('[data-state="ringing"] [data-action="hangUp"]');
      if (b && !window.hit) {
        window.hit = "yes";
        b.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, detail: 1 }));
      }
    }).observe(list, { childList: true });
  });
  let asked = 0;
  p.on("request", (r) => (asked += Number(r.url().endsWith("/clear"))));
  await dial(1006, 1005);
  await p.waitForFunction(() => window.hit === "yes");
  await p.evaluate(() => new Promise((r) => setTimeout(r, 100)));
  assert.equal(asked, 0);
  await call(p, "ringing").locator('[data-action="hangUp"]').click(); // who moves there means it
  await call(p, "ringing").waitFor({ state: "detached" });
  await silence();
  await close(p);
});

test("picking up: what is typed chooses, and what is chosen stays chosen while others come and go", async () => {
  const p = await open("1005");
  await dial(1011, 1002);
  await dial(1012, 1003);
  await dial(1013, 1004);
  for (const n of [1002, 1003, 1004]) await state(p, n, "ringing");
  await p.keyboard.press("p");
  await p.locator("dialog [role=option]").nth(2).waitFor();
  await p.keyboard.press("ArrowDown");
  const chosen = p.locator("dialog [role=option][aria-selected=true]");
  await chosen.getByText("Clara Dahl").waitFor();
  const clear = async (extension) => {
    const [c] = (await rest("GET", `devices/${extension}`)).calls;
    await rest("POST", `calls/${c.callID}/clear`);
    await state(p, extension, "idle");
  };
  await clear(1002); // the one before it
  await p.locator("dialog [role=option]").getByText("Bruno Costa").waitFor({ state: "detached" });
  await chosen.getByText("Clara Dahl").waitFor();
  await p.locator("dialog .sentence").getByText("from Clara Dahl 1003").waitFor();
  await clear(1003); // that one itself: nothing has taken its place
  await p.locator("dialog [role=option]").getByText("Clara Dahl").waitFor({ state: "detached" });
  assert.equal(await chosen.count(), 0);
  await p.keyboard.press("Enter");
  assert.equal(await p.locator("dialog").count(), 1);
  await p.keyboard.press("ArrowDown");
  await chosen.getByText("Deniz Egger").waitFor();
  await dial(1014, 1002);
  await p.locator("dialog [role=option]").nth(1).waitFor();
  await p.keyboard.type("bruno");
  await p.locator("dialog [role=option]").getByText("Deniz Egger").waitFor({ state: "detached" });
  await p.keyboard.press("Enter");
  await call(p, "talking").waitFor();
  await state(p, 1002, "idle");
  await state(p, 1004, "ringing");
  await silence();
  await close(p);
});

test("who looks whose phone else could be his keeps his own on Escape", async () => {
  const p = await open("1005");
  await p.getByRole("button", { name: "Change" }).click();
  await p.locator("dialog input").waitFor();
  await p.keyboard.press("Escape");
  await p.locator("dialog").waitFor({ state: "detached" });
  await p.getByText("Your phone 1005 goes hands-free").waitFor();
  await close(p);
});

test("two tabs of one operator don't undo each other's settings; what one chooses the other shows", async () => {
  const a = await open("1005");
  const b = await tab({ context: a.context(), ready: "[data-dial]" });
  await tile(a, 1003).click();
  await a.locator('[data-do="favourite"]').click();
  await tile(b, 1004).click();
  await b.locator('[data-do="favourite"]').click();
  for (const p of [a, b]) {
    await p.getByLabel("Only").selectOption("favourites");
    await tile(p, 1001).waitFor({ state: "detached" });
    await tile(p, 1003).waitFor();
    await tile(p, 1004).waitFor();
  }
  await b.locator('[data-do="mine"]').click();
  await a.getByText("Your phone 1004 goes hands-free").waitFor();
  await b.close();
  await close(a);
});

test("what was sent away, and who is watched, is there again when the page is loaded anew", async () => {
  const p = await open("1005", { settings: { patience: 5 } });
  await dial(1012, 1004);
  await state(p, 1004, "ringing");
  await tile(p, 1004).click();
  await p.locator('[data-do="tellMe"]').click();
  await talk(p, ways.mouse);
  await ways.mouse.act(p, "talking", "transferNow");
  await ways.mouse.whom(p, "1003");
  await p.locator("[data-fate]").waitFor();
  await p.reload();
  await p.locator('[data-fate="overdue"]').getByText("Bruno Costa → Clara Dahl 1003", { exact: true }).waitFor();
  await p.locator('[data-fate="overdue"] [data-do="takeBack"]').click();
  await call(p, "talking").getByText("Bruno Costa", { exact: true }).waitFor();
  await p.locator("[data-fate]").waitFor({ state: "detached" });
  await silence();
  await p.locator('[data-freed="1004"]').waitFor();
  await p.reload();
  await p.waitForSelector('[data-link="live"]', { state: "attached" });
  assert.equal(await p.locator("[data-fate]").count(), 0);
  await close(p);
});

test("a group's members are shown as they are now", async () => {
  const p = await open("1005");
  await tile(p, 1000).click();
  const member = p.locator('[data-phone="1000"] .member').filter({ hasText: "Bruno Costa" });
  await member.getByText("Idle").waitFor();
  await dial(1012, 1002);
  await member.getByText("Ringing").waitFor();
  await silence();
  await member.getByText("Idle").waitFor();
  await close(p);
});

test("with a filter on, how many lines it shows isn't said each time that one rings; what a filter is for stays", async () => {
  const p = await open("1005");
  await p.getByRole("button", { name: /^Ringing/ }).click();
  const said = p.locator("[data-shown]");
  await p.waitForFunction(() => document.querySelector("[data-shown]").textContent !== "");
  const first = await said.textContent();
  assert.match(first, /^0 lines/);
  await dial(1012, 1002);
  await state(p, 1002, "ringing");
  assert.equal(await said.textContent(), first);
  await silence();
  await p.getByRole("button", { name: /^All/ }).click();
  await p.waitForFunction(() => document.querySelector("[data-shown]").textContent === "");
  for (const from of [1013, 1014, 1015, 1016, 1017]) await dial(from, 1000);
  const queued = p.locator(".filter.queued");
  await queued.waitFor();
  await silence();
  await queued.filter({ hasText: /0$/ }).waitFor(); // it takes its place still: the board hasn't jumped
  await close(p);
});

test("text that is selected beyond a dialog's edge closes nothing", async () => {
  const p = await open("1005");
  await tile(p, 1003).click();
  await p.locator('aside [data-do="note"]').click();
  await p.locator("dialog textarea").fill("until three");
  const box = await p.locator("dialog textarea").boundingBox();
  await p.mouse.move(box.x + 100, box.y + 20);
  await p.mouse.down();
  await p.mouse.move(box.x - 200, box.y + 20, { steps: 4 });
  await p.mouse.up();
  assert.equal(await p.locator("dialog textarea").inputValue(), "until three");
  await p.mouse.click(10, 10); // outside, pressed and let go
  await p.locator("dialog").waitFor({ state: "detached" });
  await close(p);
});

test("a link of another program has the keyboard in its field, and waits for a phone to be chosen", async () => {
  const p = await open("1005", { path: "#/call?number=1002" });
  await p.waitForFunction(() => document.activeElement?.closest("[data-dial]") && document.activeElement.value === "1002");
  await p.keyboard.press("Enter");
  await call(p, "calling").waitFor();
  await silence();
  await close(p);
  const q = await tab({ path: "#/call?number=1003", ready: "dialog input" });
  await q.keyboard.type("elif");
  await q.keyboard.press("Enter");
  await q.waitForFunction(() => document.querySelector("[data-dial] input")?.value === "1003");
  await close(q);
});

test("a view that can't be fetched says so, and is there once it can", async () => {
  const p = await open("1005");
  await p.route(/MyPhone.*\.js/, (r) => r.abort());
  await p.getByRole("link", { name: "My phone" }).click();
  await p.locator("main [role=alert]").getByText("could not be fetched").waitFor();
  await p.getByRole("button", { name: "Load the page anew" }).waitFor();
  await p.unroute(/MyPhone.*\.js/);
  await p.getByRole("button", { name: "Load the page anew" }).click();
  await p.getByRole("switch", { name: "Do not disturb" }).waitFor();
  await close(p);
});

test("the keyboard stays in its part of the page when what had it goes", async () => {
  const p = await open("1005");
  await talk(p, ways.mouse);
  await call(p, "talking").locator('[data-action="hangUp"]').focus();
  await p.keyboard.press("Enter");
  await none(p);
  await focusIn(p, "section.mine");
  await talk(p, ways.keyboard);
  await call(p, "talking").locator('[data-action="transferNow"]').focus();
  await p.keyboard.press("Enter");
  await ways.keyboard.whom(p, "1003");
  await none(p);
  await p.locator("dialog").waitFor({ state: "detached" });
  await focusIn(p, "section.mine");
  await p.locator("[data-sent] .button").first().focus();
  await p.locator('[data-do="takeBack"]:focus').waitFor(); // its time is over
  await p.keyboard.press("Enter");
  await call(p, "talking").waitFor();
  await focusIn(p, "section.mine");
  await p.keyboard.press("e"); // letters are commands all the same
  await none(p);
  await close(p);
});

test("rights that have changed are known once the connection is back", async () => {
  let scopes = ["observe-state", "observe-parties"];
  const p = await open("1005", {
    before: async (page) => {
      await page.addInitScript(() => {
        const Real = WebSocket;
        window.sockets = [];
        window.WebSocket = class extends Real {
          constructor(...a) {
            super(...a);
            window.sockets.push(this);
          }
        };
      });
      // While the link is lost the gateway answers nothing else either.
      await page.route("**/api/v1/session", async (r) =>
        (await page.locator('[data-link="lost"]').count()) > 0
          ? r.abort()
          : r.fulfill({ json: { name: "elif", scopes, ownLines: [] } }),
      );
    },
    ready: "[data-watch-only]",
  });
  scopes = ["observe-state", "observe-parties", "control"];
  await p.evaluate(() => window.sockets.at(-1).close());
  await p.locator("[data-dial]").waitFor();
  await close(p);
});

nothingElse();
