import { expect, test } from "vitest";
import { contactFrom, pastFrom } from "./history";

const entry = {
  id: "1",
  began: "2026-11-25T10:00:00Z",
  calling: { shown: "known", deviceID: "tel:+1", number: "tel:+1", name: "Ada" },
  called: { shown: "known", deviceID: "tel:+2", number: "tel:+2" },
  outcome: "answered",
  talkedMilliseconds: 9000,
  legs: [
    { deviceID: "tel:+1", outcome: "outgoing", talkedMilliseconds: 9000 },
    { deviceID: "tel:+2", outcome: "elsewhere", talkedMilliseconds: 0 },
  ],
};

test("seen from the caller", () =>
  expect(pastFrom(entry, "tel:+1")).toMatchObject({
    incoming: false,
    other: { device: "tel:+2" },
    outcome: "answered",
    talked: 9000,
  }));

test("seen from a phone that rang", () =>
  expect(pastFrom(entry, "tel:+2")).toMatchObject({ incoming: true, other: { name: "Ada" }, outcome: "elsewhere", talked: 0 }));

test("what can't be read is nothing, not a fault", () =>
  expect(pastFrom({ legs: 7, calling: null }, "x")).toMatchObject({ began: 0, outcome: "", talked: 0 }));

test("a contact of a number outside is with whom it spoke, not whom it called", () => {
  const past = {
    began: "2026-11-25T10:00:00Z",
    calling: { shown: "known", number: "tel:+4930" },
    called: { shown: "known", deviceID: "tel:+1000", number: "tel:+1000", name: "Main number" },
    outcome: "answered",
    legs: [
      { deviceID: "tel:+1", outcome: "missed" },
      { deviceID: "tel:+2", outcome: "answered" },
    ],
  };
  expect(contactFrom(past, "+4930")).toMatchObject({ party: { device: "tel:+2", name: "" }, outcome: "answered" });
  expect(contactFrom({ ...past, legs: [] }, "+4930")).toMatchObject({ party: { device: "tel:+1000", name: "Main number" } });
  expect(contactFrom({ ...past, calling: past.called, called: past.calling, legs: [] }, "+4930")).toMatchObject({
    party: { device: "tel:+1000" },
  });
});
