// Lines as options of a Finder.

import type { Phone } from "../lib/phone";
import { doing } from "../lib/words";
import { text } from "../lib/text";
import type { Option } from "./Finder.svelte";

/** A line as something to choose. why: why it can't be chosen; null: it can. note: what is noted about it. */
export function lineOption(p: Phone, directory: ReadonlyMap<string, Phone>, why: string | null = null, note = ""): Option {
  const d = doing(p, directory);
  return {
    key: p.device.id,
    state: p.state,
    title: p.device.name || text.kind[p.device.kind],
    detail: p.device.extension,
    note: why ?? `${d.state} ${d.who || note}`.trim(),
    off: why !== null,
  };
}
