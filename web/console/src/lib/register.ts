// Every line as it is looked for and put in order: folded once, when it comes or is renamed, and never while somebody types.

import { inOrder } from "./format";
import type { Device, DeviceKind } from "./model";
import { type Haystack, haystackOf, queryOf, rank, worst } from "./search";

/** What lines can be put in order by. */
export type Order = "number" | "name" | "department";

interface Entry {
  readonly device: Device; // as it was when it came or was renamed
  readonly haystack: Haystack;
  readonly keys: Readonly<Record<Order, string>>;
}

const kinds: readonly DeviceKind[] = ["phone", "group", "parkSlot", "trunk"];
const last = "\uffff"; // whoever has no name comes after those that have one

function entryOf(device: Device): Entry {
  const number = [inOrder(device.pbx), kinds.indexOf(device.kind), inOrder(device.extension), device.id].join("\0");
  const name = `${inOrder(device.name) || last}\0${number}`;
  const department = `${inOrder(device.department) || last}\0${name}`;
  return { device, haystack: haystackOf(device), keys: { number, name, department } };
}

/** Whether a line is looked for and put in order as before. */
function same(a: Device, b: Device): boolean {
  return (
    a.name === b.name &&
    a.extension === b.extension &&
    a.number === b.number &&
    a.kind === b.kind &&
    a.department === b.department &&
    a.pbx === b.pbx
  );
}

export class Register {
  /** What has been worked, for those who look after it: lines folded, and compared with each other. */
  readonly counters = { folded: 0, compared: 0 };
  #entries = new Map<string, Entry>();
  #coming = { entries: new Map<string, Entry>(), census: 0, folded: 0 }; // those that will be all there are, so far
  #orders = new Map<Order, { census: number; list: readonly Entry[] }>();
  #census = 0;

  /** Changes whenever lines come, go, or get another name or number: whoever sorts them sorts again. */
  get census(): number {
    return this.#census;
  }

  /** Takes lines that will be all that there are, some at a time, so that not all of them need be folded at once. anew: these are the first. */
  prepare(devices: Iterable<Device>, anew: boolean): void {
    if (anew) this.#coming = { entries: new Map(), census: this.#census, folded: 0 };
    for (const d of devices) {
      const known = this.#knows(d);
      if (!known) this.#coming.folded++;
      this.#coming.entries.set(d.id, known ? this.#entries.get(d.id)! : this.#fold(d));
    }
  }

  /** What was prepared is all that there is. */
  replace(): void {
    const { entries, census, folded } = this.#coming;
    this.#coming = { entries: new Map(), census: 0, folded: 0 };
    if (folded > 0 || entries.size !== this.#entries.size || census !== this.#census) this.#census++;
    this.#entries = entries;
  }

  #knows(device: Device): boolean {
    const known = this.#entries.get(device.id);
    return known !== undefined && same(known.device, device);
  }

  #fold(device: Device): Entry {
    this.counters.folded++;
    return entryOf(device);
  }

  /** Takes a line over. Where nothing that is looked for has changed it costs nothing. */
  put(device: Device): void {
    if (this.#knows(device)) return;
    this.#entries.set(device.id, this.#fold(device));
    this.#census++;
  }

  drop(id: string): void {
    if (this.#entries.delete(id)) this.#census++;
  }

  /** All lines in an order, by their ids. They are compared only where some have come or been renamed, and those alone with the others. */
  order(by: Order): string[] {
    return this.#order(by).map((e) => e.device.id);
  }

  #order(by: Order): readonly Entry[] {
    const known = this.#orders.get(by);
    if (known?.census === this.#census) return known.list;
    const kept = (known?.list ?? []).filter((e) => this.#entries.get(e.device.id) === e);
    const there = new Set(kept);
    const come = [...this.#entries.values()].filter((e) => !there.has(e));
    const sorted = (list: Entry[]) =>
      list.sort((a, b) => {
        this.counters.compared++;
        return a.keys[by] < b.keys[by] ? -1 : 1;
      });
    const list = kept.length === 0 ? sorted(come) : sorted([...kept, ...come]); // a list that is nearly in order is soon sorted
    this.#orders.set(by, { census: this.#census, list });
    return list;
  }

  /** The lines that fit what is typed, by their ids: the best first, those equally good in the order asked for. */
  find(typed: string, by: Order): string[] {
    const q = queryOf(typed);
    const found: string[][] = Array.from({ length: worst + 1 }, () => []);
    for (const { device, haystack } of this.#order(by)) {
      const r = rank(q, haystack);
      if (r !== null) found[r]!.push(device.id);
    }
    return found.flat();
  }
}
