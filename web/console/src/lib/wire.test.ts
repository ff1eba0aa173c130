import { describe, expect, test } from "vitest";
import { partners, phoneOf } from "./phone";
import { device } from "./testing";
import { read } from "./wire";

const part = (callID: string, deviceID: string, state: string) => ({
  callID,
  began: "2026-11-25T10:00:00Z",
  legs: [{ deviceID, state, since: "2026-11-25T10:00:00Z" }],
});
const message = (type: string, ...calls: object[]) => read(JSON.stringify({ type, position: "a.1", calls }));

describe("who may not see with whom", () => {
  test("gets the lines of a call one by one, and those under one name belong to one call", () => {
    const m = message(
      "snapshot",
      part("7", "tel:+15551001", "connected"),
      part("7", "tel:+15551002", "hold"),
      part("x", "tel:+15551003", "connected"),
    );
    expect(m).toMatchObject({
      calls: [
        { id: "7", hidden: true, legs: [{ device: "tel:+15551001" }, { device: "tel:+15551002" }] },
        { id: "x", hidden: true },
      ],
    });
    const calls = m?.type === "snapshot" ? m.calls : [];
    const phone = phoneOf(device("1001"), [calls[0]!]);
    expect(phone).toMatchObject({ state: "talking", lines: [{ incoming: null, heldByOther: false }] });
    expect(partners(phone.lines[0]!)).toEqual([]);
  });
  test("a call one of whose lines has left goes on for the others", () => {
    expect(message("event", { callID: "7", ended: true }, part("7", "tel:+15551002", "connected"))).toMatchObject({
      ended: [],
      calls: [{ id: "7" }],
    });
    expect(message("event", { callID: "7", ended: true })).toMatchObject({ ended: ["7"], calls: [] });
  });
});

test("a call whose parties are told isn't hidden", () =>
  expect(message("snapshot", { ...part("7", "tel:+15551001", "connected"), calling: {}, called: {} })).toMatchObject({
    calls: [{ hidden: false }],
  }));

test("devices that there are no more are told", () =>
  expect(read('{"type":"event","position":"a.2","gone":["tel:+15551001",7]}')).toMatchObject({ gone: ["tel:+15551001"] }));

test("a connection that has failed says why", () => {
  const failed = { deviceID: "tel:+15551002", state: "fail", since: "2026-11-25T10:00:00Z", cause: "busy" };
  expect(message("snapshot", { ...part("7", "tel:+15551001", "connected"), legs: [failed] })).toMatchObject({
    calls: [{ legs: [{ state: "fail", cause: "busy" }] }],
  });
});

test.each([[""], ["null"], ["[]"], ["7"], ['{"type":"snapshot","devices":"no","calls":{"a":1}}'], ['{"type":"news"}']])(
  "%s is read without harm",
  (said) => {
    try {
      const m = read(said);
      expect(m === null || m.type === "snapshot").toBe(true);
    } catch (e) {
      expect(e).toBeInstanceOf(SyntaxError); // the follower asks for a snapshot
    }
  },
);

test("a snapshot comes whole, or in parts of which the last has calls and notes", () => {
  const of = (more: object) =>
    read(JSON.stringify({ type: "snapshot", position: "a.1", devices: [{ deviceID: "tel:+1" }], ...more }));
  expect(of({})).toMatchObject({ type: "snapshot", part: 1, calls: [], notes: [] });
  expect(of({ part: 1, parts: 2 })).toMatchObject({ type: "part", part: 1, devices: [{ id: "tel:+1" }] });
  expect(of({ part: 2, parts: 2 })).toMatchObject({ type: "snapshot", part: 2, calls: [], notes: [] });
});
