import { expect, test } from "vitest";
import { sentence } from "./api";
import { text } from "./text";

test.each([
  ["detail", { title: "Conflict", detail: "the call is not alerting" }, "The call is not alerting."],
  ["a whole sentence stays", { detail: "No such device." }, "No such device."],
  ["title where there is no detail", { title: "Conflict", detail: " " }, "Conflict."],
  ["fields", { detail: "validation failed", errors: [{ message: "expected digits" }] }, "Validation failed: expected digits."],
  ["outcome", { detail: "no answer in time", outcome: "unknown" }, `No answer in time. ${text.failed.unknown}`],
  ["nothing", null, text.failed.status(409)],
  ["not a problem document", "oops", text.failed.status(409)],
  ["wrong types", { detail: 7, title: {} }, text.failed.status(409)],
  [
    "type",
    { type: "urn:csta:error:stateIncompatibility:noCallToAnswer", detail: "nothing rings" },
    `${text.refused.moment} Nothing rings.`,
  ],
  ["part of a type", { type: "urn:csta:error:operation:privilegeViolationCalledDevice" }, text.refused.right],
  ["a type unknown here", { type: "about:blank", detail: "nothing rings" }, "Nothing rings."],
])("%s", (_, problem, want) => expect(sentence(409, problem)).toBe(want));

test("a status says what it comes to where there is no type", () =>
  expect(sentence(422, { detail: "Validation failed" })).toBe(`${text.refused.value} Validation failed.`));
