// Parties, states and features in words.

import { number } from "./format";
import type { Device, Party } from "./model";
import { type Line, type Phone, partners } from "./phone";
import { queryOf } from "./search";
import { text } from "./text";

type Directory = ReadonlyMap<string, Phone>;

/** A party as short as it can be said: name, else extension, else number. */
export function party(p: Party, directory: Directory): string {
  if (p.shown === "restricted") return text.party.restricted;
  const ours = directory.get(p.device)?.device;
  return p.name || ours?.name || ours?.extension || p.number || text.party.unknown;
}

/** The number that stands beside a party's name; empty where there is none to show. */
export function partyNumber(p: Party, directory: Directory): string {
  if (p.shown === "restricted") return "";
  const shown = directory.get(p.device)?.device.extension ?? p.number;
  return shown === party(p, directory) ? "" : shown;
}

/** Everybody else on a line, in one short phrase. */
export function who(line: Line, directory: Directory): string {
  const all = partners(line);
  if (all.length > 2) return text.party.several(all.length);
  return all.map((p) => party(p, directory)).join(", ");
}

/** Which way a call went, in a word; empty: that isn't told. */
export function direction({ incoming }: Line): string {
  return incoming === null ? "" : incoming ? text.direction.in : text.direction.out;
}

/** A phone's state in a word. */
export function stateWord({ device, state }: Phone): string {
  return state === "idle" && device.kind === "parkSlot" ? text.free : text.state[state];
}

/** Why a connection failed, in words; a cause that has none here is told as the standard names it. Empty: it isn't known. */
export function whyFailed(cause: string): string {
  return cause === "" ? "" : (text.cause[cause] ?? cause);
}

/** Why a call failed, wherever in it that was told. */
export function whyLineFailed(line: Line): string {
  return whyFailed([line.leg, ...line.others].find((l) => l.cause !== "")?.cause ?? "");
}

/** What a phone is doing, in a phrase: "Ringing from Ada Lovelace", "Idle". */
export function doing(phone: Phone, directory: Directory): { state: string; who: string } {
  const line = phone.lines[0];
  if (!line) return { state: stateWord(phone), who: "" };
  const others = who(line, directory);
  if (line.heldByOther) return { state: text.heldByOther, who: others };
  const preposition = text.preposition[line.state];
  return { state: text.state[line.state], who: others && preposition ? `${preposition} ${others}` : others };
}

/** A device as people name it: "Bob Dahl 1004"; "Park slot 71", whose name says the number. */
export function nameOf(d: Device): string {
  if (d.name.split(/\s+/).includes(d.extension)) return d.name;
  return d.name ? `${d.name} ${d.extension}` : d.extension;
}

/** Whether what was typed can be dialled: a number, or an address. Names can't. */
export function dialable(typed: string): boolean {
  return queryOf(typed).number !== "" || /^(tel|sips?):|@/i.test(typed.trim());
}

/** The line that is meant by what was typed: by its id, or by its whole extension or number. undefined: it is none of ours. */
export function lineNamed(typed: string, directory: Directory): Phone | undefined {
  const known = directory.get(typed);
  const { number: digits } = queryOf(typed);
  if (known || digits === "") return known;
  for (const p of directory.values()) if (p.device.extension === digits || p.device.number === digits) return p;
  return undefined;
}

export interface Badge {
  readonly key: string;
  readonly short: string;
  readonly long: string;
}

/** What is set on a device, as badges. */
export function badges(d: Device, directory: Directory): Badge[] {
  const list: Badge[] = [];
  if (d.features.doNotDisturb) list.push({ key: "dnd", short: text.badge.doNotDisturb, long: text.badge.doNotDisturbLong });
  for (const f of d.features.forwarding) {
    const to = directory.get(f.to)?.device.extension ?? (f.to ? number(f.to) : text.badge.elsewhere);
    const long = `${text.badge.forwardingLong[f.type] ?? text.badge.forwardingOther} ${to}`;
    list.push({ key: f.type, short: `${text.badge.forwarding[f.type] ?? "→"} ${to}`, long });
  }
  if (d.features.messageWaiting)
    list.push({ key: "message", short: text.badge.messageWaiting, long: text.badge.messageWaitingLong });
  if (d.features.muted) list.push({ key: "muted", short: text.badge.muted, long: text.badge.mutedLong });
  return list;
}
