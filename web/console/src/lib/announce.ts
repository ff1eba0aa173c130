// Says each call that begins to ring at my phone once, for those who don't see the board; and nothing of any other line.

import type { Phone } from "./phone";
import { text } from "./text";
import { who } from "./words";

const pause = 3000; // ms between two sentences

export class Announcer {
  #heard = new Set<string>();
  #waiting = new Set<string>();
  #spoken = -Infinity;

  /** What to say now, or null. Call it whenever my phone or the time has changed. */
  hear(mine: Phone | undefined, directory: ReadonlyMap<string, Phone>, now: number): string | null {
    const ringing = (mine?.lines ?? []).filter((l) => l.leg.state === "alerting");
    const there = new Set(ringing.map((l) => l.call.id));
    for (const id of there) if (!this.#heard.has(id)) this.#waiting.add(id);
    this.#heard = there;
    for (const id of this.#waiting) if (!there.has(id)) this.#waiting.delete(id);
    if (this.#waiting.size === 0 || now - this.#spoken < pause) return null;
    const lines = ringing.filter((l) => this.#waiting.has(l.call.id));
    this.#waiting.clear();
    this.#spoken = now;
    return lines.length === 1 ? text.announce.ringing(who(lines[0]!, directory)) : text.announce.ringingMany(lines.length);
  }
}
