// Who comes in, and what programs are given: sign-in, tokens, webhooks; and the history, which only a gateway with a store keeps.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import { test } from "node:test";
import { accessible, call, close, dial, here, keep, none, nothingElse, rest, stage, state, tab, tile } from "./harness.mjs";
import { configured } from "./programs.mjs";

const password = "correct horse battery";
const all = ["--scopes=observe-state,observe-parties,control,override,administer", "--all-devices"];

stage({
  start: () =>
    configured({
      more: `directory:
  users:
    - {user: "sip:ada@example.com", name: Ada Brandt, department: Sales, lines: ["tel:+15551001"]}
    - {user: "sip:bruno@example.com", name: Bruno Costa, department: Sales, lines: ["tel:+15551002"]}
    - {user: "sip:clara@example.com", name: Clara Dahl, department: Ärztlicher Dienst, lines: ["tel:+15551003"]}
`,
      users: {
        watcher: { password, flags: ["--scopes=observe-state,observe-parties", "--all-devices", "--own=tel:+15551003"] },
        elif: { password, flags: [...all, "--own=tel:+15551005,tel:+15551006"] },
        bruno: { password, flags: ["--scopes=observe-state,control", "--all-devices", "--own=tel:+15551002"] },
      },
    }),
  lines: [1002, 1003],
});

async function fill(name, typed) {
  const p = await tab({ ready: "form [autocomplete=username]:focus" });
  await p.keyboard.type(name);
  await p.getByLabel("Password").fill(typed);
  await p.keyboard.press("Enter");
  return p;
}

const sessions = new Map(); // name → what the browser keeps of a session: the gateway takes few tries to sign in a minute

/** A tab of a user: signed in by hand once, with the same session later. */
async function signIn(name) {
  const storageState = sessions.get(name);
  if (storageState) return tab({ storageState, ready: "[role=gridcell]" });
  const p = await fill(name, password);
  await tile(p, 1001).waitFor();
  sessions.set(name, await p.context().storageState());
  return p;
}

