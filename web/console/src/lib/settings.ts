// What this browser remembers for its user. What was kept is read with care: an older page, or somebody else, may have written it.

import { type KeyMap, delivered, mapOf } from "./keys";

export interface Settings {
  user: string; // who signed in here last; empty: nobody had to
  phone: string | null; // device; null: not chosen
  asked: boolean; // "Which phone is yours?" has been answered, if only with "watch"
  handsFree: boolean;
  favourites: string[];
  keys: KeyMap;
  language: string; // empty: the browser's
  patience: number; // seconds
  notify: boolean;
  tone: boolean;
  mobile: string; // number of the user's mobile; empty: not told
  pop: string; // template of the caller's page; empty: none
}

export const name = "farhook.settings";

/** What a store holds, or what there is at first. */
export function load(kept: string | null): Settings {
  let s: Record<string, unknown> = {};
  try {
    const parsed: unknown = JSON.parse(kept ?? "{}");
    if (typeof parsed === "object" && parsed !== null) s = parsed as Record<string, unknown>;
  } catch {
    // as at first
  }
  const text = (v: unknown, most: number) => (typeof v === "string" ? v.slice(0, most) : "");
  const patience = Number(s["patience"]);
  return {
    user: text(s["user"], 256),
    phone: text(s["phone"], 256) || null,
    asked: s["asked"] === true,
    handsFree: s["handsFree"] === true,
    favourites: Array.isArray(s["favourites"]) ? s["favourites"].filter((f) => typeof f === "string").slice(0, 500) : [],
    keys: s["keys"] === undefined ? delivered : mapOf(s["keys"]),
    language: text(s["language"], 8),
    patience: Number.isInteger(patience) && patience >= 5 && patience <= 600 ? patience : 20,
    notify: s["notify"] === true,
    tone: s["tone"] === true,
    mobile: text(s["mobile"], 64),
    pop: text(s["pop"], 500),
  };
}
