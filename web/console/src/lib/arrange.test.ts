import { describe, expect, test } from "vitest";
import { compare, count, inSight, layOut, matcher, searchable, sections, step, suggest } from "./arrange";
import type { Device } from "./model";
import { type Phone, phoneOf } from "./phone";
import { call, device, leg } from "./testing";

const phone = (extension: string, more: Partial<Device> = {}): Phone => phoneOf(device(extension, more), []);
const extensions = (list: readonly Phone[]) => list.map((p) => p.device.extension);

describe("search", () => {
  const p = phone("1001", { name: "Zoë Núñez-Ito", number: "+15551001" });
  const rows: [query: string, found: boolean][] = [
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
  ];
  test.each(rows)("%j", (query, found) => {
    expect(matcher(query)(searchable(p))).toBe(found);
  });
});

describe("order", () => {
  const list = [
    phone("10", { name: "Ben" }),
    phone("9", { name: "" }),
    phone("71", { kind: "parkSlot" }),
    phone("100", { name: "ada" }),
    phone("1", { pbx: "zulu", name: "Cleo" }),
  ];
  test("by extension: PBX, kind, number as number", () => {
    expect(extensions([...list].sort(compare("extension")))).toEqual(["9", "10", "100", "71", "1"]);
  });
  test("by name: those without one last", () => {
    expect(extensions([...list].sort(compare("name")))).toEqual(["100", "10", "1", "9", "71"]);
  });
});

test("count", () => {
  const list = [
    phone("1"),
    phone("2", { outOfService: "" }),
    phoneOf(device("3"), [call("a", leg("4", "connected"), leg("3", "alerting"))]),
  ];
  expect(count(list)).toMatchObject({ idle: 1, out: 1, ringing: 1, talking: 0 });
});

describe("sections", () => {
  const busy = phoneOf(device("3"), [call("a", leg("4", "connected"), leg("3", "alerting"))]);
  const list = [phone("1"), busy, phone("71", { kind: "parkSlot" })];
  test("by kind", () => {
    expect(sections(list, "extension").map((s) => [s.key, extensions(s.phones)])).toEqual([
      ["phone", ["1", "3"]],
      ["parkSlot", ["71"]],
    ]);
  });
  test("by state, the most pressing first", () => {
    expect(sections(list, "state").map((s) => s.key)).toEqual(["ringing", "idle"]);
  });
  test("by name there is one, without a heading", () => {
    expect(sections(list, "name").map((s) => s.key)).toEqual([""]);
  });
});

describe("rows", () => {
  const phones = Array.from({ length: 10 }, (_, i) => phone(String(i)));
  const list = [
    { key: "phone", pbx: "sim", phones: phones.slice(0, 7) },
    { key: "group", pbx: "sim", phones: phones.slice(7) },
  ];
  const { rows, height } = layOut(list, 3, { heading: 30, row: 50 });

  test("places", () => {
    expect(rows.map((r) => [r.type, r.top])).toEqual([
      ["heading", 0],
      ["phones", 30],
      ["phones", 80],
      ["phones", 130],
      ["heading", 180],
      ["phones", 210],
    ]);
    expect(height).toBe(260);
  });

  test.each([
    [0, 100, 0, 3],
    [81, 131, 2, 4],
    [-500, -100, 0, 0],
    [5000, 6000, 5, 6],
  ])("in sight from %i to %i", (top, bottom, from, to) => {
    expect(inSight(rows, top, bottom)).toEqual([from, to]);
  });

  const id = (n: string) => device(n).id;
  test.each([
    ["0", "right", "1"],
    ["2", "right", "3"],
    ["3", "left", "2"],
    ["0", "left", "0"],
    ["1", "down", "4"],
    ["5", "down", "6"],
    ["6", "down", "7"],
    ["8", "up", "6"],
    ["9", "down", "9"],
    ["0", "up", "0"],
    ["4", "home", "0"],
    ["4", "end", "9"],
    ["gone", "down", "0"],
  ] as const)("from %s %s is %s", (from, to, goal) => {
    expect(step(rows, id(from), to)).toBe(id(goal));
  });

  test("nobody to step to", () => {
    expect(step([], "x", "down")).toBe("x");
  });
});

describe("suggestions", () => {
  const list = [
    phone("1001", { name: "Dean Park" }),
    phone("1002", { name: "Ada Ito" }),
    phone("2100", { name: "Ben (Ada's desk)" }),
  ];
  const find = (typed: string, except = "", most = 6) =>
    extensions(suggest(list, (id) => searchable(list.find((p) => p.device.id === id)!), typed, except, most));
  test("beginnings first", () => expect(find("100")).toEqual(["1001", "1002", "2100"]));
  test("any word's beginning", () => expect(find("park")).toEqual(["1001"]));
  test("not the phone itself", () => expect(find("ada", device("1002").id)).toEqual(["2100"]));
  test("no more than asked for", () => expect(find("1", "", 1)).toHaveLength(1));
  test("nothing for nothing", () => expect(find("  ")).toEqual([]));
  test("signs are only signs", () => expect(find("(ada")).toEqual(["2100"]));
  test("what means something in a pattern", () => expect(find("[.*")).toEqual([]));
});
