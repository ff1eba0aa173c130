// The messages of a call, as the ladder shows them.

import type { components } from "./openapi.gen";
import { fold } from "./format";

export type Rung = components["schemas"]["Message"];

/** Who speaks what: the UC client SIP with CSTA in it, programs CSTA, the PBX its own; and what farhook told. */
export const layers: readonly Rung["layer"][] = ["sip", "csta", "pbx", "event"];

/** Whether all words of a search are in a message, wherever. */
export function fits(m: Rung, query: string): boolean {
  const words = fold(query).trim().split(/\s+/);
  const all = fold([m.says, m.why, m.text, m.carrier, m.peer, m.line, m.session, m.trace, m.layer].join("\n"));
  return words.every((w) => all.includes(w));
}

/** A message's text with the XML in it set out: an element a line, what is within it further in. Nothing else of it changes. */
export function setOut(text: string): string {
  const begin = text.indexOf("<?xml");
  if (begin < 0) return text;
  const lines: string[] = [];
  let depth = 0;
  // An element with text alone stays on its line.
  for (const [part] of text.slice(begin).matchAll(/<([^\s/>?!]+)[^<>]*>[^<]*<\/\1>|<[^>]*>|[^<]+/g)) {
    if (part.trim() === "") continue;
    const closes = part.startsWith("</");
    if (closes) depth = Math.max(0, depth - 1);
    lines.push("  ".repeat(Math.min(depth, 20)) + part.trim());
    const whole = closes || !part.startsWith("<") || part.includes("</") || part.endsWith("/>") || /^<[?!]/.test(part);
    if (!whole) depth++;
  }
  return text.slice(0, begin) + lines.join("\n");
}

/** Who speaks to whom: "1.2.3.4 → farhook". */
export function sides(m: Rung): string {
  if (!m.peer) return m.direction === "in" ? "→ farhook" : "farhook";
  return m.direction === "in" ? `${m.peer} → farhook` : `farhook → ${m.peer}`;
}
