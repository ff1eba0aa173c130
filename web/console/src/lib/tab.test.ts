import { expect, test } from "vitest";
import type { Sent } from "./sent";
import { recall } from "./tab";

const sent: Sent = {
  id: 3,
  call: "c1",
  mine: "tel:+15551005",
  who: "Bruno",
  callers: ["tel:+15551002"],
  to: "Clara",
  target: "tel:+15551003",
  at: 1000,
  undo: true,
  parked: false,
};

test("what was kept is there again", () => {
  const kept = { user: "elif", sent: [sent], watched: ["tel:+15551003"] };
  expect(recall(JSON.stringify(kept))).toEqual(kept);
});

test.each([null, "", "{", "null", "7", '{"sent": 1, "watched": {}, "user": 2}'])("nothing is made of %s", (kept) => {
  expect(recall(kept)).toEqual({ user: "", sent: [], watched: [] });
});

test.each(Object.keys(sent))("what was sent is left out where its %s isn't understood", (member) => {
  expect(recall(JSON.stringify({ sent: [{ ...sent, [member]: null }, sent, null, 1] })).sent).toEqual([sent]);
  expect(recall(JSON.stringify({ sent: [{ ...sent, callers: [1] }], watched: [1, "a"] }))).toMatchObject({
    sent: [],
    watched: ["a"],
  });
});
