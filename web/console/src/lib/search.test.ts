import { describe, expect, test } from "vitest";
import { haystackOf, queryOf, rank } from "./search";
import spellings from "../../../names/testdata/spellings.json";
import { Register } from "./register";
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

describe("however a name is written and typed, as the gateway has it", () => {
  const rows = spellings.flatMap(({ name, typed, not }) => [
    ...typed.map((t) => [t, true, name] as const),
    ...not.map((t) => [t, false, name] as const),
  ]);
  test.each(rows)("%j finds: %s, %j", (typed, found, name) => {
    expect(rank(queryOf(typed), haystackOf(device("1001", { name }))) !== null).toBe(found);
    const theirs = haystackOf(device("1001", { department: name }));
    expect(rank(queryOf(typed), theirs) !== null).toBe(found);
  });
});

test("as it is written comes before what is spelled otherwise", () => {
  const r = new Register();
  const names = ["Cleo Muller", "Ben Mueller", "Ada Müller", "Dora Malmueller"];
  names.forEach((name, i) => r.put(device(String(1001 + i), { name })));
  const of = (typed: string) => r.find(typed, "number").map((id) => names[Number(id.slice(-4)) - 1001]);
  expect(of("mueller")).toEqual(["Ben Mueller", "Ada Müller", "Dora Malmueller", "Cleo Muller"]);
  expect(of("muller")).toEqual(["Cleo Muller", "Ada Müller", "Ben Mueller"]);
  expect(of("ada mue")).toEqual(["Ada Müller"]);
});

test("a name spelled with two letters fits as well as one that is written so", () => {
  const of = (typed: string) => rank(queryOf(typed), haystackOf(device("1001", { name: "Jörg Müller" })));
  expect(["mueller", "muell", "joerg mue", "uell"].map(of)).toEqual([2, 3, 2, 7]);
});
