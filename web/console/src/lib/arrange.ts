// Which phones are shown, in what order, under which headings, and which rows of them are in sight.

import type { DeviceKind } from "./model";
import { type Phone, type PhoneState, phoneStates } from "./phone";

/** How lines are grouped, and ordered within a group. */
export type Grouping = "kind" | "name" | "state" | "department" | "pbx";

export interface Section {
  readonly key: string; // of the heading's text: a kind, or a state
  readonly pbx: string; // empty where headings don't say it
  readonly phones: readonly Phone[];
}

export type Row =
  | { readonly type: "heading"; readonly top: number; readonly section: Section }
  | { readonly type: "phones"; readonly top: number; readonly phones: readonly Phone[] };

export interface Sizes {
  readonly heading: number;
  readonly row: number; // gap included
}

const kinds: readonly DeviceKind[] = ["phone", "group", "parkSlot", "trunk"];
const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

/** Compares for the orders that don't move while calls come and go. */
export function compare(grouping: Grouping): (a: Phone, b: Phone) => number {
  const byExtension = (a: Phone, b: Phone) =>
    collator.compare(a.device.pbx, b.device.pbx) ||
    kinds.indexOf(a.device.kind) - kinds.indexOf(b.device.kind) ||
    collator.compare(a.device.extension, b.device.extension) ||
    collator.compare(a.device.id, b.device.id);
  if (grouping === "kind" || grouping === "pbx") return byExtension;
  return (a, b) =>
    (grouping === "department"
      ? Number(a.device.department === "") - Number(b.device.department === "") ||
        collator.compare(a.device.department, b.device.department)
      : 0) ||
    Number(a.device.name === "") - Number(b.device.name === "") ||
    collator.compare(a.device.name, b.device.name) ||
    byExtension(a, b);
}

/** Sections of phones that are already in order; by name there is one section, without a heading. */
export function sections(phones: readonly Phone[], grouping: Grouping): Section[] {
  const found = new Map<string, { key: string; pbx: string; phones: Phone[] }>();
  for (const p of phones) {
    const d = p.device;
    const key = { state: p.state, name: "", department: d.department || "none", kind: d.kind, pbx: d.kind }[grouping];
    const pbx = grouping === "kind" || grouping === "pbx" ? d.pbx : "";
    const id = `${pbx}/${key}`;
    let s = found.get(id);
    if (!s) found.set(id, (s = { key, pbx, phones: [] }));
    s.phones.push(p);
  }
  const list = [...found.values()];
  if (grouping === "state")
    list.sort((a, b) => phoneStates.indexOf(a.key as PhoneState) - phoneStates.indexOf(b.key as PhoneState));
  return list;
}

/** Rows of so many columns, each with its place. */
export function layOut(list: readonly Section[], columns: number, sizes: Sizes): { rows: Row[]; height: number } {
  const rows: Row[] = [];
  let top = 0;
  for (const section of list) {
    if (section.key !== "") {
      rows.push({ type: "heading", top, section });
      top += sizes.heading;
    }
    for (let i = 0; i < section.phones.length; i += columns) {
      rows.push({ type: "phones", top, phones: section.phones.slice(i, i + columns) });
      top += sizes.row;
    }
  }
  return { rows, height: top };
}

/** The first and one past the last row that touch the part from top to bottom. */
export function inSight(rows: readonly Row[], top: number, bottom: number): [number, number] {
  const from = Math.max(0, firstAt(rows, top) - 1);
  return [from, firstAt(rows, bottom)];
}

/** The index of the first row that begins at y or below. */
function firstAt(rows: readonly Row[], y: number): number {
  let lo = 0;
  let hi = rows.length;
  while (lo < hi) {
    const mid = (lo + hi) >> 1;
    if (rows[mid]!.top < y) lo = mid + 1;
    else hi = mid;
  }
  return lo;
}

export type Direction = "left" | "right" | "up" | "down" | "home" | "end";

/** The phone one step from the given one, as arrow keys go; the same one at the edge. */
export function step(rows: readonly Row[], id: string, to: Direction): string {
  const lines = rows.flatMap((r) => (r.type === "phones" ? [r.phones] : []));
  const y = lines.findIndex((l) => l.some((p) => p.device.id === id));
  if (y < 0) return lines[0]?.[0]?.device.id ?? id;
  const line = lines[y]!;
  const x = line.findIndex((p) => p.device.id === id);
  const at = (row: readonly Phone[] | undefined, i: number) => row?.[Math.min(i, row.length - 1)];
  const goal = {
    left: () => line[x - 1] ?? lines[y - 1]?.at(-1),
    right: () => line[x + 1] ?? lines[y + 1]?.[0],
    up: () => at(lines[y - 1], x),
    down: () => at(lines[y + 1], x),
    home: () => lines[0]?.[0],
    end: () => lines.at(-1)?.at(-1),
  }[to]();
  return goal?.device.id ?? id;
}
