// The picture of all phones, kept current by the gateway's messages. Plain data, no rendering.

import type { Call, Device, Message, Note, Position } from "./model";
import { type Phone, type PhoneState, phoneOf, phoneStates } from "./phone";
import { Register } from "./register";
import { Chronicle } from "./story";

/** What became of a message. */
export type Taken = "taken" | "old" | "gap" | "lost";

const latest = 60_000; // ms: a connection on which messages come so late was given up long ago

function split(p: Position): [epoch: string, number: number] {
  const i = p.lastIndexOf(".");
  return [p.slice(0, i), Number(p.slice(i + 1))];
}

type Links = Map<string, { readonly lines: number; readonly up: number }>;

const nobody = () => Object.fromEntries(phoneStates.map((x) => [x, 0])) as Record<PhoneState, number>;

/** What is there of a snapshot's lines: as they are without calls, which come last. */
function coming(of: string) {
  return {
    part: 0,
    of,
    devices: new Map<string, Device>(),
    phones: new Map<string, Phone>(),
    counts: nobody(),
    links: new Map() as Links,
  };
}

function tally(counts: Record<PhoneState, number>, links: Links, { state, device: { pbx, linkUp } }: Phone, by: 1 | -1): void {
  counts[state] += by;
  const link = links.get(pbx) ?? { lines: 0, up: 0 };
  const now = { lines: link.lines + by, up: link.up + (linkUp ? by : 0) };
  if (now.lines > 0) links.set(pbx, now);
  else links.delete(pbx);
}

export class Board {
  /** What the page has seen, for those who look after it. healed: lamps that a later snapshot of the same journal put right. */
  readonly counters = { messages: 0, duplicates: 0, gaps: 0, snapshots: 0, healed: 0 };
  /** How many phones are in each state; and of each PBX how many there are, and how many of those with a link. */
  counts = nobody();
  links: Links = new Map();
  /** The stories of the calls that there are. */
  readonly chronicle = new Chronicle();
  /** The lines as they are looked for. */
  readonly register = new Register();
  #broken = false;
  #coming = coming(""); // of a snapshot, so far
  #devices = new Map<string, Device>();
  #calls = new Map<string, Call>();
  #at = new Map<string, Set<string>>(); // device → its calls
  #phones = new Map<string, Phone>();
  #notes = new Map<string, Note>();
  #position: Position | null = null;
  #offset = 0;

  /** Where the picture stands in the gateway's journal; null before the first snapshot. */
  get position(): Position | null {
    return this.#position;
  }

  /** How far the gateway's clock is ahead of ours, in milliseconds. */
  get offset(): number {
    return this.#offset;
  }

  /** The pictures are immutable and replaced when they change. */
  get phones(): ReadonlyMap<string, Phone> {
    return this.#phones;
  }

  get calls(): ReadonlyMap<string, Call> {
    return this.#calls;
  }

  /** Notes by the devices that they are about; under the empty one the desk's. */
  get notes(): ReadonlyMap<string, Note> {
    return this.#notes;
  }

