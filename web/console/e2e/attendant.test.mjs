// The attendant's day: first run, drag and drop, what was sent away, the queue, searching, links from other programs, two at once.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  accessible,
  call,
  close,
  dial,
  keep,
  lift,
  none,
  nothingElse,
  open,
  rest,
  silence,
  stage,
  state,
  tile,
} from "./harness.mjs";
import { talk, ways } from "./ways.mjs";

stage();

test("which phone is yours: asked first, and without one nothing is placed", async () => {
  const p = await open(null);
  await p.getByRole("heading", { name: "Which phone is yours?" }).waitFor();
  await accessible("the first question", p);
  await keep(p, "first-run");
  await p.keyboard.press("Escape");
  await p.getByText("You are watching.").waitFor();
  await p.keyboard.press("d");
  await tile(p, 1004).click();
  const button = p.locator('aside [data-do="call"]');
  assert.equal(await button.getAttribute("aria-disabled"), "true");
  assert.equal(await button.getAttribute("title"), "Choose your phone first.");
  await p.getByRole("button", { name: "Which phone is yours?" }).click();
  await p.keyboard.type("elif");
  await p.keyboard.press("Enter");
  await p.getByText("Your phone 1005 rings first").waitFor();
  await p.reload();
  await p.getByText("Your phone 1005 rings first").waitFor();
  await close(p);
});

test("a call dragged onto a line says what will happen, and asks before it does", async () => {
  const p = await open("1005");
  await talk(p, ways.mouse);
  const grip = await p.locator(".grip").boundingBox();
  const over = await tile(p, 1003).boundingBox();
  await p.mouse.move(grip.x + 60, grip.y + 10);
  await p.mouse.down();
  await p.mouse.move(over.x + 40, over.y + 20, { steps: 6 });
  assert.equal(await p.locator("[data-ghost]").innerText(), "Bruno Costa goes to Clara Dahl 1003; you drop off.");
  await keep(p, "drag");
  await p.mouse.up();
  await p.locator("[data-chooser]").waitFor();
  await state(p, 1003, "idle"); // nothing has happened yet
  await accessible("the chooser", p);
  await keep(p, "chooser");
  await p.locator('[data-way="transferNow"]').click();
  await none(p);
  await state(p, 1003, "ringing");
  await silence();
  await close(p);
});

