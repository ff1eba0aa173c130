// Finding lines as one types: every match, the best first.

import { fold } from "./format";
import type { Phone } from "./phone";

/** What a search looks at, folded once per line: name, department and numbers. */
export interface Haystack {
  readonly words: readonly string[]; // of the name
  readonly name: string;
  readonly numbers: readonly string[]; // extension first
  readonly department: string;
}

export function haystackOf(p: Phone): Haystack {
  const d = p.device;
  const name = fold(d.name);
  return {
    name,
    words: name.split(/[^\p{L}\p{N}]+/u).filter((w) => w !== ""),
    numbers: [...new Set([d.extension, d.number])],
    department: fold(d.department),
  };
}

/** A search that has been read. */
export interface Query {
  readonly words: readonly string[];
  readonly number: string; // all of it as a number: no spaces, dashes and brackets; empty: it is none
}

export function queryOf(typed: string): Query {
  const q = fold(typed).trim();
  const number = q.replace(/[\s().\-/]/g, "");
  return { words: q.split(/\s+/).filter((w) => w !== ""), number: /^\+?[\d*#]+$/.test(number) ? number : "" };
}

/** How well a line fits: 0 best; null: not at all. A whole extension, its beginning, the name's, a word's, a number's end, anything inside. */
export function rank(q: Query, h: Haystack): number | null {
  if (q.words.length === 0) return 0;
  if (q.number !== "") {
    const bare = q.number.replace(/^\+/, "");
    const at = h.numbers.map((n) => n.replace(/^\+/, ""));
    if (at.includes(bare)) return 0;
    if (at[0]?.startsWith(bare)) return 1;
    if (at.some((n) => n.startsWith(bare) || n.endsWith(bare))) return 4;
    if (at.some((n) => n.includes(bare))) return 5;
  }
  let worst = 0;
  for (const w of q.words) {
    const r = rankWord(w, h);
    if (r === null) return null;
    worst = Math.max(worst, r);
  }
  return h.name.startsWith(q.words.join(" ")) ? Math.min(worst, 2) : worst;
}

function rankWord(w: string, h: Haystack): number | null {
  if (h.words.includes(w)) return 2;
  if (h.words.some((x) => x.startsWith(w))) return 3;
  if (h.numbers.some((n) => n.includes(w))) return 5;
  if (h.department.split(/\s+/).some((x) => x.startsWith(w))) return 6;
  if (h.name.includes(w) || h.department.includes(w)) return 7;
  return null;
}

/** The lines that fit, the best first, those equally good in the order given. */
export function find(
  phones: readonly Phone[],
  haystack: (id: string) => Haystack,
  typed: string,
  fits: (p: Phone) => boolean = () => true,
): Phone[] {
  const q = queryOf(typed);
  const found: { p: Phone; r: number }[] = [];
  for (const p of phones) {
    if (!fits(p)) continue;
    const r = rank(q, haystack(p.device.id));
    if (r !== null) found.push({ p, r });
  }
  return found.sort((a, b) => a.r - b.r).map((f) => f.p);
}
