import { expect, test } from "vitest";
import { Places } from "./places";

test("a click on what has just moved into another one's place isn't meant for it", () => {
  const p = new Places();
  p.see(["a", "b"], 1000);
  expect(p.misses("a", 1, 1000)).toBe(false); // nothing was there before
  p.see(["new", "a", "b"], 2000);
  expect(p.misses("new", 1, 2599)).toBe(true);
  expect(p.misses("a", 1, 2100)).toBe(true);
  expect(p.misses("b", 1, 2100)).toBe(false); // its place was empty
  expect(p.misses("a", 0, 2100)).toBe(false); // by keyboard
  expect(p.misses("new", 1, 2600)).toBe(false); // long enough to be seen
});

test("who has moved the pointer since sees where it is", () => {
  const p = new Places();
  p.see(["a", "b"], 0);
  p.see(["b"], 10);
  p.see(["b"], 20);
  expect(p.misses("b", 1, 30)).toBe(true);
  p.aim();
  expect(p.misses("b", 1, 31)).toBe(false);
});
