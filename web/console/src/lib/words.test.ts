import { expect, test } from "vitest";
import { phoneOf } from "./phone";
import { call, device, leg } from "./testing";
import { text } from "./text";
import { dialable, lineNamed, nameOf, whyLineFailed } from "./words";

test.each([
  [device("1004", { name: "Bob Dahl" }), "Bob Dahl 1004"],
  [device("71", { name: "Park slot 71" }), "Park slot 71"],
  [device("1004", { name: "1004" }), "1004"],
  [device("1004"), "1004"],
])("%#", (d, name) => expect(nameOf(d)).toBe(name));

test.each([
  ["1004", true],
  ["+49 (89) 12-34", true],
  ["*98", true],
  ["sip:bob@example.com", true],
  ["clara", false],
  ["", false],
])("%j can be dialled: %s", (typed, can) => expect(dialable(typed)).toBe(can));

test("who types a whole number means the line that has it", () => {
  const phones = new Map([device("1004"), device("10045")].map((d) => [d.id, phoneOf(d, [])]));
  expect(lineNamed("1004", phones)?.device.extension).toBe("1004");
  expect(lineNamed("+1 (555) 1004", phones)?.device.extension).toBe("1004");
  expect(lineNamed(device("10045").id, phones)?.device.extension).toBe("10045");
  expect(lineNamed("100", phones)).toBeUndefined();
  expect(lineNamed("bob", phones)).toBeUndefined();
});

test.each([
  ["busy", text.cause["busy"]],
  ["somethingNew", "somethingNew"],
  ["", ""],
])("a call that failed with %j says why", (cause, words) => {
  const phone = phoneOf(device("1001"), [call("a", leg("1001", "connected"), leg("1002", "fail", 0, cause))]);
  expect(whyLineFailed(phone.lines[0]!)).toBe(words);
});
