import { expect, test } from "vitest";
import { load } from "./settings";

const first = load(null);

test.each([["{"], ["null"], ["7"], ['{"phone":7,"favourites":"x","patience":-1,"keys":[],"asked":"yes"}']])(
  "%s is as at first",
  (kept) => expect(load(kept)).toEqual(first),
);

test("what was kept comes back", () => {
  const mine = { ...first, phone: "tel:+1", asked: true, favourites: ["tel:+2"], patience: 45, language: "de" };
  expect(load(JSON.stringify(mine))).toEqual(mine);
});
