import { expect, test } from "vitest";
import { said, sayings } from "./saying";

const found = {
  format: "%s, %s, line %s, option flags %s",
  args: [
    { format: "sip:alice@example.com" },
    { format: "without a name" },
    { format: "tel:+15551001" },
    {
      format: "%s: %s",
      args: [{ format: "16" }, { format: "%s, %s", args: [{ format: "enterprise voice" }, { format: "100%s" }] }],
    },
  ],
};

test("German has the sentence and its parts, and leaves names and commands alone", async () => {
  expect(said(found, await sayings("de"))).toBe(
    "sip:alice@example.com, ohne Namen, Leitung tel:+15551001, OptionFlags 16: Enterprise-VoIP, 100%s",
  );
  expect(said({ format: "timedatectl set-ntp true" }, await sayings("de"))).toBe("timedatectl set-ntp true");
});

test("English is the format itself", async () => {
  expect(said(found, await sayings("en"))).toBe(
    "sip:alice@example.com, without a name, line tel:+15551001, option flags 16: enterprise voice, 100%s",
  );
});

test("another order, and what no catalogue has", () => {
  expect(said({ format: "%s of %s", args: [{ format: "a" }, { format: "b" }] }, { "%s of %s": "%2$s: %1$s" })).toBe("b: a");
  expect(said({ format: "constructor" }, {})).toBe("constructor");
  expect(said({ format: "%s and %s", args: [{ format: "a" }] }, {})).toBe("a and ");
});