  /**
   * Takes one message over. `now` is our clock when it came. What was taken already, or is older than what is known, changes nothing; "lost":
   * it can't be joined to what is known, and a snapshot has to be asked for.
   */
  apply(m: Message, now: number): Taken {
    this.counters.messages++;
    if (m.type === "gap") {
      this.counters.gaps++;
      this.#broken = true; // nothing but the snapshot that follows makes it whole
      return "gap";
    }
    if ((m.type === "part" || m.type === "snapshot") && !this.#gather(m)) return "lost";
    if (m.type === "part") return "taken";
    const order = this.#order(m.position);
    if (m.type === "snapshot") {
      const lines = this.#coming;
      this.#coming = coming("");
      if (order === "old" && !this.#broken) return this.#again();
      this.#replace(m, lines);
      this.#broken = false;
    } else {
      if (this.#broken || order === "foreign") return "lost";
      if (m.type === "heartbeat" && order === "same" && m.at !== null) this.#measure(m.type, m.at - now);
      if (order !== "new") return this.#again();
      if (m.type === "change") this.#change(m);
    }
    this.#position = m.position;
    if (m.at !== null) this.#measure(m.type, m.at - now);
    return "taken";
  }

  #again(): Taken {
    this.counters.duplicates++;
    return "old";
  }

  /** How a position lies to the one known. */
  #order(p: Position): "new" | "same" | "old" | "foreign" {
    if (this.#position === null) return "foreign";
    const [ours, n] = split(this.#position);
    const [theirs, k] = split(p);
    if (ours !== theirs) return "foreign";
    return k > n ? "new" : k === n ? "same" : "old";
  }

  // Nothing of a snapshot is shown before all of it is there: what is known stays, and nobody sees half of each. What takes time is done with each part.
  #gather({ part, position, devices }: Message & { type: "part" | "snapshot" }): boolean {
    const of = split(position).join(); // a part's position differs in nothing but a zero before the number
    if (part === 1) this.#coming = coming(of);
    if (part !== this.#coming.part + 1 || of !== this.#coming.of) return false;
    this.#coming.part = part;
    for (const d of devices) {
      const { devices: all, phones, counts, links } = this.#coming;
      const before = phones.get(d.id);
      if (before) tally(counts, links, before, -1);
      const phone = phoneOf(d, []);
      tally(counts, links, phone, 1);
      all.set(d.id, d);
      phones.set(d.id, phone);
    }
    this.register.prepare(devices, part === 1);
    return true;
  }

  #replace(m: Message & { type: "snapshot" }, lines: ReturnType<typeof coming>): void {
    this.counters.snapshots++;
    const before = this.#order(m.position) === "same" ? this.#phones : null; // nothing happened in between: what differs was wrong
    ({ devices: this.#devices, phones: this.#phones, counts: this.counts, links: this.links } = lines);
    this.register.replace();
    this.#calls = new Map(m.calls.map((c) => [c.id, c]));
    this.#notes = new Map(m.notes.map((n) => [n.device, n]));
    this.#at = new Map();
    for (const c of m.calls) this.#seat(c);
    this.chronicle.restart(m.calls);
    for (const id of this.#at.keys()) this.#paint(id);
    if (before) for (const [id, p] of this.#phones) if (before.get(id)?.state !== p.state) this.counters.healed++;
  }

  #change(m: Message & { type: "change" }): void {
    const touched = new Set<string>();
    for (const id of m.gone) this.#forget(id);
    for (const d of m.devices) {
      this.register.put(d);
      this.#devices.set(d.id, d);
      touched.add(d.id);
    }
    this.chronicle.hear(
      m.calls.map((after) => ({ before: this.#calls.get(after.id), after })),
      m.ended.flatMap((id) => this.#calls.get(id) ?? []),
    );
    for (const id of m.ended) this.#unseat(id, touched);
    for (const c of m.calls) {
      this.#unseat(c.id, touched);
      this.#calls.set(c.id, c);
      this.#seat(c);
      for (const l of c.legs) touched.add(l.device);
    }
    for (const d of m.erased) this.#notes.delete(d);
    for (const n of m.notes) this.#notes.set(n.device, n);
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

  /** The calls that a device takes part in. */
  callsAt(id: string): Call[] {
    return [...(this.#at.get(id) ?? [])].flatMap((c) => this.#calls.get(c) ?? []);
  }

  #paint(id: string): void {
    const device = this.#devices.get(id);
    if (!device) return; // an outside party
    const phone = phoneOf(device, this.callsAt(id));
    const before = this.#phones.get(id);
    if (before) tally(this.counts, this.links, before, -1);
    tally(this.counts, this.links, phone, 1);
    this.#phones.set(id, phone);
  }

  #forget(id: string): void {
    const phone = this.#phones.get(id);
    if (phone) tally(this.counts, this.links, phone, -1);
    this.register.drop(id);
    this.#devices.delete(id);
    this.#phones.delete(id);
  }

  // A message is late by its way here, never early: of all that was seen since the snapshot the largest difference is the truest. A heartbeat is never
  // an old one that is caught up with: where it seems so, our clock was put right.
  #measure(type: Message["type"], difference: number): void {
    const anew = type === "snapshot" || (type === "heartbeat" && difference < this.#offset - latest);
    this.#offset = anew ? difference : Math.max(this.#offset, difference);
  }
}
