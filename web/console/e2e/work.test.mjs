// Each kind of work, done three times: by mouse, by keyboard alone, and by touch.

import assert from "node:assert/strict";
import { test } from "node:test";
import { call, close, dial, none, nothingElse, open, rest, silence, stage, state } from "./harness.mjs";
import { talk, ways } from "./ways.mjs";

stage();

for (const [name, way] of Object.entries(ways)) {
  test(`every kind of work, by ${name}`, async (t) => {
    const p = await open("1005", { ...way.options, settings: { mobile: "+15559000105" } });
    const done = async () => {
      await silence();
      await none(p);
    };
    try {
      await t.test("call, hold, resume, digits, hang up", async () => {
        await talk(p, way);
        await way.act(p, "talking", "hold");
        await call(p, "held").waitFor();
        await state(p, 1005, "held");
        await way.act(p, "held", "resume");
        await call(p, "talking").waitFor();
        await way.act(p, "talking", "digits");
        await way.digits(p, "12#");
        await p.waitForSelector("dialog", { state: "detached" });
        await way.act(p, "talking", "hangUp");
        await none(p);
        await state(p, 1002, "idle");
      });
      await t.test("consult, swap, conference", async () => {
        await talk(p, way);
        await way.act(p, "talking", "consult");
        await way.whom(p, "1006");
        await call(p, "held").waitFor();
        await call(p, "talking").getByText("Farid Grau", { exact: true }).waitFor();
        await way.act(p, "talking", "swap");
        await call(p, "talking").getByText("Bruno Costa", { exact: true }).waitFor();
        await way.act(p, "talking", "conference");
        await call(p, "held").waitFor({ state: "detached" });
        await call(p, "talking").getByText("Farid Grau", { exact: true }).waitFor();
        await call(p, "talking").getByText("Bruno Costa", { exact: true }).waitFor();
        await done();
      });
      await t.test("consult, transfer", async () => {
        await talk(p, way);
        await way.act(p, "talking", "consult");
        await way.whom(p, "1006");
        await call(p, "held").waitFor();
        await call(p, "talking").waitFor();
        await way.act(p, "talking", "transfer");
        await none(p);
        await state(p, 1006, "talking");
        await done();
      });
      await t.test("add somebody", async () => {
        await talk(p, way);
        await way.act(p, "talking", "join");
        await way.whom(p, "1006");
        await call(p, "talking").getByText("Farid Grau", { exact: true }).waitFor();
        await done();
      });
      await t.test("transfer at once, and undo it while the target rings", async () => {
        await talk(p, way);
        await way.act(p, "talking", "transferNow");
        await way.whom(p, "1003");
        await none(p);
        await state(p, 1003, "ringing");
        await p.locator('[data-fate="ringing"] [data-do="undo"]').waitFor();
        await way.back(p);
        await call(p, "talking").getByText("Bruno Costa", { exact: true }).waitFor();
        await state(p, 1003, "idle");
        await done();
      });
      await t.test("park, and take back", async () => {
        await talk(p, way);
        await way.act(p, "talking", "park");
        await way.whom(p, "71");
        await none(p);
        await p.locator('[data-fate="parked"]').getByText("Bruno Costa → Park slot 71", { exact: true }).waitFor();
        await way.back(p);
        await call(p, "talking").getByText("Bruno Costa", { exact: true }).waitFor();
        await done();
      });
      await t.test("move to my mobile, and back while it rings; move while it rings", async () => {
        await talk(p, way);
        await way.act(p, "talking", "move");
        await way.whom(p, "+15559000105");
        await none(p);
        await p.locator('[data-fate="ringing"]').getByText("rings").waitFor();
        await way.back(p);
        await call(p, "talking").getByText("Bruno Costa", { exact: true }).waitFor();
        await done();
        await dial(1006, 1005);
        await call(p, "ringing").waitFor();
        await way.act(p, "ringing", "move");
        await way.whom(p, "+15559000105");
        await none(p);
        await done();
      });
      await t.test("to a voicemail, while I speak and while it rings", async () => {
        await talk(p, way);
        await way.act(p, "talking", "voicemail");
        await way.whom(p, "1003");
        await none(p);
        await dial(1006, 1005);
        await call(p, "ringing").waitFor();
        await way.act(p, "ringing", "voicemail");
        await way.whom(p, "1005");
        await none(p);
        const { calls } = await rest("GET", "calls");
        assert.deepEqual(
          calls.map((c) => c.legs.map((l) => l.deviceID)),
          [
            ["tel:+15551002", "*981003"],
            ["tel:+15551006", "*981005"],
          ],
        );
        await done();
      });
      await t.test("call through a do not disturb", async () => {
        await way.through(p, "1020");
        await state(p, 1020, "ringing");
        await way.act(p, "calling", "hangUp");
        await none(p);
        await done();
      });
      await t.test("answer; deflect; pick up", async () => {
        await dial(1006, 1005);
        await call(p, "ringing").waitFor();
        await p.waitForFunction(() => /Farid Grau/.test(document.querySelector("[data-said]")?.textContent ?? ""));
        await way.act(p, "ringing", "deflect");
        await way.whom(p, "1003");
        await none(p);
        await state(p, 1003, "ringing");
        await way.pickUp(p, "1003");
        await call(p, "talking").waitFor();
        await done();
        await dial(1006, 1005);
        await call(p, "ringing").waitFor();
        await way.act(p, "ringing", "answer");
        await call(p, "talking").waitFor();
        await done();
      });
    } finally {
      await silence();
      await close(p);
    }
  });
}

nothingElse();
