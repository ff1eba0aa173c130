import { expect, test } from "vitest";
import { Board } from "./board";
import type { Call, Device } from "./model";
import { call, device, leg } from "./testing";

const id = (extension: string) => `tel:+1555${extension}`;
const state = (b: Board, extension: string) => b.phones.get(id(extension))?.state;

let epoch = 0;
let last = 1;

function snapshot(b: Board, devices: Device[], calls: Call[] = [], at: number | null = null, now = 0) {
  last = 1;
  b.apply({ type: "snapshot", position: `${++epoch}.1`, at, part: 1, devices, calls, notes: [] }, now);
}

function change(b: Board, m: { devices?: Device[]; gone?: string[]; calls?: Call[]; ended?: string[]; at?: number }, now = 0) {
  b.apply(
    {
      type: "change",
      position: `${epoch}.${++last}`,
      at: m.at ?? null,
      devices: m.devices ?? [],
      gone: m.gone ?? [],
      calls: m.calls ?? [],
      ended: m.ended ?? [],
      notes: [],
      erased: [],
    },
    now,
  );
}

const three = [device("1001"), device("1002"), device("1003")];

test("a call from ringing to its end", () => {
  const b = new Board();
  expect(b.position).toBeNull();
  snapshot(b, three);
  expect(b.position).toBe(`${epoch}.1`);
  change(b, { calls: [call("a", leg("1001", "connected"), leg("1002", "alerting"))] });
  expect([state(b, "1001"), state(b, "1002"), state(b, "1003")]).toEqual(["calling", "ringing", "idle"]);
  expect(b.position).toBe(`${epoch}.2`);
  change(b, { calls: [call("a", leg("1001", "connected"), leg("1002", "connected"))] });
  expect([state(b, "1001"), state(b, "1002")]).toEqual(["talking", "talking"]);
  change(b, { ended: ["a"] });
  expect([state(b, "1001"), state(b, "1002"), b.calls.size]).toEqual(["idle", "idle", 0]);
});

test("who left a call is idle, who came is in it", () => {
  const b = new Board();
  snapshot(b, three, [call("a", leg("1001", "connected"), leg("1002", "connected"))]);
  change(b, { calls: [call("a", leg("1001", "connected"), leg("1003", "connected"))] });
  expect([state(b, "1001"), state(b, "1002"), state(b, "1003")]).toEqual(["talking", "idle", "talking"]);
});

test("two calls joined into one, in one message", () => {
  const b = new Board();
  snapshot(b, three, [
    call("a", leg("1002", "connected"), leg("1001", "hold")),
    call("b", leg("1001", "connected"), leg("1003", "connected")),
  ]);
  change(b, { ended: ["b"], calls: [call("a", leg("1002", "connected"), leg("1003", "connected"))] });
  expect([state(b, "1001"), state(b, "1002"), state(b, "1003")]).toEqual(["idle", "talking", "talking"]);
  expect(b.calls.size).toBe(1);
});

test("a snapshot replaces everything", () => {
  const b = new Board();
  snapshot(b, three, [call("a", leg("1001", "connected"), leg("1002", "connected"))]);
  snapshot(b, three.slice(1));
  expect([...b.phones.keys()]).toEqual([id("1002"), id("1003")]);
  expect(state(b, "1002")).toBe("idle");
});

test("phones that nothing happened to keep their picture", () => {
  const b = new Board();
  snapshot(b, three);
  const before = [...b.phones.values()];
  change(b, { calls: [call("a", leg("1001", "connected"), leg("1002", "alerting"))] });
  expect(b.phones.get(id("1003"))).toBe(before[2]);
  expect(b.phones.get(id("1001"))).not.toBe(before[0]);
});

test("a device's change keeps its calls; only names and numbers call for sorting", () => {
  const b = new Board();
  snapshot(b, three, [call("a", leg("1001", "connected"), leg("1002", "connected"))]);
  const census = b.register.census;
  change(b, { devices: [device("1001", { outOfService: "" })] });
  expect(state(b, "1001")).toBe("talking");
  expect(b.register.census).toBe(census);
  change(b, { devices: [device("1001", { name: "Ada" })] });
  expect(b.register.census).not.toBe(census);
  expect(b.register.find("ada", "name")).toEqual([id("1001")]);
});

test("a device that is gone is on the board no more, nor counted, nor found; its call goes on", () => {
  const b = new Board();
  snapshot(b, [...three, device("2001", { pbx: "annex" })], [call("a", leg("1001", "connected"), leg("1002", "connected"))]);
  change(b, { gone: [id("1002"), id("2001"), id("9999")] });
  expect([...b.phones.keys()]).toEqual([id("1001"), id("1003")]);
  expect([b.counts.talking, b.counts.idle]).toEqual([1, 1]);
  expect([...b.links]).toEqual([["sim", { lines: 2, up: 2 }]]);
  expect(b.register.find("1002", "number")).toEqual([]);
  expect(state(b, "1001")).toBe("talking");
  change(b, { devices: [device("1002")] });
  expect(state(b, "1002")).toBe("talking");
});

