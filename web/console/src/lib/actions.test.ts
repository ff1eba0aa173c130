import { describe, expect, test } from "vitest";
import { type Action, holdOrResume, meant, waysTo, whyNot, whyNotCall, whyNotPickUp } from "./actions";
import type { Device, LegState } from "./model";
import { phoneOf } from "./phone";
import { call, device, leg } from "./testing";
import { text } from "./text";

function ask(action: Action, state: LegState, more: Partial<Device> = {}, live = true) {
  const phone = phoneOf(device("1001", more), [call("a", leg("1001", state), leg("1002", "connected"))]);
  return whyNot(action, phone, phone.lines[0]!, live);
}

/** A phone that talks to 1003 and holds 1002. */
const consulting = phoneOf(device("1001"), [
  call("held", leg("1002", "connected"), leg("1001", "hold")),
  call("talk", leg("1001", "connected"), leg("1003", "connected")),
]);
const talk = consulting.lines.find((l) => l.call.id === "talk")!;
const held = consulting.lines.find((l) => l.call.id === "held")!;

describe("what can be done in which state", () => {
  const states: LegState[] = ["initiated", "alerting", "connected", "hold", "queued", "fail"];
  const rows: [Action, LegState[]][] = [
    ["answer", ["alerting"]],
    ["hold", ["connected"]],
    ["resume", ["hold"]],
    ["hangUp", states],
    ["consult", ["connected"]],
    ["transferNow", ["connected"]],
    ["join", ["connected"]],
    ["deflect", ["alerting"]],
    ["park", ["connected"]],
    ["digits", ["connected"]],
    ["move", ["alerting", "connected"]],
    ["voicemail", ["alerting", "connected"]],
    ["swap", []],
    ["transfer", []],
    ["conference", []],
  ];
  test.each(rows)("%s", (action, can) => {
    expect(states.filter((s) => ask(action, s) === null)).toEqual(can);
  });
  test("a ringing call is moved by deflecting it, another one by a transfer", () => {
    const offers = (...services: string[]) => ({ offers: new Set(services) });
    expect(ask("move", "alerting", offers("DeflectCall"))).toBeNull();
    expect(ask("move", "connected", offers("DeflectCall"))).toBe(text.whyNot.notOffered("sim"));
    expect(ask("move", "connected", offers("SingleStepTransferCall"))).toBeNull();
  });
  test("why not", () => expect(ask("answer", "hold")).toBe(text.whyNot.state.answer));
  test.each(["swap", "transfer", "conference"] as const)("%s takes a held call beside", (action) => {
    expect(whyNot(action, consulting, talk, true)).toBeNull();
    expect(whyNot(action, consulting, held, true)).toBe(text.whyNot.state[action]);
  });
});

test("a call that is only being dialled has nobody to send away", () => {
  const phone = phoneOf(device("1001"), [call("a", leg("1001", "connected"), leg("1002", "alerting"))]);
  expect(whyNot("consult", phone, phone.lines[0]!, true)).toBe(text.whyNot.state.consult);
  expect(whyNot("hangUp", phone, phone.lines[0]!, true)).toBeNull();
});

test("a call that has failed can only be hung up", () => {
  const phone = phoneOf(device("1001"), [call("a", leg("1001", "connected"), leg("1002", "fail"))]);
  expect(whyNot("hold", phone, phone.lines[0]!, true)).toBe(text.whyNot.state.hold);
  expect(whyNot("hangUp", phone, phone.lines[0]!, true)).toBeNull();
});

test("the call that is meant is one with which it can be done", () => {
  expect(meant("resume", consulting, true)).toBe(held);
  expect(meant("hold", consulting, true)).toBe(talk);
  expect(meant("answer", consulting, true)).toBe(talk); // none: the first, whose reason is told
});

test("who hangs up while he speaks means that call, whatever begins to ring beside it", () => {
  const phone = phoneOf(device("1001"), [
    call("new", leg("1004", "connected"), leg("1001", "alerting")),
    call("talk", leg("1001", "connected"), leg("1003", "connected")),
  ]);
  expect(meant("hangUp", phone, true)?.call.id).toBe("talk");
  expect(meant("answer", phone, true)?.call.id).toBe("new");
  const idle = phoneOf(device("1001"), [
    call("new", leg("1004", "connected"), leg("1001", "alerting")),
    call("held", leg("1001", "hold"), leg("1003", "connected")),
    call("busy", leg("1001", "connected"), leg("1005", "fail")),
  ]);
  expect(meant("hangUp", idle, true)?.call.id).toBe("new");
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
  expect(ask("hangUp", "connected", {}, false)).toBe(text.whyNot.notLive);
  expect(ask("hangUp", "connected", { linkUp: false })).toBe(text.whyNot.linkDown("sim"));
  expect(ask("hangUp", "connected", { outOfService: "" })).toBe(text.whyNot.outOfService);
  expect(whyNotCall(phoneOf(device("1001"), []), true)).toBeNull();
  expect(whyNotCall(phoneOf(device("1001"), []), false)).toBe(text.whyNot.notLive);
  expect(whyNotCall(phoneOf(device("1001", { outOfService: "" }), []), true)).toBe(text.whyNot.outOfService);
});

