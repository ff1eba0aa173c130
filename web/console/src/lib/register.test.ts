import { expect, test } from "vitest";
import { type Order, Register } from "./register";
import { device } from "./testing";

const extensions = (ids: readonly string[]) => ids.map((id) => id.replace("tel:+1555", ""));

function registerOf(...list: Parameters<typeof device>[]): Register {
  const r = new Register();
  for (const d of list) r.put(device(...d));
  return r;
}

test.each<[Order, string[]]>([
  ["number", ["9", "10", "100", "71", "1"]], // PBX, kind, number as number
  ["name", ["100", "10", "1", "9", "71"]], // those without one last
  ["department", ["1", "100", "10", "9", "71"]],
])("by %s", (by, want) => {
  const r = registerOf(
    ["10", { name: "Ben", department: "Sales" }],
    ["9"],
    ["71", { kind: "parkSlot" }],
    ["100", { name: "ada", department: "Sales" }],
    ["1", { pbx: "zulu", name: "Cleo", department: "Accounts" }],
  );
  expect(extensions(r.order(by))).toEqual(want);
});

test("the best first, and all of them", () => {
  const r = registerOf(
    ["21001", { name: "Inside" }],
    ["2100", { name: "Ben (Ada's desk)" }],
    ["1001", { name: "Dean Park" }],
    ["1002", { name: "Ada Ito" }],
    ["1003", { name: "Canada Dry" }],
    ["10015", { name: "Longer" }],
  );
  const of = (typed: string) => extensions(r.find(typed, "number"));
  expect(of("1001")).toEqual(["1001", "10015", "21001"]);
  expect(of("ada")).toEqual(["1002", "2100", "1003"]); // by number where they fit equally well
  expect(of("ada i")).toEqual(["1002"]);
  expect(of("park")).toEqual(["1001"]);
  expect(extensions(r.find("ada", "name"))).toEqual(["1002", "2100", "1003"]);
});

test("a whole word before one that begins so, a whole extension before one that begins so, that before one within", () => {
  const r = registerOf(["1", { name: "Ben Itow" }], ["2", { name: "Cleo Ito" }], ["3", { name: "Shito" }]);
  expect(extensions(r.find("ito", "number"))).toEqual(["2", "1", "3"]);
  const begins = registerOf(["1", { name: "Dora Clara" }], ["2", { name: "Clara Dahl" }]);
  expect(extensions(begins.find("clara d", "number"))).toEqual(["2", "1"]);
  const n = registerOf(["4421"], ["42"], ["421"], ["142"]);
  expect(extensions(n.find("42", "number")).slice(0, 2)).toEqual(["42", "421"]);
});

const many = 10_000;

/** So many lines, named in no order. */
function crowd(): Register {
  const r = new Register();
  for (let i = 0; i < many; i++) r.put(device(String(1001 + i), { name: `N${(i * 7919) % many}`, department: `D${i % 40}` }));
  return r;
}

test("10,000 lines: nothing is folded and nothing compared while somebody types, or takes an order that he had before", () => {
  const r = crowd();
  const orders: Order[] = ["number", "name", "department"];
  for (const by of orders) r.order(by);
  const { folded, compared } = r.counters;
  expect(folded).toBe(many);
  for (const typed of ["n", "n1", "n12", "n12 d", "1", "10", "100", "100 "]) for (const by of orders) r.find(typed, by);
  for (const by of orders) r.order(by);
  for (let i = 0; i < many; i += 3) r.put(device(String(1001 + i), { ...namedAs(i), outOfService: "" })); // calls come and go
  for (const by of orders) r.order(by);
  expect(r.counters).toEqual({ folded, compared });
});

const namedAs = (i: number) => ({ name: `N${(i * 7919) % many}`, department: `D${i % 40}` });

test("10,000 lines: who is renamed, comes or goes is put where he belongs, and the others aren't sorted again", () => {
  const r = crowd();
  r.order("name");
  const before = r.counters.compared;
  r.put(device("5000", { name: "N17b" }));
  r.put(device("99999", { name: "N17a" }));
  r.drop(device("6000").id);
  const list = extensions(r.order("name"));
  const at = list.indexOf("99999");
  expect(list[at + 1]).toBe("5000");
  expect([list.length, list.includes("6000")]).toEqual([many, false]);
  expect(r.counters.compared - before).toBeLessThan(2 * many); // a sort takes some log2(10,000) ≈ 13 for each
});

test("what is no more there is found no more", () => {
  const r = registerOf(["1001", { name: "Ada" }], ["1002", { name: "Ada" }]);
  expect(extensions(r.find("ada", "number"))).toEqual(["1001", "1002"]);
  r.prepare([device("1009", { name: "Ada" })], true); // never completed
  r.prepare([device("1002", { name: "Ben" })], true);
  r.prepare([device("1003", { name: "Ada" })], false);
  expect(extensions(r.find("ada", "number"))).toEqual(["1001", "1002"]); // not before all of it is there
  r.replace();
  expect(extensions(r.find("ada", "number"))).toEqual(["1003"]);
  expect(extensions(r.order("number"))).toEqual(["1002", "1003"]);
});

test("where the same lines come again nothing is sorted; where one was renamed meanwhile it is", () => {
  const all = [device("1001", { name: "Ada" }), device("1002", { name: "Ben" })];
  const r = new Register();
  const again = () => {
    r.prepare(all, true);
    r.replace();
  };
  again();
  const first = r.census;
  again();
  expect(r.census).toBe(first);
  r.prepare(all, true);
  r.put(device("1001", { name: "Cleo" }));
  expect(extensions(r.order("name"))).toEqual(["1002", "1001"]);
  r.replace();
  expect(extensions(r.order("name"))).toEqual(["1001", "1002"]);
  r.prepare(all.slice(1), true);
  r.replace();
  expect(extensions(r.order("name"))).toEqual(["1002"]);
  expect(r.counters.folded).toBe(3);
});
