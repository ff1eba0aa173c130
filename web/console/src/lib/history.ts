// Calls that are over, as the gateway has kept them. Where it keeps none, or the user may not see them, there is no history.

import { get } from "./api";
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
  return await read(`history?device=${encodeURIComponent(device)}&limit=${most}`, device);
}

/** The last call with a number; null: none is known. */
export async function lastWith(number: string): Promise<Past | null> {
  return (await read(`history?number=${encodeURIComponent(number)}&limit=1`, ""))?.[0] ?? null;
}

async function read(path: string, device: string): Promise<Past[] | null> {
  try {
    const { calls } = (await get(path)) as { calls?: unknown };
    return Array.isArray(calls) ? calls.map((c) => pastFrom(c as Bag, device)) : null;
  } catch {
    return null;
  }
}

/** One call, as seen from a device. */
export function pastFrom(c: Bag, device: string): Past {
  const side = (v: unknown) => party((typeof v === "object" && v !== null ? v : {}) as Bag);
  const [calling, called] = [side(c["calling"]), side(c["called"])];
  const legs = (Array.isArray(c["legs"]) ? c["legs"] : []) as Bag[];
  const own = legs.find((l) => l["deviceID"] === device);
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
