import { describe, expect, test } from "vitest";
import { type PhoneState, partners, phoneOf } from "./phone";
import { call, device, leg, party } from "./testing";
import type { Call } from "./model";

describe("what a lamp shows", () => {
  const rows: [name: string, calls: Call[], state: PhoneState][] = [
    ["nothing", [], "idle"],
    ["off hook", [call("a", leg("1001", "initiated"))], "calling"],
    ["dialled, nobody there yet", [call("a", leg("1001", "connected"))], "calling"],
    ["the other rings", [call("a", leg("1001", "connected"), leg("1002", "alerting"))], "calling"],
    ["the caller waits in a queue", [call("a", leg("1001", "connected"), leg("1000", "queued"))], "calling"],
    ["the other is busy", [call("a", leg("1001", "connected"), leg("1002", "fail"))], "failed"],
    ["own leg failed", [call("a", leg("1001", "fail"))], "failed"],
    ["it rings", [call("a", leg("1002", "connected"), leg("1001", "alerting"))], "ringing"],
    ["two talk", [call("a", leg("1001", "connected"), leg("1002", "connected"))], "talking"],
    [
      "one of two others talks",
      [call("a", leg("1001", "connected"), leg("1002", "alerting"), leg("1003", "connected"))],
      "talking",
    ],
    ["it talks, one may not see with whom", [{ ...call("a", leg("1001", "connected")), hidden: true }], "talking"],
    ["it holds", [call("a", leg("1001", "hold"), leg("1002", "connected"))], "held"],
    ["it waits", [call("a", leg("1002", "connected"), leg("1001", "queued"))], "queued"],
    [
      "call waiting beats the talk",
      [call("a", leg("1001", "connected"), leg("1002", "connected")), call("b", leg("1003", "connected"), leg("1001", "alerting"))],
      "ringing",
    ],
    [
      "the talk beats what is held for it",
      [call("a", leg("1001", "hold"), leg("1002", "connected")), call("b", leg("1001", "connected"), leg("1003", "connected"))],
      "talking",
    ],
  ];
  test.each(rows)("%s", (_, calls, state) => {
    expect(phoneOf(device("1001"), calls).state).toBe(state);
  });

  test("without calls", () => {
    const features = { doNotDisturb: false, messageWaiting: false, muted: false, forwarding: [] };
    const forwarding = (type: string) => ({ ...features, forwarding: [{ type, to: "" }] });
    expect(phoneOf(device("1001", { outOfService: "" }), []).state).toBe("out");
    expect(phoneOf(device("1001", { features: { ...features, doNotDisturb: true } }), []).state).toBe("dnd");
    expect(phoneOf(device("1001", { features: forwarding("forwardImmediate") }), []).state).toBe("forwarded");
    expect(phoneOf(device("1001", { features: forwarding("forwardBusy") }), []).state).toBe("idle");
  });

  test("while its PBX's link is down nobody knows, whatever was last seen", () => {
    expect(phoneOf(device("1001", { linkUp: false }), []).state).toBe("unknown");
    expect(phoneOf(device("1001", { linkUp: false }), [call("a", leg("1002", "connected"), leg("1001", "alerting"))]).state).toBe(
      "unknown",
    );
  });
});

test("calls of others are no lines", () => {
  expect(phoneOf(device("1001"), [call("a", leg("1002", "connected"), leg("1003", "connected"))]).lines).toEqual([]);
});

test("a talk begins when the second one is connected", () => {
  const talk = call("a", leg("1001", "connected", 1000), leg("1002", "connected", 5000));
  expect(phoneOf(device("1001"), [talk]).lines[0]?.since).toBe(5000);
  expect(phoneOf(device("1002"), [talk]).lines[0]?.since).toBe(5000);
  const ringing = call("a", leg("1001", "connected", 1000), leg("1002", "alerting", 2000));
  expect(phoneOf(device("1001"), [ringing]).lines[0]?.since).toBe(1000);
});

test("held by the other end", () => {
  const held = call("a", leg("1001", "hold"), leg("1002", "connected"));
  expect(phoneOf(device("1002"), [held]).lines[0]?.heldByOther).toBe(true);
  expect(phoneOf(device("1001"), [held]).lines[0]?.heldByOther).toBe(false);
});

test("which way a call goes", () => {
  const c = call("a", leg("1001", "connected"), leg("1002", "alerting"));
  expect(phoneOf(device("1001"), [c]).lines[0]?.incoming).toBe(false);
  expect(phoneOf(device("1002"), [c]).lines[0]?.incoming).toBe(true);
});

test("partners are the other legs; without any, whom the call is for", () => {
  const both = phoneOf(device("1001"), [call("a", leg("1001", "connected"), leg("1002", "alerting"))]).lines[0]!;
  expect(partners(both)).toEqual([party("1002")]);
  const alone = phoneOf(device("1001"), [{ ...call("a", leg("1001", "connected")), called: party("1009") }]).lines[0]!;
  expect(partners(alone)).toEqual([party("1009")]);
  const nobody = { device: "", shown: "notKnown", number: "", name: "" } as const;
  const offHook = phoneOf(device("1001"), [{ ...call("a", leg("1001", "initiated")), called: nobody }]).lines[0]!;
  expect(partners(offHook)).toEqual([]);
});
