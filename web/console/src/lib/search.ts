// Finding lines as one types: every match, the best first.

import { fold } from "./format";
import type { Device } from "./model";

/** What a search looks at, folded once per line: name, department and numbers. */
export interface Haystack {
  readonly words: readonly string[]; // of the name
  readonly name: string;
  readonly numbers: readonly string[]; // extension first
  readonly bare: readonly string[]; // those without their +
  readonly department: string;
  readonly departments: readonly string[]; // its words
  readonly all: string; // in which whatever isn't in it needn't be looked for any further
}

export function haystackOf(d: Device): Haystack {
  const [name, department] = [fold(d.name), fold(d.department)];
  const numbers = [...new Set([d.extension, d.number])];
  return {
    name,
    words: name.split(/[^\p{L}\p{N}]+/u).filter((w) => w !== ""),
    numbers,
    bare: numbers.map((n) => n.replace(/^\+/, "")),
    department,
    departments: department.split(/\s+/),
    all: [name, department, ...numbers].join("\n"),
  };
}

/** A search that has been read. */
export interface Query {
  readonly words: readonly string[];
  readonly number: string; // all of it as a number: no spaces, dashes and brackets; empty: it is none
  readonly bare: string; // that without its +
}

export function queryOf(typed: string): Query {
  const q = fold(typed).trim();
  const dialled = q.replace(/[\s().\-/]/g, "");
  const number = /^\+?[\d*#]+$/.test(dialled) ? dialled : "";
  return { words: q.split(/\s+/).filter((w) => w !== ""), number, bare: number.replace(/^\+/, "") };
}

/** The rank of what fits least. */
export const worst = 7;

/** How well a line fits: 0 best; null: not at all. A whole extension, its beginning, the name's, a word's, a number's end, anything inside. */
export function rank(q: Query, h: Haystack): number | null {
  if (q.words.length === 0) return 0;
  if (q.bare !== "" && h.all.includes(q.bare)) {
    if (h.bare.includes(q.bare)) return 0;
    if (h.bare[0]?.startsWith(q.bare)) return 1;
    if (h.bare.some((n) => n.startsWith(q.bare) || n.endsWith(q.bare))) return 4;
    if (h.bare.some((n) => n.includes(q.bare))) return 5;
  }
  let least = 0;
  for (const w of q.words) {
    const r = rankWord(w, h);
    if (r === null) return null;
    least = Math.max(least, r);
  }
  return h.name.startsWith(q.words.join(" ")) ? Math.min(least, 2) : least;
}

function rankWord(w: string, h: Haystack): number | null {
  if (!h.all.includes(w)) return null;
  if (h.words.includes(w)) return 2;
  if (h.words.some((x) => x.startsWith(w))) return 3;
  if (h.numbers.some((n) => n.includes(w))) return 5;
  if (h.departments.some((x) => x.startsWith(w))) return 6;
  return worst;
}
