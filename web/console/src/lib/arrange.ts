// Which phones are shown, in what order, under which headings, and which rows of them are in sight.

import { type Phone, type PhoneState, phoneStates } from "./phone";
import type { Order } from "./register";

/** How lines are grouped, and ordered within a group. */
export type Grouping = "kind" | "name" | "state" | "department" | "pbx";

export interface Section {
  readonly key: string; // of the heading's text: a kind, or a state
  readonly pbx: string; // empty where headings don't say it
  readonly phones: readonly Phone[];
}

export type Row =
  | { readonly type: "heading"; readonly index: number; readonly top: number; readonly section: Section }
  | { readonly type: "phones"; readonly index: number; readonly top: number; readonly phones: readonly Phone[] };

export interface Sizes {
  readonly heading: number;
  readonly row: number; // gap included
}

/** What phones are in order by, within their groups. */
export const orderOf: Readonly<Record<Grouping, Order>> = {
  kind: "number",
  pbx: "number",
  name: "name",
  state: "name",
  department: "department",
};

const keys: Readonly<Record<Grouping, (p: Phone) => string>> = {
  kind: (p) => p.device.kind,
  pbx: (p) => p.device.kind,
  name: () => "",
  state: (p) => p.state,
  department: (p) => p.device.department || "none",
};

/** Sections of phones that are already in order; by name there is one section, without a heading. */
export function sections(phones: readonly Phone[], grouping: Grouping): Section[] {
  type Open = { key: string; pbx: string; phones: Phone[] };
  const found = new Map<string, Open>();
  let s: Open | undefined;
  for (const p of phones) {
    const key = keys[grouping](p);
    const pbx = grouping === "kind" || grouping === "pbx" ? p.device.pbx : "";
    if (s?.key !== key || s.pbx !== pbx) {
      const id = `${pbx}/${key}`;
      s = found.get(id);
      if (!s) found.set(id, (s = { key, pbx, phones: [] }));
    }
    s.phones.push(p);
  }
  const list = [...found.values()];
  if (grouping === "state")
    list.sort((a, b) => phoneStates.indexOf(a.key as PhoneState) - phoneStates.indexOf(b.key as PhoneState));
  return list;
}

/** Where a section stands. */
interface Band {
  readonly section: Section;
  readonly index: number; // of its first row: its heading, where it has one
  readonly top: number;
  readonly heading: 0 | 1; // rows
  readonly lines: number; // rows of phones
}

/** Sections in rows of so many columns. Only where the sections stand is worked out: rows are made when they come into sight. */
export class Layout {
  readonly height: number;
  readonly length: number; // rows
  #bands: Band[] = [];

  constructor(
    list: readonly Section[],
    readonly columns: number,
    readonly sizes: Sizes,
  ) {
    let [index, top] = [0, 0];
    for (const section of list) {
      const heading = section.key === "" ? 0 : 1;
      const lines = Math.ceil(section.phones.length / columns);
      this.#bands.push({ section, index, top, heading, lines });
      index += heading + lines;
      top += heading * sizes.heading + lines * sizes.row;
    }
    this.length = index;
    this.height = top;
  }

  /** The rows that touch the part from top to bottom. */
  inSight(top: number, bottom: number): Row[] {
    const rows: Row[] = [];
    for (let i = this.#bandAt("top", top); i < this.#bands.length && this.#bands[i]!.top < bottom; i++) {
      const b = this.#bands[i]!;
      const first = b.top + b.heading * this.sizes.heading;
      if (b.heading && first > top) rows.push(this.#row(b, 0));
      const from = Math.max(0, Math.floor((top - first) / this.sizes.row));
      const to = Math.min(b.lines, Math.ceil((bottom - first) / this.sizes.row));
      for (let k = from; k < to; k++) rows.push(this.#row(b, b.heading + k));
    }
    return rows;
  }

  /** The row in which a phone stands. */
  rowOf(id: string): (Row & { type: "phones" }) | undefined {
    for (const b of this.#bands) {
      const i = b.section.phones.findIndex((p) => p.device.id === id);
      if (i >= 0) return this.#row(b, b.heading + Math.floor(i / this.columns)) as Row & { type: "phones" };
    }
    return undefined;
  }

  /** The phones of the row of phones nearest to a row's index that way; none beyond the first and the last one. */
  line(index: number, way: 1 | -1): readonly Phone[] | undefined {
    for (let i = index + way; i >= 0 && i < this.length; i += way) {
      const b = this.#bands[this.#bandAt("index", i)]!;
      const row = this.#row(b, i - b.index);
      if (row.type === "phones") return row.phones;
    }
    return undefined;
  }

  #row(b: Band, k: number): Row {
    if (k < b.heading) return { type: "heading", index: b.index, top: b.top, section: b.section };
    const i = (k - b.heading) * this.columns;
    const top = b.top + b.heading * this.sizes.heading + (k - b.heading) * this.sizes.row;
    return { type: "phones", index: b.index + k, top, phones: b.section.phones.slice(i, i + this.columns) };
  }

  /** The last band that begins at or before a place; the first one where none does. */
  #bandAt(by: "top" | "index", place: number): number {
    let lo = 0;
    let hi = this.#bands.length;
    while (lo < hi) {
      const mid = (lo + hi) >> 1;
      if (this.#bands[mid]![by] <= place) lo = mid + 1;
      else hi = mid;
    }
    return Math.max(0, lo - 1);
  }
}

export type Direction = "left" | "right" | "up" | "down" | "home" | "end";

/** The phone one step from the given one, as arrow keys go; the same one at the edge. */
export function step(laid: Layout, id: string, to: Direction): string {
  const row = laid.rowOf(id);
  const first = () => laid.line(-1, 1)?.[0];
  if (!row) return first()?.device.id ?? id;
  const x = row.phones.findIndex((p) => p.device.id === id);
  const at = (line: readonly Phone[] | undefined) => line?.[Math.min(x, line.length - 1)];
  const goal = {
    left: () => row.phones[x - 1] ?? laid.line(row.index, -1)?.at(-1),
    right: () => row.phones[x + 1] ?? laid.line(row.index, 1)?.[0],
    up: () => at(laid.line(row.index, -1)),
    down: () => at(laid.line(row.index, 1)),
    home: first,
    end: () => laid.line(laid.length, -1)?.at(-1),
  }[to]();
  return goal?.device.id ?? id;
}
