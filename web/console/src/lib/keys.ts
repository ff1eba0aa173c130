// Which key does what. The map can be changed; it is kept as what differs from the map as delivered.

import { text } from "./text";

export const commands = [
  "dial",
  "search",
  "answer",
  "hangUp",
  "hold",
  "swap",
  "consult",
  "transfer",
  "transferNow",
  "conference",
  "join",
  "deflect",
  "pickUp",
  "park",
  "digits",
  "move",
  "voicemail",
  "through",
  "takeLongest",
  "undo",
  "note",
  "board",
  "queue",
  "phone",
  "admin",
  "palette",
  "help",
] as const;
export type Command = (typeof commands)[number];

export type KeyMap = Readonly<Record<Command, string>>;

export const delivered: KeyMap = {
  dial: "d",
  search: "/",
  answer: "a",
  hangUp: "e",
  hold: "h",
  swap: "s",
  consult: "c",
  transfer: "t",
  transferNow: "x",
  conference: "j",
  join: "n",
  deflect: "f",
  pickUp: "p",
  park: "k",
  digits: "g",
  move: "m",
  voicemail: "v",
  through: "b",
  takeLongest: "q",
  undo: "u",
  note: "o",
  board: "1",
  queue: "2",
  phone: "3",
  admin: "4",
  palette: "Ctrl+k",
  help: "?",
};

export interface Pressed {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly altKey: boolean;
  readonly metaKey: boolean;
}

/** A key press as it is written: "h", "F4", "Ctrl+k". Shift is in the character. Empty: nothing that could be a command. */
export function written(e: Pressed): string {
  if (["Control", "Shift", "Alt", "Meta", "AltGraph", "Dead", "Unidentified", "CapsLock"].includes(e.key)) return "";
  const key = e.key.length === 1 ? e.key.toLowerCase() : e.key;
  return (e.ctrlKey || e.metaKey ? "Ctrl+" : "") + (e.altKey ? "Alt+" : "") + (key === " " ? "Space" : key);
}

/** Keys that mean the same everywhere and can't be given away. */
const fixed = [
  "Enter",
  "Escape",
  "Tab",
  "Space",
  "ArrowUp",
  "ArrowDown",
  "ArrowLeft",
  "ArrowRight",
  "Home",
  "End",
  "Backspace",
  "Delete",
];

export function allowed(key: string): boolean {
  return key !== "" && !fixed.includes(key);
}

/** The command that a key stands for. */
export function commandOf(map: KeyMap, key: string): Command | undefined {
  return key === "" ? undefined : commands.find((c) => map[c] === key);
}

/** The map as it was kept; what is not understood, not allowed or given twice is as delivered. */
export function mapOf(kept: unknown): KeyMap {
  const changed = (typeof kept === "object" && kept !== null ? kept : {}) as Record<string, unknown>;
  const map: Record<Command, string> = { ...delivered };
  for (const c of commands) {
    const key = changed[c];
    if (typeof key === "string" && key.length <= 20 && allowed(key)) map[c] = key;
  }
  return new Set(Object.values(map)).size === commands.length ? map : delivered;
}

/** A key as people read it. */
export function shown(key: string): string {
  return key
    .split("+")
    .map((k) => (k.length === 1 ? k.toUpperCase() : (text.keys.caps[k] ?? k)))
    .join(" ");
}
