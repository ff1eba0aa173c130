// What the gateway has been asked for and hasn't answered yet. A slow answer about one call holds up no other call.

import type { Action } from "./actions";

export type Work = Action | "call" | "pickUp";

export interface Asked {
  readonly work: Work;
  readonly call: string; // empty: it is about none yet
}

/** What can't wait, whatever else is under way with the call. */
const urgent: readonly Work[] = ["answer", "hangUp"];

/** What must be answered before this can be asked for; undefined: nothing. */
export function before(underway: readonly Asked[], { work, call }: Asked): Asked | undefined {
  const same = underway.filter((a) => a.call === call);
  return urgent.includes(work) ? same.find((a) => a.work === work) : same[0];
}
