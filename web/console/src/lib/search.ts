// Finding lines as one types: every match, the best first.

import { fold, loose, spelled } from "./format";
import type { Device } from "./model";

/** What a search looks at, folded once per line: name, department and numbers. */
export interface Haystack {
  readonly words: readonly string[]; // of the name
  readonly names: readonly string[]; // folded, and spelled with two letters where that is another
  readonly numbers: readonly string[]; // extension first
  readonly bare: readonly string[]; // those without their +
  readonly departments: readonly string[]; // their words
  readonly loose: string; // name and department, however they are spelled
  readonly all: string; // in which whatever isn't in it needn't be looked for any further
}

export function haystackOf(d: Device): Haystack {
  const ways = (text: string) => [...new Set([fold(text), spelled(text)])];
  const [names, departments] = [ways(d.name), ways(d.department)];
  const numbers = [...new Set([d.extension, d.number])];
  return {
    names,
    words: names.flatMap((n) => n.split(/[^\p{L}\p{N}]+/u)).filter((w) => w !== ""),
    numbers,
    bare: numbers.map((n) => n.replace(/^\+/, "")),
    departments: departments.flatMap((x) => x.split(/\s+/)),
    loose: `${loose(names[0]!)}\n${loose(departments[0]!)}`,
    all: [...names, ...departments, ...numbers].join("\n"),
  };
}

/** A search that has been read. */
export interface Query {
  readonly words: readonly string[];
  readonly loose: readonly string[]; // the words, however they are spelled; empty where there is nothing to spell
  readonly number: string; // all of it as a number: no spaces, dashes and brackets; empty: it is none
  readonly bare: string; // that without its +
}

export function queryOf(typed: string): Query {
  const q = fold(typed).trim();
  const dialled = q.replace(/[\s().\-/]/g, "");
  const number = /^\+?[\d*#]+$/.test(dialled) ? dialled : "";
  const words = q.split(/\s+/).filter((w) => w !== "");
  return { words, loose: words.map(loose), number, bare: number.replace(/^\+/, "") };
}

/** The rank of what fits least. */
export const worst = 8;

/**
 * How well a line fits: 0 best; null: not at all. A whole extension, its beginning, the name's, a word's, a number's end, anything inside, and last what
 * is spelled otherwise: Muller for Mueller. web/names has the same rule for the gateway.
 */
export function rank(q: Query, h: Haystack): number | null {
  if (q.words.length === 0) return 0;
  if (q.bare !== "" && h.all.includes(q.bare)) {
    if (h.bare.includes(q.bare)) return 0;
    if (h.bare[0]?.startsWith(q.bare)) return 1;
    if (h.bare.some((n) => n.startsWith(q.bare) || n.endsWith(q.bare))) return 4;
    if (h.bare.some((n) => n.includes(q.bare))) return 5;
  }
  let least = 0;
  for (const [i, w] of q.words.entries()) {
    const r = rankWord(w, q.loose[i]!, h);
    if (r === null) return null;
    least = Math.max(least, r);
  }
  return h.names.some((n) => n.startsWith(q.words.join(" "))) ? Math.min(least, 2) : least;
}

function rankWord(w: string, otherwise: string, h: Haystack): number | null {
  if (!h.all.includes(w)) return otherwise !== "" && h.loose.includes(otherwise) ? worst : null;
  if (h.words.includes(w)) return 2;
  if (h.words.some((x) => x.startsWith(w))) return 3;
  if (h.numbers.some((n) => n.includes(w))) return 5;
  if (h.departments.some((x) => x.startsWith(w))) return 6;
  return worst - 1;
}
