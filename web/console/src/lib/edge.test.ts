import { expect, test } from "vitest";
import { edgeStep } from "./edge";

test.each([
  [300, 0],
  [144, 0],
  [143, -1],
  [116, -9],
  [88, -18],
  [458, 0],
  [486, 9],
  [514, 18],
])("a pointer at %i between 88 and 514", (y, step) => expect(edgeStep(y, 88, 514)).toBe(step));

test("the nearer to the edge the faster, and no faster beyond it", () => {
  expect(edgeStep(90, 88, 514)).toBeLessThan(edgeStep(130, 88, 514));
  expect(edgeStep(514, 88, 514)).toBe(18);
  expect(edgeStep(600, 88, 514)).toBe(18);
});
