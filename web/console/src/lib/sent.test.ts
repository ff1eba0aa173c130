import { expect, test } from "vitest";
import { type Fate, type Sent, fateOf, undoLeft, urgency } from "./sent";
import { call, leg, party } from "./testing";

const id = (n: string) => party(n).device;
const sent: Sent = {
  id: 1,
  call: "a",
  mine: id("1001"),
  who: "+49 1",
  callers: [id("9001")],
  to: "Bob 1004",
  target: id("1004"),
  at: 10_000,
  undo: true,
  parked: false,
};
const state = (...legs: Parameters<typeof call>[1][]) => fateOf(sent, call("a", ...legs), 12_000, 20_000).state;

test("what becomes of it", () => {
  expect(state(leg("9001", "connected"), leg("1004", "alerting"))).toBe("ringing");
  expect(state(leg("9001", "connected"), leg("1004", "connected"))).toBe("answered");
  expect(state(leg("9001", "connected"), leg("1005", "alerting"))).toBe("ringing"); // forwarded on
  expect(state(leg("9001", "connected"), leg("1001", "alerting"))).toBe("back");
  expect(state(leg("9001", "connected"))).toBe("leaving");
});

test("overdue when patience ends", () => {
  const c = call("a", leg("9001", "connected"), leg("1004", "alerting"));
  expect(fateOf(sent, c, 29_999, 20_000).state).toBe("ringing");
  expect(fateOf(sent, c, 30_000, 20_000)).toMatchObject({ state: "overdue", leg: { device: id("1004") } });
});

test("gone, but not before the PBX had time to tell", () => {
  expect(fateOf(sent, undefined, 11_000, 20_000).state).toBe("leaving");
  expect(fateOf(sent, undefined, 14_000, 20_000).state).toBe("gone");
});

test("parked waits without being overdue", () => {
  const c = call("a", leg("9001", "connected"), leg("71", "queued"));
  expect(fateOf({ ...sent, parked: true }, c, 900_000, 20_000).state).toBe("parked");
});

test("an undo for five seconds, while it rings", () => {
  const ringing: Fate = { state: "ringing", leg: leg("1004", "alerting") };
  expect(undoLeft(sent, ringing, 10_000)).toBe(5);
  expect(undoLeft(sent, ringing, 14_001)).toBe(1);
  expect(undoLeft(sent, ringing, 15_000)).toBe(0);
  expect(undoLeft(sent, { state: "answered" }, 11_000)).toBe(0);
  expect(undoLeft({ ...sent, undo: false }, ringing, 11_000)).toBe(0);
});

test("what nobody answers stands above all else, what is over beneath", () => {
  const states = ["gone", "answered", "parked", "leaving", "ringing", "back", "overdue"] as const;
  const order = states.map((state) => ({ state }) as Fate).sort((a, b) => urgency(a) - urgency(b));
  expect(order.map((f) => f.state)).toEqual([...states].reverse());
});
