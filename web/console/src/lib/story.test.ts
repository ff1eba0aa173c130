import { expect, test } from "vitest";
import type { Call } from "./model";
import { Chronicle, tell } from "./story";
import { call, leg } from "./testing";

const minute = 60_000;
const name = (p: { number: string }) => p.number.slice(-4);
const clock = (ms: number) => `10:0${Math.floor(ms / minute)}`;

function story(...states: Call[]): string {
  const c = new Chronicle();
  let before: Call | undefined;
  for (const after of states) {
    c.hear([{ before, after }], []);
    before = after;
  }
  return tell(c.of("a"), name, clock);
}

test("who can't be reached, and why", () => {
  const dialled = call("a", leg("1001", "connected"), leg("1002", "initiated"));
  const failed = call("a", leg("1001", "connected"), leg("1002", "fail", 0, "doNotDisturb"));
  expect(story(dialled, failed)).toMatch(/1002 could not be reached \(do not disturb\)$/);
});

test("from the call to the transfer", () => {
  expect(
    story(
      call("a", leg("1001", "connected", 0), leg("1002", "alerting", 0)),
      call("a", leg("1001", "connected", 0), leg("1002", "connected", 6_000)),
      call("a", leg("1001", "connected", 0), leg("1002", "hold", 3 * minute)),
      call("a", leg("1001", "connected", 0), leg("1003", "alerting", 4 * minute)),
      call("a", leg("1001", "connected", 0), leg("1003", "connected", 4 * minute + 2_000)),
    ),
  ).toBe("10:00 1001 called 1002, rang 6 s, answered; 10:03 held by 1002; 10:04 1002 transferred to 1003, rang 2 s, answered");
});

test("while it rings; who else answers; what is sent on unanswered", () => {
  const rings = call("a", leg("1001", "connected"), leg("1002", "alerting"));
  expect(story(rings)).toBe("10:00 1001 called 1002, rings");
  expect(story(rings, call("a", leg("1001", "connected"), leg("1003", "connected", 4_000)))).toBe(
    "10:00 1001 called 1002, rings; went from 1002 to 1003",
  );
  expect(story(rings, call("a", leg("1001", "connected"), leg("1003", "alerting", 4_000)))).toBe(
    "10:00 1001 called 1002, rings; went from 1002 to 1003",
  );
});

test("who comes and goes", () => {
  expect(
    story(
      call("a", leg("1001", "connected"), leg("1002", "connected")),
      call("a", leg("1001", "connected"), leg("1002", "connected"), leg("1003", "connected")),
      call("a", leg("1002", "connected"), leg("1003", "connected")),
    ),
  ).toBe("10:00 1001 called 1002, answered; 1003 joined; 1001 left");
});

test("a call that another was joined into goes on in that one", () => {
  const c = new Chronicle();
  const a = call("a", leg("9001", "connected"), leg("1001", "hold"));
  c.hear([{ before: undefined, after: a }], []);
  c.hear([{ before: undefined, after: call("b", leg("9001", "connected"), leg("1003", "alerting", minute)) }], [a]);
  expect(c.of("a")).toEqual([]);
  expect(tell(c.of("b"), name, clock)).toBe("10:00 9001 called 1001; 10:01 1001 transferred to 1003");
});

test("a conference has the stories of both calls, and a call that ends by the way is none of it", () => {
  const c = new Chronicle();
  const held = call("a", leg("9001", "connected"), leg("1001", "hold", minute));
  const asked = { ...call("b", leg("1001", "connected", minute), leg("1003", "alerting", minute)), began: minute };
  const spoke = call("b", leg("1001", "connected", minute), leg("1003", "connected", minute + 3_000));
  const other = call("c", leg("1001", "hold"), leg("1009", "connected"));
  const all = call(
    "b",
    leg("9001", "connected", 2 * minute),
    leg("1001", "connected", minute),
    leg("1003", "connected", minute + 3_000),
  );
  c.hear([{ before: undefined, after: other }], []);
  c.hear([{ before: undefined, after: held }], []);
  c.hear([{ before: undefined, after: asked }], []);
  c.hear([{ before: asked, after: spoke }], []);
  c.hear([{ before: spoke, after: all }], [held, other]);
  expect(tell(c.of("b"), name, clock)).toBe(
    "10:00 9001 called 1001; 10:01 1001 called 1003, rang 3 s, answered; 10:02 9001 joined",
  );
});

test("never longer than its bound, and never without its beginning", () => {
  const states = Array.from({ length: 200 }, (_, i) =>
    call("a", leg("1001", "connected", i), leg("1002", i % 2 ? "hold" : "connected", i)),
  );
  const told = story(...states);
  expect(told.startsWith("10:00 1001 called 1002")).toBe(true);
  expect(told.split("; ").length).toBeLessThanOrEqual(60);
});
