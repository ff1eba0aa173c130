// Calls that I have sent away stay mine until somebody answers.

import type { Call, Leg } from "./model";

export interface Sent {
  readonly id: number;
  readonly call: string; // as it was named after it was sent
  readonly mine: string; // the phone that sent it
  readonly who: string; // who was sent, in words
  readonly callers: readonly string[]; // devices of those
  readonly to: string; // to whom, in words
  readonly target: string; // device; empty: none of ours
  readonly at: number; // server time
  readonly undo: boolean; // an Undo is offered for its first seconds
  readonly parked: boolean;
}

export type Fate =
  | { readonly state: "ringing" | "overdue" | "parked"; readonly leg: Leg } // where it can be taken back from
  | { readonly state: "leaving" } // the PBX hasn't told yet where it is
  | { readonly state: "answered" | "back" | "gone" };

export const undoFor = 5_000; // ms
const settling = 3_000; // so long a PBX may take to show the call at its new place

/** What has become of it. patience: ms until a call that rings is called overdue. */
export function fateOf(s: Sent, call: Call | undefined, now: number, patience: number): Fate {
  if (!call) return { state: now - s.at < settling ? "leaving" : "gone" };
  const own = call.legs.find((l) => l.device === s.mine);
  if (own?.state === "alerting") return { state: "back" };
  const there = call.legs.filter((l) => !s.callers.includes(l.device) && l.device !== s.mine);
  const waits = there.find((l) => l.state === "alerting" || l.state === "queued");
  if (there.some((l) => l.state === "connected" || l.state === "hold")) return { state: "answered" };
  if (!waits) return { state: now - s.at < settling || there.length > 0 ? "leaving" : "gone" };
  if (s.parked) return { state: "parked", leg: waits };
  return { state: now - s.at >= patience ? "overdue" : "ringing", leg: waits };
}

/** Seconds for which the Undo still stands; 0: it doesn't. */
export function undoLeft(s: Sent, fate: Fate, now: number): number {
  if (!s.undo || fate.state !== "ringing") return 0;
  return Math.max(0, Math.ceil((undoFor - (now - s.at)) / 1000));
}

/** The order in which they are shown: those that need somebody first. */
export function urgency(f: Fate): number {
  return ["overdue", "back", "ringing", "leaving", "parked", "answered", "gone"].indexOf(f.state);
}
