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
])("%s", (_, problem, want) => expect(sentence(409, problem)).toBe(want));