test("what nobody answers comes to the top, and is taken back", async () => {
  const p = await open("1005", { settings: { patience: 5 } });
  await talk(p, ways.mouse);
  await ways.mouse.act(p, "talking", "transferNow");
  await ways.mouse.whom(p, "1003");
  await p.locator('[data-fate="overdue"]').waitFor();
  assert.match(await p.locator('[data-fate="overdue"]').innerText(), /Clara Dahl 1003 isn't answering/);
  await p.waitForFunction(() => /Clara Dahl 1003 isn't answering/.test(document.querySelector("[data-said]").textContent));
  await accessible("an overdue transfer", p);
  await keep(p, "overdue");
  await p.locator('[data-fate="overdue"] [data-do="takeBack"]').click();
  await call(p, "talking").waitFor();
  assert.match(await p.locator("section.mine .story").textContent(), /Elif Fischer called Bruno Costa/);
  await silence();
  await close(p);
});

test("what nobody answers goes to the voicemail of whom it rings at", async () => {
  const p = await open("1005", { settings: { patience: 5 } });
  await talk(p, ways.mouse);
  await ways.mouse.act(p, "talking", "transferNow");
  await ways.mouse.whom(p, "1003");
  await p.locator('[data-fate="overdue"] [data-do="voicemail"]').click();
  await p.locator("[data-fate]").waitFor({ state: "detached" });
  const { calls } = await rest("GET", "calls");
  assert.ok(calls[0].legs.some((l) => l.deviceID === "*981003"));
  await silence();
  await close(p);
});

test("what nobody answers is taken back and sent to somebody else in one go", async () => {
  const p = await open("1005", { settings: { patience: 5 } });
  await talk(p, ways.mouse);
  await ways.mouse.act(p, "talking", "transferNow");
  await ways.mouse.whom(p, "1003");
  await p.locator('[data-fate="overdue"] [data-do="someoneElse"]').click();
  await ways.mouse.whom(p, "1001");
  await none(p);
  await state(p, 1001, "ringing");
  await state(p, 1003, "idle");
  await silence();
  await close(p);
});

test("what comes back to me says from whom", async () => {
  const p = await open("1005");
  await talk(p, ways.mouse);
  await ways.mouse.act(p, "talking", "transferNow");
  await ways.mouse.whom(p, "1003");
  await state(p, 1003, "ringing");
  const [{ callID }] = (await rest("GET", "calls")).calls;
  await rest("POST", `calls/${callID}/connections/1003/deflect`, { to: "1005" }); // as a PBX does with what nobody answers
  await call(p, "ringing").getByText("Back from Clara Dahl 1003").waitFor();
  await keep(p, "back");
  await silence();
  await dial(1006, 1003); // a call that was never mine says whom it was for
  const [other] = (await rest("GET", "calls")).calls;
  await rest("POST", `calls/${other.callID}/connections/1003/deflect`, { to: "1005" });
  await call(p, "ringing").getByText("Diverted from Clara Dahl 1003").waitFor();
  await silence();
  await close(p);
});

test("a call is dragged by finger", async () => {
  const p = await open("1005", ways.touch.options);
  await talk(p, ways.touch);
  const finger = await p.context().newCDPSession(p);
  const touch = (type, x, y) =>
    finger.send("Input.dispatchTouchEvent", { type, touchPoints: type === "touchEnd" ? [] : [{ x, y, id: 1 }] });
  const grip = await p.locator(".grip").boundingBox();
  const over = await tile(p, 1004).boundingBox();
  const [x, y] = [grip.x + 60, grip.y + 10];
  await touch("touchStart", x, y);
  for (let i = 1; i <= 8; i++) await touch("touchMove", x + ((over.x + 40 - x) * i) / 8, y + ((over.y + 20 - y) * i) / 8);
  await p.locator("[data-ghost]").getByText("Bruno Costa goes to Deniz Egger 1004; you drop off.").waitFor();
  // A finger that stops before it lifts: else the browser takes it for a fling, and the next tap for what ends that.
  for (let i = 0; i < 3; i++) {
    await p.waitForTimeout(100);
    await touch("touchMove", over.x + 40 + (i % 2), over.y + 20);
  }
  await touch("touchEnd");
  await p.locator('[data-way="transferNow"]').tap();
  await none(p);
  await silence();
  await close(p);
});

test("two browsers see the same, and speak with each other", async () => {
  const [a, b] = [await open("1005"), await open("1002")];
  await ways.keyboard.dial(a, "1002");
  await call(b, "ringing").waitFor();
  assert.match(await b.title(), /^\(1\)/);
  await b.keyboard.press("a");
  for (const p of [a, b]) {
    await call(p, "talking").waitFor();
    await state(p, 1005, "talking");
    await state(p, 1002, "talking");
  }
  await b.keyboard.press("h");
  await call(a, "talking").getByText("Held by", { exact: true }).waitFor();
  await a.keyboard.press("e");
  await none(a);
  await none(b);
  await close(a);
  await close(b);
});

test("the queue in order of waiting; one key takes the longest", async () => {
  const p = await open("1001", { path: "#/queue" });
  await p.getByText("Nobody is waiting.").waitFor();
  for (const from of [1006, 1007, 1008, 1009]) await dial(from, 1000);
  await p.locator("[data-waiting]").nth(3).waitFor();
  assert.match(await p.locator("[data-waiting]").first().innerText(), /Farid Grau[^]*rings at your phone/);
  assert.match(await p.locator("[data-waiting]").last().innerText(), /Ines Jensen[^]*Main number 1000/);
  await accessible("the queue", p);
  await keep(p, "queue");
  const waits = () => p.locator("[data-waiting] .wait").first();
  const colours = [await waits().evaluate((e) => getComputedStyle(e).color)];
  for (const [later, words] of [
    [30_000, "long"],
    [40_000, "too long"],
  ]) {
    await p.evaluate((ms) => {
      const now = Date.now;
      Date.now = () => now() + ms;
    }, later);
    await p.locator("[data-waiting] .tone").first().getByText(words, { exact: true }).waitFor();
    colours.push(await waits().evaluate((e) => getComputedStyle(e).color));
  }
  assert.equal(new Set(colours).size, 3, `how long a call waits is told in colours: ${colours}`);
  await p.keyboard.press("q");
  await call(p, "talking").getByText("Farid Grau", { exact: true }).waitFor();
  await silence();
  await p.getByText("Nobody is waiting.").waitFor();
  await dial(1006, 1001);
  await call(p, "ringing").waitFor();
  await silence();
  await p.getByRole("button", { name: "Call back" }).first().waitFor();
  await close(p);
});

test("who has a call that went to the main number is told; whom a caller spoke with before too", async () => {
  const p = await open("1001", { path: "#/queue" });
  const from = "tel:+498912340";
  await rest("POST", "sim/calls", { from, name: "Berta Outside", to: "1003" });
  await lift(1003);
  await silence();
  const kept = async () => (await rest("GET", "history?number=%2B498912340")).calls.length > 0;
  while (!(await kept())) await p.waitForTimeout(100); // the gateway writes its history in batches
  await rest("POST", "sim/calls", { from, name: "Berta Outside", to: "1000" });
  const row = p.locator("[data-waiting]");
  await row.getByText("Berta Outside", { exact: true }).waitFor();
  await row
    .locator("[data-contact]")
    .getByText(/Clara Dahl, answered/)
    .waitFor();
  await row.getByText("not long").waitFor();
  await silence();
  await dial(1006, 1000); // rings at 1001
  await dial(1007, 1000); // rings at 1002
  const second = p.locator("[data-waiting]").filter({ hasText: "Greta Haas" });
  await second.waitFor();
  await lift(1002);
  await second.getByText("Bruno Costa 1002 has this call").waitFor();
  await silence();
  await close(p);
});

test("a call from outside: its page at another program, its notification, its sentence when it is dragged", async () => {
  const p = await open("1005", {
    settings: { notify: true, pop: "https://crm.example.com/?n={number}&who={name}" },
    before: (page) =>
      page.addInitScript(() => {
        window.notified = [];
        window.Notification = class {
          static permission = "granted";
          constructor(words) {
            window.notified.push(words);
          }
        };
        document.hasFocus = () => false; // on a second screen, in sight
      }),
  });
  await rest("POST", "sim/calls", { from: "tel:+498912340", name: "A&B <Outside>", to: "1005" });
  const pop = call(p, "ringing").getByRole("link", { name: "Open caller's page" });
  assert.equal(await pop.getAttribute("href"), "https://crm.example.com/?n=%2B498912340&who=A%26B%20%3COutside%3E");
  assert.equal(await pop.getAttribute("rel"), "noopener noreferrer");
  await p.waitForFunction(() => window.notified.length === 1);
  assert.match((await p.evaluate(() => window.notified)).join(), /A&B <Outside>/);
  const grip = await p.locator(".grip").boundingBox();
  const over = await tile(p, 1004).boundingBox();
  await p.mouse.move(grip.x + 60, grip.y + 10);
  await p.mouse.down();
  await p.mouse.move(over.x + 40, over.y + 20, { steps: 6 });
  assert.match(await p.locator("[data-ghost]").innerText(), /A&B <Outside> goes to Deniz Egger 1004, unanswered by you\./);
  await p.keyboard.press("Escape"); // and nothing happens
  await p.mouse.up();
  assert.equal(await p.locator("[data-chooser]").count(), 0);
  assert.equal(await call(p, "ringing").count(), 1);
  await silence();
  await close(p);
});

test("what the gateway refuses is said in its own words, and the call stays", async () => {
  const p = await open("1005");
  await talk(p, ways.keyboard);
  await p.keyboard.press("x");
  await p.locator("dialog input").waitFor();
  await p.keyboard.type("nobody at all");
  await p.keyboard.press("Enter");
  const said = p.locator("dialog [role=alert]").filter({ hasText: /\w/ });
  await said.waitFor();
  assert.doesNotMatch(await said.innerText(), /^The gateway refused \(\d+\)/);
  await p.keyboard.press("Escape");
  assert.equal(await call(p, "talking").count(), 1);
  await p.keyboard.press("g");
  await p.locator("dialog input").waitFor();
  await p.keyboard.type("12x");
  await p.keyboard.press("Enter");
  await p.locator("dialog [role=alert]").getByText("Only digits, A to D, * and # can be sent.").waitFor();
  await p.keyboard.press("Backspace");
  await p.keyboard.type("D#");
  await p.keyboard.press("Enter");
  await p.locator("dialog").waitFor({ state: "detached" });
  const answer = call(p, "talking").locator('[data-action="answer"]');
  assert.equal(await answer.getAttribute("aria-disabled"), "true");
  assert.equal(await answer.getAttribute("title"), "Only a ringing call can be answered.");
  await silence();
  await close(p);
  const cannot = await open("1024");
  await dial(1006, 1024);
  await call(cannot, "ringing").waitFor();
  assert.match(
    await call(cannot, "ringing").locator('[data-action="answer"]').getAttribute("title"),
    /cannot be answered remotely/,
  );
  await silence();
  await close(cannot);
});

test("search, filters and groups choose what is shown; the palette and the keys can be had", async () => {
  const p = await open("1005");
  await p.keyboard.press("/");
  await p.keyboard.type("clara");
  await tile(p, 1001).waitFor({ state: "detached" });
  await p.keyboard.press("Enter");
  await p.waitForFunction(() => document.activeElement?.getAttribute("data-extension") === "1003");
  await p.keyboard.press("Enter");
  await p.locator('[data-phone="1003"] [data-do="favourite"]').click();
  await p.getByLabel("Clear the search").click();
  await p.getByLabel("Only").selectOption("favourites");
  await tile(p, 1001).waitFor({ state: "detached" });
  await tile(p, 1003).waitFor();
  await p.getByLabel("Only").selectOption("");
  await p.getByRole("button", { name: /^Out of service/ }).click();
  await tile(p, 1001).waitFor({ state: "detached" });
  await tile(p, 1023).waitFor();
  await p.getByRole("button", { name: /^All/ }).click();
  await p.getByLabel("Group by").selectOption("state");
  await p.getByRole("rowheader", { name: /^Do not disturb/ }).waitFor();
  assert.match(await tile(p, 1020).innerText(), /Do not disturb/);
  assert.match(await tile(p, 1021).innerText(), /Forwarded[^]*→ 1022/);
  await p.evaluate(() => document.activeElement?.blur());

  await tile(p, 1020).focus();
  await p.keyboard.press("o");
  await p.locator("dialog textarea").waitFor();
  await p.keyboard.press("Escape");
  await p.waitForFunction(() => document.activeElement?.getAttribute("data-extension") === "1020"); // where it was
  await p.keyboard.press("Control+k");
  await p.keyboard.type("call somebody");
  await p.keyboard.press("Enter");
  await p.waitForFunction(() => document.activeElement?.closest("[data-dial]"));
  await p.keyboard.press("Escape");
  await p.keyboard.press("Control+k");
  await p.keyboard.type("queue");
  await accessible("the palette", p);
  await keep(p, "palette");
  await p.keyboard.press("Enter");
  await p.getByRole("heading", { name: "Queue", exact: true }).waitFor();
  assert.equal(await p.title(), "Queue · farhook");
  await p.keyboard.press("?");
  await p.locator("[data-help]").waitFor();
  await accessible("the keys", p);
  await keep(p, "keys");
  await p.locator('[data-key="board"]').click();
  await p.keyboard.press("q");
  await p.getByText("That key does").waitFor();
  await p.keyboard.press("y");
  await p.keyboard.press("Escape");
  await p.keyboard.press("y");
  await tile(p, 1001).waitFor();
  await close(p);
});

test("a key held down means once; letters are commands again after dialling, on Escape and on a list", async () => {
  const p = await open("1005");
  await talk(p, ways.keyboard);
  await p.keyboard.press("c");
  await ways.keyboard.whom(p, "1006");
  await call(p, "held").waitFor();
  await call(p, "talking").waitFor();
  // As soon as a call is gone the key comes once more: it was meant for that one.
  await p.evaluate(() => {
    const press = () => document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "e", bubbles: true }));
    new MutationObserver((list) => {
      if (list.some((m) => [...m.removedNodes].some((n) => n.dataset?.call))) press();
    }).observe(document.querySelector("ul.calls"), { childList: true });
  });
  await p.keyboard.down("e");
  for (let i = 0; i < 10; i++) await p.keyboard.down("e"); // as a key does that is held down
  await p.keyboard.up("e");
  await call(p, "talking").waitFor({ state: "detached" });
  await state(p, 1006, "idle");
  await call(p, "held").waitFor();
  await p.keyboard.press("d");
  await p.keyboard.press("Escape");
  await p.getByLabel("Group by").focus();
  await p.keyboard.press("h");
  await call(p, "talking").waitFor();
  await silence();
  await close(p);
});

