// Reads what the gateway's stream sends.

import type { Call, Device, DeviceKind, Features, Leg, LegState, Message, Note, Party } from "./model";
import type { components } from "./asyncapi.gen";
import { number } from "./format";

// The members' names are those of asyncapi.yaml; what is in them is believed only once it has been looked at.
type Bag<Member extends string = string> = Partial<Record<Member, unknown>>;
type Of<Name extends keyof components["schemas"]> = Bag<keyof components["schemas"][Name] & string>;

const bag = (v: unknown): Bag => (typeof v === "object" && v !== null && !Array.isArray(v) ? (v as Bag) : {});
const bags = (v: unknown): Bag[] => (Array.isArray(v) ? v.map(bag) : []);
const str = (v: unknown): string => (typeof v === "string" ? v : "");
const strs = (v: unknown): string[] => (Array.isArray(v) ? v.filter((s) => typeof s === "string") : []);
const time = (v: unknown): number | null => {
  const t = typeof v === "string" ? Date.parse(v) : NaN;
  return Number.isNaN(t) ? null : t;
};

/** One message; null where it is of a kind that this console doesn't know. It throws where it can't be understood. */
export function read(data: unknown): Message | null {
  if (typeof data !== "string") throw new TypeError("not text");
  const m: Of<"Document"> = bag(JSON.parse(data));
  const position = str(m["position"]);
  const at = time(m["at"]);
  const devices = bags(m["devices"]).map(device);
  const [ended, alive] = [bags(m["calls"]).filter((c) => c["ended"] === true), bags(m["calls"]).filter((c) => c["ended"] !== true)];
  const calls = whole(alive.map(call));
  const notes = bags(m["notes"]);
  const written = notes.filter((n) => n["ended"] !== true).map(note);
  switch (m["type"]) {
    case "snapshot": {
      const [part, parts] = [Number(m["part"] ?? 1), Number(m["parts"] ?? 1)];
      if (part < parts) return { type: "part", position, at, part, devices };
      return { type: "snapshot", position, at, part, devices, calls, notes: written };
    }
    case "event":
      return {
        type: "change",
        position,
        at,
        devices,
        gone: strs(m["gone"]),
        calls,
        ended: over(ended, calls),
        notes: written,
        erased: notes.filter((n) => n["ended"] === true).map((n) => str(n["deviceID"])),
      };
    case "gap":
      return { type: "gap", position, at, reason: str(m["reason"]) };
    case "heartbeat":
      return { type: "heartbeat", position, at };
  }
  return null;
}

/** Who may not see with whom gets a call's lines one by one, and those that he controls under one name: they are put together again. */
function whole(parts: Call[]): Call[] {
  const calls = new Map<string, Call>();
  for (const p of parts) {
    const known = calls.get(p.id);
    calls.set(p.id, known ? { ...known, began: Math.min(known.began, p.began), legs: [...known.legs, ...p.legs] } : p);
  }
  return [...calls.values()];
}

/** Calls that have ended. One whose other lines go on has not. */
function over(ended: Bag[], alive: Call[]): string[] {
  const going = new Set(alive.map((c) => c.id));
  return ended.map((c) => str(c["callID"])).filter((id) => !going.has(id));
}

function device(d: Of<"Device">): Device {
  const id = str(d["deviceID"]);
  const aliases = strs(d["aliases"]);
  return {
    id,
    kind: (str(d["kind"]) || "phone") as DeviceKind,
    name: str(d["name"]),
    extension: aliases.toSorted((a, b) => a.length - b.length)[0] ?? number(id),
    number: number(id),
    department: str(d["department"]),
    members: strs(d["members"]),
    pbx: str(d["pbx"]),
    linkUp: d["linkUp"] !== false,
    offers: new Set(strs(d["offers"])),
    lacks: new Map(Object.entries(bag(d["lacks"])).map(([service, why]) => [service, str(why)])),
    outOfService: d["outOfService"] === undefined ? null : str(d["outOfService"]),
    features: features(bag(d["features"])),
    voicemail: str(d["voicemail"]),
    through: d["throughDoNotDisturb"] === true,
  };
}

/** A note; what isn't known of it is left empty. */
export function note(n: Of<"Note">): Note {
  return {
    device: str(n["deviceID"]),
    text: str(n["text"]),
    until: time(n["until"]),
    changed: time(n["changed"]) ?? 0,
    by: str(n["by"]),
  };
}

function features(f: Of<"Features">): Features {
  return {
    doNotDisturb: f["doNotDisturb"] === true,
    messageWaiting: f["messageWaiting"] === true,
    muted: f["microphoneMute"] === true,
    forwarding: bags(f["forwarding"])
      .filter((w) => w["on"] === true)
      .map((w) => ({ type: str(w["type"]), to: str(w["to"]) })),
  };
}

function call(c: Of<"Call">): Call {
  const began = time(c["began"]) ?? 0;
  return {
    id: str(c["callID"]),
    began,
    reference: str(c["reference"]),
    hidden: c["calling"] === undefined && c["called"] === undefined,
    calling: party(bag(c["calling"])),
    called: party(bag(c["called"])),
    via: c["lastRedirected"] === undefined ? null : party(bag(c["lastRedirected"])),
    legs: bags(c["legs"]).map((l) => leg(l, began)),
  };
}

function leg(l: Of<"Leg">, began: number): Leg {
  const device = str(l["deviceID"]);
  return {
    device,
    state: str(l["state"]) as LegState,
    party: { ...party(bag(l["party"])), device },
    since: time(l["since"]) ?? began,
    cause: str(l["cause"]),
  };
}

export function party(p: Of<"Party">): Party {
  const shown = str(p["shown"]);
  return {
    device: str(p["deviceID"]),
    shown: shown === "restricted" || shown === "known" ? shown : "notKnown",
    number: number(str(p["number"]) || str(p["deviceID"])),
    name: str(p["name"]),
  };
}
