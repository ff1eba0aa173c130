import { describe, expect, test } from "vitest";
import { type Action, holdOrRetrieve, whyNot, whyNotCall } from "./actions";
import type { Device, LegState } from "./model";
import { phoneOf } from "./phone";
import { call, device, leg } from "./testing";
import { text } from "./text";

function ask(action: Action, state: LegState, more: Partial<Device> = {}, live = true) {
  const phone = phoneOf(device("1001", more), [call("a", leg("1001", state), leg("1002", "connected"))]);
  return whyNot(action, phone, phone.lines[0]!, live);
}

describe("what can be done in which state", () => {
  const states: LegState[] = ["initiated", "alerting", "connected", "hold", "queued", "fail"];
  const rows: [Action, LegState[]][] = [
    ["answer", ["alerting"]],
    ["hold", ["connected"]],
    ["retrieve", ["hold"]],
    ["clear", states],
  ];
  test.each(rows)("%s", (action, can) => {
    expect(states.filter((s) => ask(action, s) === null)).toEqual(can);
  });
  test("why not", () => expect(ask("answer", "hold")).toBe(text.whyNot.state.answer));
});

test("a service that the phone lacks is refused with the PBX's reason", () => {
  expect(ask("answer", "alerting", { lacks: new Map([["AnswerCall", "it has no remote control"]]) })).toContain(
    "it has no remote control",
  );
});

test("a service that the PBX hasn't", () => {
  expect(ask("hold", "connected", { offers: new Set() })).toBe(text.whyNot.notOffered("sim"));
});

test("nothing without a live connection, a PBX link, or the phone in service", () => {
  expect(ask("clear", "connected", {}, false)).toBe(text.whyNot.notLive);
  expect(ask("clear", "connected", { linkUp: false })).toBe(text.whyNot.linkDown("sim"));
  expect(ask("clear", "connected", { outOfService: "" })).toBe(text.whyNot.outOfService);
  expect(whyNotCall(phoneOf(device("1001"), []), true)).toBeNull();
  expect(whyNotCall(phoneOf(device("1001"), []), false)).toBe(text.whyNot.notLive);
  expect(whyNotCall(phoneOf(device("1001", { outOfService: "" }), []), true)).toBe(text.whyNot.outOfService);
});

test("one button holds and retrieves", () => {
  const line = (s: LegState) => phoneOf(device("1001"), [call("a", leg("1001", s))]).lines[0]!;
  expect(holdOrRetrieve(line("hold"))).toBe("retrieve");
  expect(holdOrRetrieve(line("connected"))).toBe("hold");
});