test("a slow answer is told, and holds up neither hanging up nor anything else", async () => {
  const p = await open("1005");
  await talk(p, ways.keyboard);
  await rest("POST", "sim/trouble", { service: "HoldCall", delayMilliseconds: 20_000 });
  await p.keyboard.press("h");
  await call(p, "talking").locator('[data-action="hold"][aria-busy="true"]').waitFor();
  await p.keyboard.press("k");
  await call(p, "talking").locator("[role=alert]").getByText("Still working on: Hold.").waitFor();
  await p.evaluate(() => {
    const now = Date.now;
    Date.now = () => now() + 9000;
  });
  await p.locator("section.mine [role=alert]").getByText("Still working").waitFor({ state: "detached" }); // not said for ever
  const slow = await call(p, "talking").getAttribute("data-call");
  await dial(1006, 1005);
  await call(p, "ringing").waitFor();
  await p.keyboard.press("a");
  await call(p, "ringing").waitFor({ state: "detached", timeout: 15_000 });
  await p.locator(`[data-call="${slow}"] [data-action="hangUp"]`).click();
  await p.locator(`section.mine [data-call="${slow}"]`).waitFor({ state: "detached", timeout: 15_000 });
  await silence();
  await close(p);
});

test("my phone: how it answers a call that I place, its tone, tel: links, and who is signed in to it from where", async () => {
  const p = await open("1005", {
    path: "#/phone",
    settings: { handsFree: false },
    before: (page) =>
      page.addInitScript(() => {
        window.strokes = 0;
        const Real = AudioContext;
        window.AudioContext = class extends Real {
          createOscillator() {
            window.strokes++;
            return super.createOscillator();
          }
        };
        window.handlers = [];
        navigator.registerProtocolHandler = (...a) => window.handlers.push(a);
      }),
  });
  // Whose speech is where is said before the call.
  const prompt = p.locator("[data-dial] .prompt");
  assert.equal(await prompt.innerText(), "Your phone 1005 rings first; lift it and the call is made.");
  await p.getByLabel("My phone goes hands-free").check();
  assert.equal(await prompt.innerText(), "Your phone 1005 goes hands-free at once.");
  await p.getByLabel("My phone rings first").check();
  const asked = (wanted) => p.waitForRequest((r) => r.method() === "POST" && r.postDataJSON()?.prompt === wanted);
  await Promise.all([asked("ring-first"), ways.mouse.dial(p, "1002")]);
  await silence();
  await none(p);
  await p.getByLabel("My phone goes hands-free").check();
  await Promise.all([asked("hands-free"), ways.mouse.dial(p, "1002")]);
  await silence();
  await none(p);

  await p.getByText(/ucsim@localhost/).waitFor();
  await p.getByText(/from 127\.0\.0\.1:\d+/).waitFor();
  await p.getByRole("button", { name: "Open tel: links here" }).click();
  const handlers = await p.evaluate(() => window.handlers);
  assert.deepEqual(
    handlers.map(([scheme, at]) => [scheme, at.replace(/^http:\/\/[^/]+\//, "")]),
    [["tel", "#/call?tel=%s"]],
  );
  await p.evaluate(() => {
    window.told = 0;
    new MutationObserver(() => window.told++).observe(document.querySelector("[data-said]"), {
      childList: true,
      characterData: true,
      subtree: true,
    });
  });
  const ring = async (times) => {
    await dial(1006, 1005);
    await call(p, "ringing").waitFor();
    await p.waitForFunction((n) => window.told === n, times);
    await silence();
    await none(p);
  };
  await ring(1);
  assert.equal(await p.evaluate(() => window.strokes), 0);
  await p.getByLabel("Play a tone").check();
  await p.waitForTimeout(3100); // two sentences have a pause between them
  await ring(2); // the same caller again is said again
  await p.waitForFunction(() => window.strokes === 2);
  await close(p);
});

test("links of other programs fill in the number, and call nobody", async () => {
  const p = await open("1005", { path: "#/call?number=%2B15559000105" });
  await p.waitForFunction(() => document.querySelector("[data-dial] input")?.value === "+15559000105");
  assert.equal((await rest("GET", "calls")).calls.length, 0);
  await close(p);
});

test("what rings while one looks elsewhere is told; who is free again too", async () => {
  const p = await open("1005");
  await dial(1006, 1003);
  await state(p, 1003, "ringing");
  await tile(p, 1003).click();
  await p.locator('[data-do="tellMe"]').click();
  await silence();
  await p.waitForFunction(() => /Clara Dahl 1003 is free/.test(document.querySelector("[data-said]").textContent));
  await p.locator('[data-freed="1003"]').getByText("Clara Dahl 1003 is free now.").waitFor();
  await p.locator('[data-freed="1003"]').getByLabel("Dismiss").click();
  await p.locator("[data-freed]").waitFor({ state: "detached" });
  await dial(1006, 1002); // another line: nothing is said of it
  await state(p, 1002, "ringing");
  assert.doesNotMatch(await p.locator("[data-said]").textContent(), /rings/);
  await silence();
  await close(p);
});

test("a note on a person, with its end, and one for the next shift: written here, read there", async () => {
  const [a, b] = [await open("1005"), await open("1002")];
  const end = new Date(Date.now() + 3_600_000);
  await tile(a, 1003).click();
  await a.keyboard.press("o");
  await a.locator('dialog [data-note="tel:+15551003"] textarea').fill("in a meeting <b>until three</b>");
  await a.getByLabel(/^Until/).fill("2026-01-01T09:00");
  await a.getByRole("button", { name: "Save" }).click();
  await a.locator("dialog [role=alert]").getByText("That time is over already.").waitFor();
  assert.equal(await tile(b, 1003).locator("[data-noted]").count(), 0);
  await a.getByLabel(/^Until/).fill(new Date(end.getTime() - end.getTimezoneOffset() * 60_000).toISOString().slice(0, 16));
  await accessible("writing a note", a);
  await keep(a, "note");
  await a.getByRole("button", { name: "Save" }).click();
  await a.locator("dialog").waitFor({ state: "detached" });
  await tile(b, 1003).locator("[data-noted]").getByText("in a meeting <b>until three</b>").waitFor();
  await tile(b, 1003).click();
  await b
    .locator('[data-note-of="1003"]')
    .getByText(/until \d/)
    .waitFor();
  await b.locator('[data-note-of="1003"] button').click();
  await b.locator("dialog").getByRole("button", { name: "Take away" }).click();
  await tile(a, 1003).locator("[data-noted]").waitFor({ state: "detached" });
  await rest("PUT", "devices/1003/note", { text: "back at once", until: new Date(Date.now() + 2500).toISOString() });
  await tile(a, 1003).locator("[data-noted]").getByText("back at once").waitFor();
  await tile(a, 1003).locator("[data-noted]").waitFor({ state: "detached" }); // its time is over
  await a.keyboard.press("Escape");
  await a.locator('[data-do="shift"]').click();
  await a.keyboard.type("The gate is open until six.");
  await a.getByRole("button", { name: "Save" }).click();
  await b.locator("[data-shift]").getByText("The gate is open until six.").waitFor();
  await accessible("a note for the next shift", b);
  await keep(b, "note-for-the-shift");
  await rest("DELETE", "desk/note");
  await b.locator("[data-shift]").getByText("The gate is open").waitFor({ state: "detached" });
  await close(a);
  await close(b);
});

test("a lamp that sticks: the PBX is asked about the line, and it heals", async () => {
  const p = await open("1005");
  await dial(1006, 1003);
  await state(p, 1003, "ringing");
  await rest("POST", "sim/loss", { device: "1003", facts: 10 });
  await rest("POST", "sim/devices/1006/hand", { act: "hangUp" });
  await tile(p, 1003).click();
  await state(p, 1003, "ringing"); // the end of it was never told
  await p.getByRole("button", { name: "Check this line" }).click();
  await p
    .locator("[data-checked]")
    .getByText(/wrong here, and put right/)
    .waitFor();
  await state(p, 1003, "idle");
  await p.getByRole("button", { name: "Check this line" }).click();
  await p.locator("[data-checked]").getByText("nothing was wrong").waitFor();
  await accessible("a line that was checked", p);
  await keep(p, "checked");
  await rest("POST", "sim/loss", { device: "1003", facts: 0 });
  await close(p);
});

nothingElse();
