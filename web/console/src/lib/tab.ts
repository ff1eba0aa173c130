// What this tab still knows of its user's work when the page is loaded anew: what he has sent away, and of whom he wants to be told.

import type { Sent } from "./sent";

export interface Kept {
  readonly user: string; // whose it is; empty: nobody had to sign in
  readonly sent: readonly Sent[];
  readonly watched: readonly string[]; // devices
}

export const name = "farhook.tab";

/** What a store holds; what isn't understood is left out. */
export function recall(kept: string | null): Kept {
  let k: Partial<Record<keyof Kept, unknown>> = {};
  try {
    const parsed: unknown = JSON.parse(kept ?? "{}");
    if (typeof parsed === "object" && parsed !== null) k = parsed;
  } catch {
    // nothing, then
  }
  const list = (v: unknown): unknown[] => (Array.isArray(v) ? v.slice(0, 500) : []);
  return {
    user: typeof k.user === "string" ? k.user : "",
    sent: list(k.sent).filter(isSent),
    watched: list(k.watched).filter((d) => typeof d === "string"),
  };
}

const texts = ["call", "mine", "who", "to", "target"];

function isSent(v: unknown): v is Sent {
  if (typeof v !== "object" || v === null) return false;
  const s = v as Record<string, unknown>;
  return (
    texts.every((t) => typeof s[t] === "string") &&
    [s["id"], s["at"]].every(Number.isFinite) &&
    [s["undo"], s["parked"]].every((b) => typeof b === "boolean") &&
    Array.isArray(s["callers"]) &&
    s["callers"].every((c) => typeof c === "string")
  );
}
