// Calls that are over, as the gateway has kept them. Where it keeps none, or the user may not see them, there is no history.

import { get } from "./api";
import { number as plain } from "./format";
import type { Party } from "./model";
import { party } from "./wire";

export interface Past {
  readonly id: string;
  readonly began: number;
  readonly incoming: boolean;
  readonly other: Party; // the far side
  readonly outcome: string; // answered, missed, failed, elsewhere …
  readonly talked: number; // ms
}

type Bag = Record<string, unknown>;

/** The last calls of a device, the newest first; null: there is no history to be had. */
export async function pastOf(device: string, most = 30): Promise<Past[] | null> {
  return await read(`history?device=${encodeURIComponent(device)}&limit=${most}`, (c) => pastFrom(c, device));
}

/** The last calls that rang at a device and nobody answered, the newest first; null: there is no history to be had. */
export async function missedAt(device: string, most = 30): Promise<Past[] | null> {
  return await read(`history?missed=${encodeURIComponent(device)}&limit=${most}`, (c) => pastFrom(c, device));
}

/** A call that somebody had with one of us before. */
export interface Contact {
  readonly began: number;
  readonly party: Party; // who of us spoke, or was wanted
  readonly outcome: string;
}

const contacts = 3; // so many of the last ones are asked for

/** The last calls with a number, the newest first; none where none are known. */
export async function contactsOf(number: string): Promise<Contact[]> {
  return (await read(`history?contact=${encodeURIComponent(number)}&limit=${contacts}`, (c) => contactFrom(c, number))) ?? [];
}

/** One call, as seen from a number outside. */
export function contactFrom(c: Bag, number: string): Contact {
  const [calling, called] = [side(c["calling"]), side(c["called"])];
  const us = calling.number === number ? called : calling;
  const spoke = legsOf(c).find((l) => l["outcome"] === "answered" && plain(String(l["deviceID"])) !== number);
  const device = String(spoke?.["deviceID"] ?? us.device);
  return {
    began: Date.parse(String(c["began"])) || 0,
    party: device === us.device ? us : { device, shown: "known", number: plain(device), name: "" },
    outcome: String(c["outcome"] ?? ""),
  };
}

const side = (v: unknown) => party((typeof v === "object" && v !== null ? v : {}) as Bag);
const legsOf = (c: Bag) => (Array.isArray(c["legs"]) ? c["legs"] : []) as Bag[];

async function read<T>(path: string, from: (c: Bag) => T): Promise<T[] | null> {
  try {
    const { calls } = (await get(path)) as { calls?: unknown };
    return Array.isArray(calls) ? calls.map((c) => from(c as Bag)) : null;
  } catch {
    return null;
  }
}

/** One call, as seen from a device. */
export function pastFrom(c: Bag, device: string): Past {
  const [calling, called] = [side(c["calling"]), side(c["called"])];
  const own = legsOf(c).find((l) => l["deviceID"] === device);
  const incoming = calling.device !== device;
  const outcome = own?.["outcome"] === "outgoing" || own === undefined ? c["outcome"] : own["outcome"];
  return {
    id: String(c["id"] ?? ""),
    began: Date.parse(String(c["began"])) || 0,
    incoming,
    other: incoming ? calling : called,
    outcome: String(outcome ?? ""),
    talked: Number((own ?? c)["talkedMilliseconds"]) || 0,
  };
}
