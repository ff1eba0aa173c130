import { expect, test } from "vitest";
import { allowed, commandOf, commands, delivered, mapOf, shown, written } from "./keys";
import { speak } from "./text";

const press = (key: string, more = {}) => written({ key, ctrlKey: false, altKey: false, metaKey: false, ...more });

test("as delivered every command has a key of its own", () => {
  expect(new Set(Object.values(delivered)).size).toBe(commands.length);
  for (const c of commands) expect(allowed(delivered[c])).toBe(true);
});

test.each([
  [press("h"), "h"],
  [press("H"), "h"],
  [press("?"), "?"],
  [press("F4"), "F4"],
  [press("k", { ctrlKey: true }), "Ctrl+k"],
  [press("k", { metaKey: true }), "Ctrl+k"],
  [press("Shift"), ""],
  [press(" "), "Space"],
])("%s is written %s", (is, want) => expect(is).toBe(want));

test("a key that was changed does the command, and the old one doesn't", () => {
  const map = mapOf({ hold: "F4" });
  expect(commandOf(map, "F4")).toBe("hold");
  expect(commandOf(map, "h")).toBeUndefined();
  expect(commandOf(map, "")).toBeUndefined();
});

test.each([[null], ["x"], [{ hold: "Enter" }], [{ hold: 7 }], [{ hold: "a" }], [{ nonsense: "z" }]])("%j is as delivered", (kept) =>
  expect(mapOf(kept)).toEqual(delivered),
);

test("shown", () => expect([shown("Ctrl+k"), shown("h"), shown("F4")]).toEqual(["Ctrl K", "H", "F4"]));

test("keys are shown as they are written on the keyboard of this language", async () => {
  expect([shown("Ctrl+k"), shown("h"), shown("F4")]).toEqual(["Ctrl K", "H", "F4"]);
  await speak("de");
  expect(shown("Ctrl+k")).toBe("Strg K");
  await speak("en");
});
