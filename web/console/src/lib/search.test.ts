import { describe, expect, test } from "vitest";
import { haystackOf, queryOf, rank } from "./search";
import { device } from "./testing";

describe("what is found", () => {
  const p = haystackOf(device("1001", { name: "Zoë Núñez-Ito", department: "Einkauf Süd" }));
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
    ["+", true],
    ["++", false],
    ["kauf", true],
    ["[.*", false],
  ])("%j", (query, found) => expect(rank(queryOf(query), p) !== null).toBe(found));
});
