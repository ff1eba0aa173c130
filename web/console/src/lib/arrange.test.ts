import { describe, expect, test } from "vitest";
import { Layout, sections, step } from "./arrange";
import type { Device } from "./model";
import { type Phone, phoneOf } from "./phone";
import { call, device, leg } from "./testing";

const phone = (extension: string, more: Partial<Device> = {}): Phone => phoneOf(device(extension, more), []);
const extensions = (list: readonly Phone[]) => list.map((p) => p.device.extension);

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
  test("by department, those without one last, however they come", () => {
    const of = (extension: string, department: string) => phone(extension, { department });
    const mixed = [of("1", "Sales"), of("2", "Accounts"), of("3", "Sales"), of("4", "")];
    expect(sections(mixed, "department").map((s) => [s.key, extensions(s.phones)])).toEqual([
      ["Sales", ["1", "3"]],
      ["Accounts", ["2"]],
      ["none", ["4"]],
    ]);
  });
  test("by PBX and kind", () => {
    const two = [phone("1"), phone("2", { pbx: "annex" }), phone("71", { kind: "parkSlot" }), phone("3")];
    expect(sections(two, "pbx").map((s) => [s.pbx, s.key, extensions(s.phones)])).toEqual([
      ["sim", "phone", ["1", "3"]],
      ["annex", "phone", ["2"]],
      ["sim", "parkSlot", ["71"]],
    ]);
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
  const laid = new Layout(list, 3, { heading: 30, row: 50 });

  test("places", () => {
    const rows = laid.inSight(0, laid.height);
    expect(rows.map((r) => [r.index, r.type, r.top, r.type === "phones" ? extensions(r.phones).join("") : r.section.key])).toEqual([
      [0, "heading", 0, "phone"],
      [1, "phones", 30, "012"],
      [2, "phones", 80, "345"],
      [3, "phones", 130, "6"],
      [4, "heading", 180, "group"],
      [5, "phones", 210, "789"],
    ]);
    expect([laid.height, laid.length]).toEqual([260, 6]);
  });

  test.each([
    [0, 100, [0, 1, 2]],
    [29, 30, [0]],
    [30, 31, [1]],
    [80, 130, [2]],
    [81, 131, [2, 3]],
    [170, 211, [3, 4, 5]],
    [-500, -100, []],
    [5000, 6000, []],
  ])("in sight from %i to %i", (top, bottom, rows) => {
    expect(laid.inSight(top, bottom).map((r) => r.index)).toEqual(rows);
  });

  test("without headings", () => {
    const bare = new Layout([{ key: "", pbx: "", phones }], 4, { heading: 30, row: 50 });
    expect([bare.height, bare.length]).toEqual([150, 3]);
    expect(bare.inSight(60, 110).map((r) => [r.index, r.top])).toEqual([
      [1, 50],
      [2, 100],
    ]);
  });

  test("where somebody stands", () => {
    expect(laid.rowOf(device("6").id)).toMatchObject({ index: 3, top: 130 });
    expect(laid.rowOf("nobody")).toBeUndefined();
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
    expect(step(laid, id(from), to)).toBe(id(goal));
  });

  test("nobody to step to", () => {
    expect(step(new Layout([], 3, { heading: 30, row: 50 }), "x", "down")).toBe("x");
  });
});
