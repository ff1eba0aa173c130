// Says which phones began to ring, for those who don't see the board: one sentence at a time, and a number where there are many.

import type { Phone } from "./phone";
import { text } from "./text";
import { nameOf, who } from "./words";

const pause = 3000; // ms between two sentences

export class Announcer {
  #ringing = new Set<string>();
  #waiting = new Map<string, Phone>();
  #spoken = -Infinity;

  /** What to say now, or null. Call it whenever the phones or the time have changed. */
  hear(phones: Iterable<Phone>, directory: ReadonlyMap<string, Phone>, now: number): string | null {
    const ringing = new Set<string>();
    for (const p of phones) {
      if (p.state !== "ringing") continue;
      const id = p.device.id;
      ringing.add(id);
      if (!this.#ringing.has(id)) this.#waiting.set(id, p);
    }
    this.#ringing = ringing;
    for (const id of this.#waiting.keys()) if (!ringing.has(id)) this.#waiting.delete(id);
    if (this.#waiting.size === 0 || now - this.#spoken < pause) return null;
    const all = [...this.#waiting.values()];
    this.#waiting.clear();
    this.#spoken = now;
    const [one] = all;
    if (all.length > 1 || !one) return text.announce.ringingMany(all.length);
    return text.announce.ringing(nameOf(one.device), who(one.lines[0]!, directory));
  }
}