test("outside parties are in calls but not on the board", () => {
  const b = new Board();
  snapshot(b, three);
  change(b, { calls: [call("a", leg("1001", "connected"), leg("9000", "connected"))] });
  expect(state(b, "1001")).toBe("talking");
  expect(b.phones.size).toBe(3);
});

test("an end that was told twice, or of a call never seen, changes nothing", () => {
  const b = new Board();
  snapshot(b, three);
  change(b, { ended: ["never"] });
  change(b, { ended: ["never"] });
  expect(state(b, "1001")).toBe("idle");
});

test("the gateway's clock: late messages don't turn ours back", () => {
  const b = new Board();
  snapshot(b, three, [], 10_000, 4_000);
  expect(b.offset).toBe(6_000);
  change(b, { at: 9_000 }, 4_500); // caught up: an old event
  expect(b.offset).toBe(6_000);
  change(b, { at: 11_100 }, 5_000); // came quicker than the snapshot
  expect(b.offset).toBe(6_100);
  snapshot(b, three);
  expect(b.offset).toBe(6_100);
  // Ours was ten minutes slow and is put right: the next heartbeat tells.
  change(b, { at: 20_000 }, 614_000);
  expect(b.offset).toBe(6_100);
  const beat = (at: number, now: number) => b.apply({ type: "heartbeat", position: b.position!, at }, now);
  beat(20_000, 60_000); // late
  expect(b.offset).toBe(6_100);
  beat(21_000, 615_000);
  expect(b.offset).toBe(-594_000);
});

test("told twice changes nothing; of another journal asks for a snapshot; a gap waits for one", () => {
  const b = new Board();
  snapshot(b, three);
  const same = {
    type: "change",
    position: `${epoch}.2`,
    at: null,
  } as const;
  const nothing = () => ({ gone: [], devices: [], calls: [], ended: [], notes: [], erased: [] });
  expect(b.apply({ ...same, ...nothing() }, 0)).toBe("taken");
  expect(b.apply({ ...same, ...nothing() }, 0)).toBe("old");
  expect(b.apply({ ...same, position: "other.3", ...nothing() }, 0)).toBe("lost");
  expect(b.apply({ type: "gap", position: `${epoch}.9`, at: null, reason: "" }, 0)).toBe("gap");
  expect(b.apply({ ...same, position: `${epoch}.9`, ...nothing() }, 0)).toBe("lost");
  expect(b.counters).toMatchObject({ duplicates: 1, gaps: 1, snapshots: 1 });
});

test("a lamp that was wrong is put right by a snapshot of the same position, and counted", () => {
  const b = new Board();
  snapshot(b, three);
  b.apply(
    {
      type: "snapshot",
      part: 1,
      position: `${epoch}.1`,
      at: null,
      devices: [device("1001", { outOfService: "" }), ...three.slice(1)],
      calls: [],
      notes: [],
    },
    0,
  );
  expect(state(b, "1001")).toBe("out");
  expect(b.counters.healed).toBe(1);
});

test("nothing of a snapshot is shown before all of its parts are there; one that lacks a part, or has one of another, is asked for again", () => {
  const b = new Board();
  snapshot(b, [device("1009")]);
  const part = (n: number, position: string, ...devices: Device[]) =>
    b.apply({ type: "part", position, at: null, part: n, devices }, 0);
  const end = (n: number, position: string, ...devices: Device[]) =>
    b.apply({ type: "snapshot", position, at: null, part: n, devices, calls: [], notes: [] }, 0);
  const shown = () => [...b.phones.values()].map((p) => p.device.extension);
  b.apply({ type: "gap", position: "x.07", at: null, reason: "" }, 0);
  expect(part(1, "x.07", device("1001"))).toBe("taken");
  expect(part(2, "x.07", device("1002"))).toBe("taken");
  expect(shown()).toEqual(["1009"]);
  expect(end(3, "x.7", device("1003"))).toBe("taken");
  expect([shown(), b.position]).toEqual([["1001", "1002", "1003"], "x.7"]);
  expect(b.register.find("1002", "number")).toHaveLength(1);

  part(1, "x.08", device("1004"));
  expect(end(3, "x.8", device("1005"))).toBe("lost"); // one is missing
  part(1, "x.08", device("1004"));
  expect(end(2, "x.9", device("1005"))).toBe("lost"); // of another one
  expect(part(1, "x.09", device("1004"))).toBe("taken"); // begun again
  expect(end(2, "x.9", device("1005"))).toBe("taken");
  expect(shown()).toEqual(["1004", "1005"]);
});

test("lines of a snapshot in parts are folded with each part, and not once more at its end", () => {
  const b = new Board();
  const { counters } = b.register;
  b.apply({ type: "part", position: "x.07", at: null, part: 1, devices: [device("1001"), device("1002")] }, 0);
  expect(counters.folded).toBe(2);
  b.apply({ type: "snapshot", position: "x.7", at: null, part: 2, devices: [device("1003")], calls: [], notes: [] }, 0);
  expect(counters.folded).toBe(3);
});
