// Who waits: calls that ring at my phone, and calls to groups, in the order in which they came.

import type { Call, Leg } from "./model";
import { type Line, type Phone } from "./phone";

export interface Waiting {
  readonly call: Call;
  readonly leg: Leg; // where it rings or waits
  readonly at: Phone; // whose leg that is
  readonly group: Phone | null; // whose call it is; null: mine alone
  readonly mine: boolean; // it rings at my phone
  readonly taken: Phone | null; // who has it; null: nobody yet
  readonly since: number; // server time
}

/** How long somebody has waited, in a word. */
export type Tone = "calm" | "warm" | "hot";

export function toneOf(ms: number): Tone {
  return ms < 20_000 ? "calm" : ms < 60_000 ? "warm" : "hot";
}

const justTaken = 6_000; // ms: so long it is shown who has a call

/** The queue at a moment of server time. groupIDs: which phones are groups. Calls of the groups that a phone is a member of, or of all groups where it is in none. */
export function queueOf(
  phones: ReadonlyMap<string, Phone>,
  groupIDs: readonly string[],
  mine: string | null,
  now: number,
): Waiting[] {
  const groups = groupIDs.flatMap((id) => phones.get(id) ?? []);
  const own = groups.filter((g) => mine !== null && g.device.members.includes(mine));
  const found = new Map<string, Waiting>();
  const add = (line: Line, at: Phone, group: Phone | null, taken: Phone | null) => {
    const isMine = at.device.id === mine && taken === null;
    if (found.has(line.call.id) && !isMine) return;
    found.set(line.call.id, { call: line.call, leg: line.leg, at, group, mine: isMine, taken, since: line.call.began });
  };
  for (const g of own.length > 0 ? own : groups) {
    for (const line of g.lines) if (line.leg.state === "queued" || line.leg.state === "alerting") add(line, g, g, null);
    for (const m of g.device.members) {
      const member = phones.get(m);
      for (const line of member?.lines ?? []) {
        if (line.call.called.device !== g.device.id) continue;
        if (line.leg.state === "alerting") add(line, member!, g, null);
        else if (line.leg.state === "connected" && m !== mine && now - line.leg.since < justTaken) add(line, member!, g, member!);
      }
    }
  }
  for (const line of (mine !== null && phones.get(mine)?.lines) || []) {
    if (line.leg.state === "alerting") add(line, phones.get(mine!)!, found.get(line.call.id)?.group ?? null, null);
  }
  return [...found.values()].sort((a, b) => Number(a.taken !== null) - Number(b.taken !== null) || a.since - b.since);
}

/** Who has waited longest, is nobody's yet, and can be taken. */
export function longest(queue: readonly Waiting[], can: (w: Waiting) => boolean = () => true): Waiting | undefined {
  return queue.find((w) => w.taken === null && can(w));
}
