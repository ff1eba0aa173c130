import { expect, test } from "vitest";
import { type Asked, before } from "./underway";

const holding: Asked = { work: "hold", call: "a" };

test("one thing at a time with a call, whatever the others do", () => {
  expect(before([holding], { work: "park", call: "a" })).toBe(holding);
  expect(before([holding], { work: "park", call: "b" })).toBeUndefined();
  expect(before([holding], { work: "call", call: "" })).toBeUndefined();
  expect(before([{ work: "call", call: "" }], { work: "call", call: "" })).toBeDefined();
});

test("hanging up and answering wait for nothing but themselves", () => {
  expect(before([holding], { work: "hangUp", call: "a" })).toBeUndefined();
  expect(before([holding], { work: "answer", call: "a" })).toBeUndefined();
  expect(before([holding, { work: "hangUp", call: "a" }], { work: "hangUp", call: "a" })?.work).toBe("hangUp");
});
