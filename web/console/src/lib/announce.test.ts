import { expect, test } from "vitest";
import { Announcer } from "./announce";
import { type Phone, phoneOf } from "./phone";
import { call, device, leg } from "./testing";
import { text } from "./text";

const mine = (...callers: string[]) =>
  phoneOf(
    device("1001"),
    callers.map((c) => call(`c${c}`, leg(c, "connected"), leg("1001", "alerting"))),
  );
const none = new Map<string, Phone>();

test("says a call that rings at my phone once", () => {
  const a = new Announcer();
  expect(a.hear(mine("1009"), none, 0)).toBe(text.announce.ringing("+15551009"));
  expect(a.hear(mine("1009"), none, 10_000)).toBeNull();
  expect(a.hear(mine(), none, 20_000)).toBeNull();
  expect(a.hear(mine("1009"), none, 30_000)).not.toBeNull();
});

test("many at once are a number, and nothing is said too soon after", () => {
  const a = new Announcer();
  expect(a.hear(mine("1008", "1009"), none, 0)).toBe(text.announce.ringingMany(2));
  expect(a.hear(mine("1007", "1008", "1009"), none, 1000)).toBeNull();
  expect(a.hear(mine("1007", "1008", "1009"), none, 3000)).toBe(text.announce.ringing("+15551007"));
});

test("what stopped ringing before it could be said is not said", () => {
  const a = new Announcer();
  a.hear(mine("1009"), none, 0);
  expect(a.hear(mine("1009", "1008"), none, 1000)).toBeNull();
  expect(a.hear(mine("1009"), none, 5000)).toBeNull();
});

test("who has no phone hears nothing", () => expect(new Announcer().hear(undefined, none, 0)).toBeNull());
