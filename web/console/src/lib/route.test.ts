import { expect, test } from "vitest";
import { popOf, read } from "./route";

test.each([
  ["", "board", ""],
  ["#/", "board", ""],
  ["#/queue", "queue", ""],
  ["#/admin", "admin", ""],
  ["#/nowhere", "board", ""],
  ["#/call?number=%2B49%2030%201234", "board", "+49 30 1234"],
  ["#/call?number=+49+30+1234", "board", "+49 30 1234"],
  ["#/call?number=tel:+4930;ext=1", "board", "+4930"],
  ["#/call?tel=tel%3A%2B4930", "board", "+4930"],
  ["#/call", "board", ""],
])("%s", (hash, view, call) => expect(read(hash)).toMatchObject({ view, call }));

test.each([
  ["#/admin/doctor", "doctor", ""],
  ["#/admin", "links", ""],
  ["#/admin/nowhere", "links", ""],
  ["#/admin/calls/a%3A1%2F2", "calls", "a:1/2"],
  ["#/admin/calls/%", "calls", ""],
])("%s", (hash, part, id) => expect(read(hash)).toMatchObject({ view: "admin", part, id }));

const caller = { number: "+4930 1", name: "A&B <i>", reference: "7" };
test.each([
  ["https://crm.example/?n={number}&who={name}&r={reference}", "https://crm.example/?n=%2B4930%201&who=A%26B%20%3Ci%3E&r=7"],
  ["javascript:alert(1)", null],
  ["{name}", null],
  ["", null],
])("%s", (template, want) => expect(popOf(template, caller)).toBe(want));