/** A program that takes webhooks, or doesn't. */
async function receiver() {
  const got = [];
  const r = { status: 200, got };
  const server = createServer((q, a) => {
    q.setEncoding("utf8");
    let body = "";
    q.on("data", (d) => (body += d)).on("end", () => {
      if (r.status === 200) got.push({ id: q.headers["webhook-id"], signature: q.headers["webhook-signature"], body });
      a.writeHead(r.status).end();
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  r.url = `http://127.0.0.1:${server.address().port}/take`;
  r.close = () => server.close();
  return r;
}

test("sign-in: a wrong password is told, the right one opens the console with one's own line, sign-out closes it", async () => {
  const p = await fill("elif", "not the password");
  await p.getByText("User name or password is wrong.").waitFor();
  await accessible("sign-in", p);
  await keep(p, "sign-in");
  assert.equal(await p.locator("[role=gridcell]").count(), 0);
  await p.getByLabel("Password").fill(password);
  await p.getByRole("button", { name: "Sign in" }).click();
  await tile(p, 1001).waitFor();
  await p.getByText("Your phone 1005 rings first").waitFor(); // preset from the sign-in
  await p.getByRole("button", { name: /elif.*Sign out/ }).click();
  await p.getByLabel("User name").waitFor();
  assert.equal(await p.locator("[role=gridcell]").count(), 0);
  await p.reload();
  await p.getByLabel("User name").fill("bruno");
  await p.getByLabel("Password").fill(password);
  await p.keyboard.press("Enter");
  await p.getByText("Your phone 1002 rings first").waitFor(); // whoever sat here before had another
  await close(p);
});

test("who has no right to isn't offered it, and is told why where he goes there", async () => {
  const p = await signIn("bruno");
  await tile(p, 1001).waitFor();
  await p.getByRole("link", { name: "Queue" }).waitFor();
  assert.equal(await p.getByRole("link", { name: "Administration" }).count(), 0);
  await p.goto(`${here.farhook.url}#/admin/tokens`);
  await p.getByText("This needs an administrator's rights.").waitFor();
  await p.goto(`${here.farhook.url}#/board`);
  await tile(p, 1020).click();
  await p.locator('[data-phone="1020"]').waitFor();
  assert.equal(await p.locator('[data-do="through"]').count(), 0);
  await p.keyboard.press("Control+k");
  await p.keyboard.type("disturb");
  await p.locator("dialog").getByText("takes a right that you haven't got").waitFor();
  await close(p);
});

test("who may only watch is told so, and offered nothing that he may not do", async () => {
  const p = await signIn("watcher");
  await p.locator("[data-watch-only]").waitFor();
  assert.equal(await p.locator("[data-dial]").count(), 0);
  const caller = await signIn("elif");
  await caller.locator("[data-dial] input").fill("1003");
  await caller.locator("[data-dial] button").click();
  const watchOnly = /^You may only watch/;
  const offered = async (button) => {
    assert.equal(await button.getAttribute("aria-disabled"), "true");
    assert.match(await button.getAttribute("title"), watchOnly);
  };
  await offered(call(p, "ringing").locator('[data-action="answer"]'));
  await tile(p, 1004).click();
  await offered(p.locator('aside [data-do="call"]'));
  await p.goto(`${here.farhook.url}#/queue`);
  await offered(p.locator("[data-waiting] button"));
  await p.keyboard.press("e");
  await p.getByRole("alert").getByText(watchOnly).first().waitFor();
  await call(caller, "calling").locator('[data-action="hangUp"]').click();
  await none(p);
  await p.reload(); // what was missed is known all the same
  await p.locator("[data-missed]").getByText("Elif Fischer", { exact: true }).waitFor();
  await close(caller);
  await close(p);
});

// Documents are given up a minute after they were made: so the receiver that takes none is given its first one before all else.
let dead, hook;
test("a webhook is made, and its secret shown once", async () => {
  dead = await receiver();
  dead.status = 500;
  const p = await signIn("elif");
  await tile(p, 1001).waitFor();
  await p.goto(`${here.farhook.url}#/admin/webhooks`);
  await p.getByLabel("Address").fill("ftp://example.com/");
  await p.getByRole("button", { name: "Make" }).click();
  await p.locator("form [role=alert]").filter({ hasText: /URL/ }).waitFor();
  await p.getByLabel("Address").fill(dead.url);
  await p.getByLabel("What is it for?").fill("tickets");
  await p.getByRole("button", { name: "Make" }).click();
  assert.match(await p.locator("[data-secret] code").innerText(), /^whsec_/);
  await p.locator("[data-secret]").getByRole("button", { name: "Close" }).click();
  await p.locator("[data-secret]").waitFor({ state: "detached" });
  hook = p.locator("[data-webhook]");
  await hook.getByText("nothing given up").waitFor();
  await p.evaluate(() => document.activeElement?.blur());
  await p.keyboard.press("d"); // a call, so that there is something to send
  await p.keyboard.type("1002");
  await p.keyboard.press("Enter");
  await call(p, "calling").waitFor();
  await p.keyboard.press("e");
  await none(p);
  await close(p);
});

test("a token is made with rights and lines, works, and doesn't once it is withdrawn", async () => {
  const p = await signIn("elif");
  await tile(p, 1001).waitFor();
  await p.goto(`${here.farhook.url}#/admin/tokens`);
  await p.getByText("None.").waitFor();
  await p.getByLabel("see states").uncheck();
  await p.getByLabel("What is it for?").fill("ticket system");
  await p.getByRole("button", { name: "Make" }).click();
  await p.getByText("Choose at least one right.").waitFor();
  await p.getByLabel("control calls").check();
  await p.getByLabel(/^Lines/).fill("1003, nobody");
  await p.getByRole("button", { name: "Make" }).click();
  await p.getByText('no PBX has the device "nobody"').waitFor();
  await p.getByLabel(/^Lines/).fill("1003");
  await p.getByRole("button", { name: "Make" }).click();
  const token = await p.locator("[data-secret] code").innerText();
  assert.match(token, /^fhk_/);
  await p.getByRole("cell", { name: "ticket system" }).waitFor();
  await p.getByRole("cell", { name: "+15551003" }).waitFor();
  await accessible("tokens", p);
  await keep(p, "tokens");
  const { devices } = await rest("GET", "devices", undefined, { token });
  assert.deepEqual(
    devices.map((d) => d.deviceID),
    ["tel:+15551003"],
  );
  const withdraw = p.locator("[data-token] button");
  await withdraw.click();
  assert.equal(await withdraw.innerText(), "Withdraw it now"); // asked once more
  await withdraw.click();
  await p.locator("[data-token]").waitFor({ state: "detached" });
  await assert.rejects(rest("GET", "devices", undefined, { token }), /401/);
  await close(p);
});

test("my history, with how it ended; call back calls", async () => {
  const p = await signIn("elif");
  await tile(p, 1001).waitFor();
  await p.locator("[data-dial] input").fill("1003");
  await p.locator("[data-dial] button").click();
  await state(p, 1003, "ringing");
  await call(p, "calling").locator('[data-action="hangUp"]').click();
  await none(p);
  await p.getByRole("link", { name: "Queue" }).click();
  const past = p.locator("[data-history] li").filter({ hasText: "Clara Dahl" }).first();
  await past.getByText(/outgoing/).waitFor();
  await accessible("history", p);
  await keep(p, "history");
  await past.getByRole("button", { name: "Call back" }).click();
  await call(p, "calling").getByText("Clara Dahl", { exact: true }).waitFor();
  await call(p, "calling").locator('[data-action="hangUp"]').click();
  await none(p);
  await close(p);
});

test("a call moves to another line of mine", async () => {
  const p = await signIn("elif");
  await p.locator("[data-dial] input").fill("1002");
  await p.locator("[data-dial] button").click();
  await call(p, "calling").waitFor();
  const q = await signIn("bruno");
  await call(q, "ringing").locator('[data-action="answer"]').click();
  await call(p, "talking").waitFor();
  await p.getByRole("link", { name: "My phone" }).click();
  await p.locator("[data-others]").getByText("Farid Grau 1006").waitFor();
  await p.locator("[data-others] [data-do=move]").click();
  await p.locator('dialog [role="option"] >> text="1006"').click();
  await none(p);
  await p.locator("[data-others]").getByText("Talking").waitFor(); // the simulated phone is lifted
  await keep(p, "my-other-phones");
  // He may see states and not with whom: nobody's name stands beside what the others do.
  await state(q, 1006, "talking");
  await call(q, "talking").getByText("With whom isn't shown to you.").waitFor();
  assert.doesNotMatch(await q.locator("body").innerText(), /with (Bruno|Elif|Farid)/);
  await call(q, "talking").locator('[data-action="hangUp"]').click();
  await close(q);
  await close(p);
});

test("departments group and filter the board, and are searched", async () => {
  const p = await signIn("elif");
  await tile(p, 1001).waitFor();
  await p.getByLabel("Group by").selectOption("department");
  await p.getByRole("rowheader", { name: /^Ärztlicher Dienst/ }).waitFor();
  await p.getByRole("rowheader", { name: /^Sales/ }).waitFor();
  await p.getByRole("rowheader", { name: /^No department/ }).waitFor();
  await p.getByLabel("Only").selectOption("department:Sales");
  await tile(p, 1003).waitFor({ state: "detached" });
  await tile(p, 1001).waitFor();
  await p.getByLabel("Only").selectOption("");
  await p.getByLabel("Search name").fill("arztlich");
  await tile(p, 1001).waitFor({ state: "detached" });
  await tile(p, 1003).waitFor();
  await keep(p, "departments");
  await close(p);
});

test("certificates with their dates; the configuration to be read", async () => {
  const p = await signIn("elif");
  await tile(p, 1001).waitFor();
  await p.goto(`${here.farhook.url}#/admin/configuration`);
  const own = p.locator(".card[data-certificate]").filter({ hasText: "gateway.example.com" });
  await own.getByText("ends in 9 days").waitFor();
  await own.getByText("our own").waitFor();
  await p.locator(".card[data-certificate]").getByText("trusted authority").waitFor();
  await p.getByLabel("Search", { exact: true }).fill("webhooks.age");
  await p.locator('[data-setting="web.webhooks.age"]').getByText("1m0s").waitFor();
  assert.equal(await p.locator("[data-setting]").count(), 1);
  await accessible("the configuration", p);
  await keep(p, "configuration");
  await close(p);
});

test("what a webhook's receiver didn't take is shown with why, and sent again", async () => {
  const p = await signIn("elif");
  await tile(p, 1001).waitFor();
  await p.goto(`${here.farhook.url}#/admin/webhooks`);
  hook = p.locator("[data-webhook]");
  await hook
    .getByText(/given up$/)
    .filter({ hasNotText: "nothing" })
    .waitFor({ timeout: 90_000 });
  await hook.getByText("it answered 500 Internal Server Error").first().waitFor();
  await accessible("webhooks", p);
  await keep(p, "webhooks");
  dead.status = 200;
  await hook.getByRole("button", { name: "Send again" }).click();
  await p.getByText(/(is|are) sent again\./).waitFor();
  for (let i = 0; i < 100 && dead.got.length === 0; i++) await p.waitForTimeout(100);
  assert.ok(dead.got.length > 0);
  assert.match(dead.got[0].signature, /^v1,/);
  await hook.getByRole("button", { name: "New secret" }).click();
  assert.match(await hook.locator("[data-secret] code").innerText(), /^whsec_/);
  const remove = hook.getByRole("button", { name: /^Delete/ });
  await remove.click();
  await remove.click();
  await hook.waitFor({ state: "detached" });
  dead.close();
  await close(p);
});

nothingElse();
