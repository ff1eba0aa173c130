import { expect, test } from "vitest";
import { Announcer } from "./announce";
import { type Phone, phoneOf } from "./phone";
import { call, device, leg } from "./testing";
import { text } from "./text";

const ringing = (extension: string) =>
  phoneOf(device(extension, { name: "Ada" }), [call(`c${extension}`, leg("1009", "connected"), leg(extension, "alerting"))]);
const none = new Map<string, Phone>();

test("says a ringing phone once", () => {
  const a = new Announcer();
  expect(a.hear([ringing("1001")], none, 0)).toBe(text.announce.ringing("Ada, 1001", "+15551009"));
  expect(a.hear([ringing("1001")], none, 10_000)).toBeNull();
  expect(a.hear([], none, 20_000)).toBeNull();
  expect(a.hear([ringing("1001")], none, 30_000)).not.toBeNull();
});

test("many at once are a number, and nothing is said too soon after", () => {
  const a = new Announcer();
  expect(a.hear([ringing("1001"), ringing("1002")], none, 0)).toBe(text.announce.ringingMany(2));
  const more = [ringing("1001"), ringing("1002"), ringing("1003")];
  expect(a.hear(more, none, 1000)).toBeNull();
  expect(a.hear(more, none, 3000)).toBe(text.announce.ringing("Ada, 1003", "+15551009"));
});

test("who stopped ringing before it could be said is not said", () => {
  const a = new Announcer();
  a.hear([ringing("1001")], none, 0);
  expect(a.hear([ringing("1002")], none, 1000)).toBeNull();
  expect(a.hear([], none, 5000)).toBeNull();
});
