import { describe, expect, test } from "vitest";
import { compare, inSight, layOut, sections, step } from "./arrange";
import type { Device } from "./model";
import { type Phone, phoneOf } from "./phone";
import { call, device, leg } from "./testing";

const phone = (extension: string, more: Partial<Device> = {}): Phone => phoneOf(device(extension, more), []);
const extensions = (list: readonly Phone[]) => list.map((p) => p.device.extension);

describe("order", () => {
  const list = [
    phone("10", { name: "Ben" }),
    phone("9", { name: "" }),
    phone("71", { kind: "parkSlot" }),
    phone("100", { name: "ada" }),
    phone("1", { pbx: "zulu", name: "Cleo" }),
  ];
  test("by extension: PBX, kind, number as number", () => {
    expect(extensions([...list].sort(compare("kind")))).toEqual(["9", "10", "100", "71", "1"]);
  });
  test("by name: those without one last", () => {
    expect(extensions([...list].sort(compare("name")))).toEqual(["100", "10", "1", "9", "71"]);
  });
});

test("order by department: those without one last", () => {
  const list = [
    phone("1"),
    phone("2", { department: "Sales" }),
    phone("3", { department: "Accounts" }),
    phone("4", { department: "Sales", name: "Ada" }),
  ];
  const sorted = [...list].sort(compare("department"));
  expect(extensions(sorted)).toEqual(["3", "4", "2", "1"]);
  expect(sections(sorted, "department").map((s) => s.key)).toEqual(["Accounts", "Sales", "none"]);
});

describe("sections", () => {
  const busy = phoneOf(device("3"), [call("a", leg("4", "connected"), leg("3", "alerting"))]);
  const list = [phone("1"), busy, phone("71", { kind: "parkSlot" })];
  test("by kind", () => {
    expect(sections(list, "kind").map((s) => [s.key, extensions(s.phones)])).toEqual([
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
