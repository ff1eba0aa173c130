import { expect, test } from "vitest";
import type { Call, Device } from "./model";
import { type Phone, phoneOf } from "./phone";
import { longest, queueOf as all, toneOf } from "./queue";
import { call, device, leg, party } from "./testing";

const id = (n: string) => device(n).id;
const group = device("1000", { kind: "group", members: [id("1001"), id("1002")] });

function world(calls: Call[], more: Device[] = []): Map<string, Phone> {
  const all = [group, device("1001"), device("1002"), device("1003"), ...more];
  return new Map(all.map((d) => [d.id, phoneOf(d, calls)]));
}
const queueOf = (phones: Map<string, Phone>, mine: string | null, now: number) => all(phones, [group.id], mine, now);
const to = (c: Call, began: number): Call => ({ ...c, began, called: party("1000") });

test("in the order in which they came, wherever they ring", () => {
  const q = queueOf(
    world([
      to(call("b", leg("9002", "connected"), leg("1000", "queued")), 200),
      to(call("a", leg("9001", "connected"), leg("1002", "alerting")), 100),
      to(call("c", leg("9003", "connected"), leg("1001", "alerting")), 300),
    ]),
    id("1001"),
    1000,
  );
  expect(q.map((w) => [w.call.id, w.mine, w.group?.device.extension])).toEqual([
    ["a", false, "1000"],
    ["b", false, "1000"],
    ["c", true, "1000"],
  ]);
  expect(longest(q)?.call.id).toBe("a");
  expect(longest(q, (w) => w.mine)?.call.id).toBe("c"); // what can't be taken is passed over
});

test("what rings for me alone is there too, what rings for others isn't", () => {
  const calls = [
    call("a", leg("9001", "connected"), leg("1001", "alerting")),
    call("b", leg("9001", "connected"), leg("1003", "alerting")),
  ];
  expect(queueOf(world(calls), id("1001"), 0).map((w) => [w.call.id, w.group])).toEqual([["a", null]]);
  expect(queueOf(world(calls), null, 0)).toEqual([]);
});

test("who has a call is told for a moment, at the end", () => {
  const calls = [
    to(call("a", leg("9001", "connected"), leg("1002", "connected", 1000)), 100),
    to(call("b", leg("9002", "connected"), leg("1000", "queued")), 200),
  ];
  const q = queueOf(world(calls), id("1001"), 2000);
  expect(q.map((w) => [w.call.id, w.taken?.device.extension ?? null])).toEqual([
    ["b", null],
    ["a", "1002"],
  ]);
  expect(queueOf(world(calls), id("1001"), 60_000).map((w) => w.call.id)).toEqual(["b"]);
  expect(queueOf(world(calls), id("1002"), 2000).map((w) => w.call.id)).toEqual(["b"]);
});

test.each([
  [0, "calm"],
  [19_999, "calm"],
  [20_000, "warm"],
  [60_000, "hot"],
] as const)("%i ms are %s", (ms, tone) => expect(toneOf(ms)).toBe(tone));

test("who is in groups sees the calls of those, who is in none of all", () => {
  const other = device("2000", { kind: "group", members: [id("1003")] });
  const waits = (c: string, where: string) => ({
    ...call(c, leg("9001", "connected"), leg(where, "queued")),
    called: party(where),
  });
  const phones = world([waits("a", "1000"), waits("b", "2000")], [other, device("1004")]);
  const seen = (mine: string) => all(phones, [group.id, other.id], id(mine), 1000).map((w) => w.call.id);
  expect([seen("1001"), seen("1003"), seen("1004")]).toEqual([["a"], ["b"], ["a", "b"]]);
});
