// What one phone looks like: the story of its legs in one state, one partner, one moment.

import type { Call, Device, Leg, Party } from "./model";

/** What a lamp can show, the most pressing first. */
export const phoneStates = [
  "ringing",
  "talking",
  "calling",
  "held",
  "queued",
  "failed",
  "dnd",
  "forwarded",
  "unknown",
  "out",
  "idle",
] as const;
export type PhoneState = (typeof phoneStates)[number];

/** One call as seen from one phone. */
export interface Line {
  readonly call: Call;
  readonly leg: Leg;
  readonly state: PhoneState;
  readonly incoming: boolean | null; // null: not told
  readonly others: readonly Leg[];
  readonly heldByOther: boolean; // the far end has put us on hold
  readonly since: number; // when this state began, server time
}

export interface Phone {
  readonly device: Device;
  readonly state: PhoneState;
  readonly lines: readonly Line[]; // the most pressing first
}

/** The phone's picture from its device and the calls it takes part in. */
export function phoneOf(device: Device, calls: Iterable<Call>): Phone {
  const lines: Line[] = [];
  for (const call of calls) {
    const leg = call.legs.find((l) => l.device === device.id);
    if (leg) lines.push(lineOf(call, leg));
  }
  // By name at last: the order must not hang on the order in which the calls were told.
  const byName = (a: Line, b: Line) => (a.call.id < b.call.id ? -1 : 1);
  lines.sort((a, b) => phoneStates.indexOf(a.state) - phoneStates.indexOf(b.state) || a.call.began - b.call.began || byName(a, b));
  return { device, lines, state: lines[0] && device.linkUp ? lines[0].state : without(device) };
}

/** The state of a device without calls. While its PBX's link is down nobody knows it. */
function without(d: Device): PhoneState {
  if (!d.linkUp) return "unknown";
  if (d.outOfService !== null) return "out";
  if (d.features.doNotDisturb) return "dnd";
  return d.features.forwarding.some((f) => f.type.startsWith("forwardImm")) ? "forwarded" : "idle";
}

function lineOf(call: Call, leg: Leg): Line {
  const others = call.legs.filter((l) => l !== leg);
  const answered = others.filter((l) => l.state === "connected" || l.state === "hold");
  const state = call.hidden && leg.state === "connected" ? "talking" : stateOf(leg, others, answered);
  // A caller is connected from the moment it dials; the talk begins when the first other one is too.
  const talk = Math.max(leg.since, Math.min(...answered.map((l) => l.since)));
  return {
    call,
    leg,
    state,
    others,
    incoming: call.hidden ? null : call.calling.device !== leg.device,
    heldByOther: state === "talking" && !call.hidden && answered.every((l) => l.state === "hold"),
    since: state === "talking" && answered.length > 0 ? talk : leg.since,
  };
}

function stateOf(leg: Leg, others: Leg[], answered: Leg[]): PhoneState {
  switch (leg.state) {
    case "alerting":
      return "ringing";
    case "hold":
      return "held";
    case "queued":
      return "queued";
    case "fail":
      return "failed";
    case "initiated":
      return "calling";
    case "connected":
      if (answered.length > 0) return "talking";
      if (others.some((l) => l.state === "fail")) return "failed";
      return others.length > 0 || leg.device !== "" ? "calling" : "talking";
  }
}

/** Who the others of a line are; while there is no other leg yet, whom the call is for. None where that isn't told. */
export function partners(line: Line): Party[] {
  if (line.call.hidden) return [];
  if (line.others.length > 0) return line.others.map((l) => l.party);
  const far = line.incoming ? line.call.calling : line.call.called;
  return far.shown === "notKnown" && far.number === "" && far.name === "" ? [] : [far];
}
