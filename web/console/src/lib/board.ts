// The picture of all phones, kept current by the gateway's messages. Plain data, no rendering.

import { searchable } from "./arrange";
import type { Call, Device, Message, Position } from "./model";
import { type Phone, phoneOf } from "./phone";

export class Board {
  #devices = new Map<string, Device>();
  #calls = new Map<string, Call>();
  #at = new Map<string, Set<string>>(); // device → its calls
  #phones = new Map<string, Phone>();
  #haystacks = new Map<string, string>();
  #position: Position | null = null;
  #offset = 0;
  #census = 0;

  /** Where the picture stands in the gateway's journal; null before the first snapshot. */
  get position(): Position | null {
    return this.#position;
  }

  /** How far the gateway's clock is ahead of ours, in milliseconds. */
  get offset(): number {
    return this.#offset;
  }

  /** Changes whenever phones come, go, or get another name or number: whoever sorts them sorts again. */
  get census(): number {
    return this.#census;
  }

  /** The pictures are immutable and replaced when they change. */
  get phones(): ReadonlyMap<string, Phone> {
    return this.#phones;
  }

  get calls(): ReadonlyMap<string, Call> {
    return this.#calls;
  }

  /** What a search for this phone looks at. */
  haystack(id: string): string {
    return this.#haystacks.get(id) ?? "";
  }

  /** Takes one message over. `now` is our clock when it came. */
  apply(m: Message, now: number): void {
    if (m.type === "snapshot") this.#replace(m);
    else this.#change(m);
    this.#position = m.position;
    if (m.at !== null) this.#measure(m.type, m.at - now);
  }

  #replace(m: Message & { type: "snapshot" }): void {
    this.#devices = new Map(m.devices.map((d) => [d.id, d]));
    this.#calls = new Map(m.calls.map((c) => [c.id, c]));
    this.#at = new Map();
    for (const c of m.calls) this.#seat(c);
    this.#phones = new Map();
    this.#haystacks = new Map();
    this.#census++;
    for (const id of this.#devices.keys()) this.#paint(id);
  }

  #change(m: Message & { type: "change" }): void {
    const touched = new Set<string>();
    for (const d of m.devices) {
      const old = this.#devices.get(d.id);
      if (!old || old.name !== d.name || old.extension !== d.extension || old.number !== d.number || old.kind !== d.kind) {
        this.#census++;
        this.#haystacks.delete(d.id);
      }
      this.#devices.set(d.id, d);
      touched.add(d.id);
    }
    for (const id of m.ended) this.#unseat(id, touched);
    for (const c of m.calls) {
      this.#unseat(c.id, touched);
      this.#calls.set(c.id, c);
      this.#seat(c);
      for (const l of c.legs) touched.add(l.device);
    }
    for (const id of touched) this.#paint(id);
  }

  #seat(c: Call): void {
    for (const l of c.legs) {
      const at = this.#at.get(l.device);
      if (at) at.add(c.id);
      else this.#at.set(l.device, new Set([c.id]));
    }
  }

  #unseat(id: string, touched: Set<string>): void {
    for (const l of this.#calls.get(id)?.legs ?? []) {
      const at = this.#at.get(l.device);
      at?.delete(id);
      if (at?.size === 0) this.#at.delete(l.device);
      touched.add(l.device);
    }
    this.#calls.delete(id);
  }

  #paint(id: string): void {
    const device = this.#devices.get(id);
    if (!device) return; // an outside party
    const calls = [...(this.#at.get(id) ?? [])].flatMap((c) => this.#calls.get(c) ?? []);
    const phone = phoneOf(device, calls);
    this.#phones.set(id, phone);
    if (!this.#haystacks.has(id)) this.#haystacks.set(id, searchable(phone));
  }

  // A message is late by its way here, never early: of all that was seen since the snapshot the largest difference is the truest.
  #measure(type: Message["type"], difference: number): void {
    this.#offset = type === "snapshot" ? difference : Math.max(this.#offset, difference);
  }
}
