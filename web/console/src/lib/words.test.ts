import { expect, test } from "vitest";
import { phoneOf } from "./phone";
import { call, device, leg, party as partyOf } from "./testing";
import { text } from "./text";
import { dialable, direction, doing, lineNamed, nameOf, party, partyNumber, stateWord, who, whyLineFailed } from "./words";

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

const directory = new Map([device("1001", { name: "Ada" }), device("1002")].map((d) => [d.id, phoneOf(d, [])]));

test.each([
  ["its own name before ours", partyOf("1001", { name: "Ada (mobile)" }), "Ada (mobile)", "1001"],
  ["else ours", partyOf("1001"), "Ada", "1001"],
  ["else the extension, once", partyOf("1002"), "1002", ""],
  ["else the number, once", partyOf("9"), "+15559", ""],
  ["a stranger's name and number", partyOf("9", { name: "Zoe" }), "Zoe", "+15559"],
  ["of who is hidden nothing", partyOf("1001", { name: "Ada", shown: "restricted" }), text.party.restricted, ""],
  ["of nobody", partyOf("", { device: "", number: "" }), text.party.unknown, ""],
])("a party: %s", (_, p, name, number) => expect([party(p, directory), partyNumber(p, directory)]).toEqual([name, number]));

test("two others stand by name, more are counted; which way the call went", () => {
  const legs = ["1001", "1002", "9", "8"].map((e) => leg(e, "connected"));
  const lineOf = (n: number, at = "1001") => phoneOf(device(at), [call("a", ...legs.slice(0, n))]).lines[0]!;
  expect(who(lineOf(3), directory)).toBe("1002, +15559");
  expect(who(lineOf(4), directory)).toBe(text.party.several(3));
  expect(direction(lineOf(2))).toBe(text.direction.out);
  expect(direction(lineOf(2, "1002"))).toBe(text.direction.in);
  expect(direction({ ...lineOf(2), incoming: null })).toBe("");
});

test("what a phone is doing", () => {
  expect(stateWord(phoneOf(device("71", { kind: "parkSlot" }), []))).toBe(text.free);
  expect(stateWord(phoneOf(device("1001"), []))).toBe(text.state.idle);
  const held = phoneOf(device("1001"), [call("a", leg("1001", "connected"), leg("1002", "hold"))]);
  expect(doing(held, directory)).toEqual({ state: text.heldByOther, who: "1002" });
  expect(doing(directory.get("tel:+15551002")!, directory)).toEqual({ state: text.state.idle, who: "" });
});
