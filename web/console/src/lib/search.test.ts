import { describe, expect, test } from "vitest";
import type { Device } from "./model";
import { type Phone, phoneOf } from "./phone";
import { find, haystackOf, queryOf, rank } from "./search";
import { device } from "./testing";

const phone = (extension: string, more: Partial<Device> = {}): Phone => phoneOf(device(extension, more), []);

describe("what is found", () => {
  const p = haystackOf(phone("1001", { name: "Zoë Núñez-Ito", department: "Einkauf Süd" }));
  test.each<[query: string, found: boolean]>([
    ["", true],
    ["  ", true],
    ["zoe", true],
    ["NUNEZ", true],
    ["ito zoë", true],
    ["zoe ada", false],
    ["1001", true],
    ["+1 555-1001", true],
    ["(555) 1001", true],
    ["1002", false],
    ["zoe 1001", true],
    ["sud", true],
    ["einkauf zoe", true],
    ["[.*", false],
  ])("%j", (query, found) => expect(rank(queryOf(query), p) !== null).toBe(found));
});

test("the best first, and all of them", () => {
  const list = [
    phone("21001", { name: "Inside" }),
    phone("2100", { name: "Ben (Ada's desk)" }),
    phone("1001", { name: "Dean Park" }),
    phone("1002", { name: "Ada Ito" }),
    phone("1003", { name: "Canada Dry" }),
    phone("10015", { name: "Longer" }),
  ];
  const of = (typed: string) =>
    find(list, (id) => haystackOf(list.find((p) => p.device.id === id)!), typed).map((p) => p.device.extension);
  expect(of("1001")).toEqual(["1001", "10015", "21001"]);
  expect(of("ada")).toEqual(["2100", "1002", "1003"]);
  expect(of("ada i")).toEqual(["1002"]);
  expect(of("park")).toEqual(["1001"]);
});
