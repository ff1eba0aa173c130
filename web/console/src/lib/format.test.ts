import { expect, test } from "vitest";
import { asLocal, duration, fold, inOrder, number } from "./format";

test.each([
  [-5000, "0:00"],
  [0, "0:00"],
  [7999, "0:07"],
  [754_000, "12:34"],
  [3_723_000, "1:02:03"],
  [360_000_000, "100:00:00"],
])("%i ms are %s", (ms, want) => expect(duration(ms)).toBe(want));

test.each([
  ["tel:+15551001", "+15551001"],
  ["tel:+15551001;ext=1001", "+15551001"],
  ["tel:71;phone-context=dialstring", "71"],
  ["sip:ada@example.com;user=phone", "ada@example.com"],
  ["1001", "1001"],
  ["", ""],
])("%s is shown as %s", (device, want) => expect(number(device)).toBe(want));

test.each([
  ["Zoë NÚÑEZ", "zoe nunez"],
  ["Straße", "strasse"],
  ["Łukasz Sørensen", "lukasz sorensen"],
  ["Þóra Æsir", "thora aesir"],
])("%s is folded to %s", (text, want) => expect(fold(text)).toBe(want));

test("in order: numbers by what they are worth, letters without accents and case", () => {
  const list = ["10", "9", "Zürich", "abel", "Ärzte 2", "Ärzte 10", "Arzt", "007", "zug"];
  const order = list.toSorted((a, b) => (inOrder(a) < inOrder(b) ? -1 : 1));
  expect(order).toEqual(["007", "9", "10", "abel", "Arzt", "Ärzte 2", "Ärzte 10", "zug", "Zürich"]);
});

test("a moment in a field for date and time is the same moment, to the minute", () => {
  const ms = new Date(2026, 10, 25, 9, 5).getTime();
  expect(asLocal(ms + 12_345)).toBe("2026-11-25T09:05");
  expect(Date.parse(asLocal(ms))).toBe(ms);
});