test("one button holds and resumes", () => {
  expect(holdOrResume(held)).toBe("resume");
  expect(holdOrResume(talk)).toBe("hold");
});

test("picking up", () => {
  const me = phoneOf(device("1001"), []);
  const calls = [call("a", leg("1009", "connected"), leg("1002", "alerting"))];
  const there = phoneOf(device("1002"), calls);
  const caller = phoneOf(device("1009"), calls);
  expect(whyNotPickUp(me, there, there.lines[0]!, true)).toBeNull();
  expect(whyNotPickUp(there, there, there.lines[0]!, true)).toBe(text.whyNot.self);
  expect(whyNotPickUp(me, caller, caller.lines[0]!, true)).toBe(text.whyNot.state.pickUp);
});

test("no PBX reaches into what another one has", () => {
  const calls = [call("a", leg("1009", "connected"), leg("2002", "alerting"))];
  const there = phoneOf(device("2002", { pbx: "annex" }), calls);
  expect(whyNotPickUp(phoneOf(device("1001"), []), there, there.lines[0]!, true)).toBe(text.whyNot.otherPBX("annex", "sim"));
  const slot = phoneOf(device("271", { kind: "parkSlot", pbx: "annex" }), []);
  expect(waysTo(consulting, talk, slot, true)).toMatchObject([{ action: "park", why: text.whyNot.otherPBX("annex", "sim") }]);
});

describe("ways to a line", () => {
  const ways = (phone: typeof consulting, line: typeof talk, to: Device, calls: Parameters<typeof phoneOf>[1] = []) =>
    waysTo(phone, line, phoneOf(to, calls), true).map((w) => `${w.action}${w.why === null ? "" : " (not)"}`);
  const talking = phoneOf(device("1001"), [call("a", leg("1001", "connected"), leg("1002", "connected"))]);
  const ringing = phoneOf(device("1001"), [call("a", leg("1002", "connected"), leg("1001", "alerting"))]);

  test("a talk", () => expect(ways(talking, talking.lines[0]!, device("1004"))).toEqual(["transferNow", "consult", "join"]));
  test("what rings", () => expect(ways(ringing, ringing.lines[0]!, device("1004"))).toEqual(["deflect"]));
  test("to whom I consulted", () => expect(ways(consulting, held, device("1003"))).toEqual(["transfer", "conference"]));
  test("to one of several: the two that are joined are the one that was sent and the one with him", () => {
    // As it was when it was dropped: the phone has been painted anew since, and what is the same call is another object.
    const three = () =>
      phoneOf(device("1001"), [
        call("a", leg("1002", "connected"), leg("1001", "hold")),
        call("b", leg("1004", "connected"), leg("1001", "hold")),
        call("talk", leg("1001", "connected"), leg("1003", "connected")),
      ]);
    const line = (id: string) => three().lines.find((l) => l.call.id === id)!;
    const joined = (id: string, to: string) =>
      waysTo(three(), line(id), phoneOf(device(to), []), true).map((w) => [w.action, w.line.call.id, w.what, w.why]);
    expect(joined("b", "1003")).toEqual([
      ["transfer", "talk", "b", null],
      ["conference", "talk", "b", null],
    ]);
    expect(joined("talk", "1004")).toEqual([
      ["transfer", "talk", "b", null],
      ["conference", "talk", "b", null],
    ]);
    expect(joined("talk", "1003").map(([action]) => action)).toEqual(["transferNow", "consult", "join"]); // it is with him already
    const ringing = phoneOf(device("1001"), [
      call("talk", leg("1001", "connected"), leg("1003", "connected")),
      call("new", leg("1004", "connected"), leg("1001", "alerting")),
    ]);
    expect(
      ways(
        ringing,
        ringing.lines.find((l) => l.call.id === "talk")!,
        device("1004"),
      ),
    ).toEqual(["transfer (not)", "conference (not)"]);
  });
  test("to myself", () =>
    expect(ways(talking, talking.lines[0]!, device("1001"))).toEqual(["transferNow (not)", "consult (not)", "join (not)"]));
  test("a park slot", () => expect(ways(talking, talking.lines[0]!, device("71", { kind: "parkSlot" }))).toEqual(["park"]));
  test("a park slot with a call in it", () =>
    expect(
      ways(talking, talking.lines[0]!, device("71", { kind: "parkSlot" }), [call("x", leg("9", "connected"), leg("71", "queued"))]),
    ).toEqual(["park (not)"]));
});
