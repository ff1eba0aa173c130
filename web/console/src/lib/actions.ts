// What can be done with a phone and its calls now, and why not. One row per kind of work.

import type { LegState } from "./model";
import type { Line, Phone } from "./phone";
import { reason, text } from "./text";

/** Kinds of work with a call of one's own. */
export type Action =
  | "answer"
  | "hangUp"
  | "hold"
  | "resume"
  | "swap"
  | "consult"
  | "transfer"
  | "transferNow"
  | "conference"
  | "join"
  | "deflect"
  | "park"
  | "move"
  | "voicemail"
  | "digits";

/** What an action takes besides the call: nothing, the phone's other call, somebody, another phone of one's own, somebody's voicemail, a park slot, keys. */
export type Takes = "nothing" | "other" | "person" | "own" | "box" | "slot" | "keys";

interface Rule {
  readonly service: string;
  readonly ringing?: string; // the service while the call rings, where that is another one
  readonly states: readonly LegState[];
  readonly takes: Takes;
  readonly act: string; // last part of the operation's path
  readonly member: string; // of the body: what it takes
}

const any: readonly LegState[] = ["initiated", "alerting", "connected", "hold", "queued", "fail"];

export const rules: Record<Action, Rule> = {
  answer: { service: "AnswerCall", states: ["alerting"], takes: "nothing", act: "answer", member: "" },
  hangUp: { service: "ClearConnection", states: any, takes: "nothing", act: "clear", member: "" },
  hold: { service: "HoldCall", states: ["connected"], takes: "nothing", act: "hold", member: "" },
  resume: { service: "RetrieveCall", states: ["hold"], takes: "nothing", act: "retrieve", member: "" },
  swap: { service: "AlternateCall", states: ["connected"], takes: "other", act: "alternate", member: "heldCall" },
  transfer: { service: "TransferCall", states: ["connected"], takes: "other", act: "transfer", member: "heldCall" },
  conference: { service: "ConferenceCall", states: ["connected"], takes: "other", act: "conference", member: "heldCall" },
  consult: { service: "ConsultationCall", states: ["connected"], takes: "person", act: "consult", member: "consultedDevice" },
  transferNow: {
    service: "SingleStepTransferCall",
    states: ["connected"],
    takes: "person",
    act: "single-step-transfer",
    member: "to",
  },
  join: {
    service: "SingleStepConferenceCall",
    states: ["connected"],
    takes: "person",
    act: "single-step-conference",
    member: "deviceToJoin",
  },
  deflect: { service: "DeflectCall", states: ["alerting"], takes: "person", act: "deflect", member: "to" },
  move: {
    service: "SingleStepTransferCall",
    ringing: "DeflectCall",
    states: ["alerting", "connected"],
    takes: "own",
    act: "move",
    member: "to",
  },
  voicemail: {
    service: "SingleStepTransferCall",
    ringing: "DeflectCall",
    states: ["alerting", "connected"],
    takes: "box",
    act: "move",
    member: "to",
  },
  park: { service: "ParkCall", states: ["connected"], takes: "slot", act: "park", member: "parkTo" },
  digits: { service: "GenerateDigits", states: ["connected"], takes: "keys", act: "digits", member: "charactersToSend" },
};

export const actions = Object.keys(rules) as Action[];

/** Why the action can't be done with this call of the phone's; null: it can. */
export function whyNot(action: Action, phone: Phone, line: Line, live: boolean): string | null {
  const { service, ringing = service, states, takes } = rules[action];
  if (!states.includes(line.leg.state)) return text.whyNot.state[action];
  if (takes === "other" && heldBeside(phone, line).length === 0) return text.whyNot.state[action];
  if (line.state === "failed" && action !== "hangUp") return text.whyNot.state[action];
  // Somebody must be there: a call that is only being dialled has nobody to hold, hand over or press keys for.
  const alone = action !== "transfer" && takes !== "nothing" && line.state !== "talking" && line.state !== "ringing";
  if (alone) return text.whyNot.state[action];
  return lacking(line.leg.state === "alerting" ? ringing : service, phone, live);
}

/** The phone's other calls, which it holds: what this one can be joined or swapped with. */
export function heldBeside(phone: Phone, line: Line): Line[] {
  return phone.lines.filter((l) => l.call.id !== line.call.id && l.leg.state === "hold");
}

/**
 * The phone's call that an action means when none is named: the most pressing one that it can be done with. Who hangs up while he speaks means
 * the one with whom he speaks, even if another one begins to ring.
 */
export function meant(action: Action, phone: Phone, live: boolean): Line | undefined {
  const can = phone.lines.filter((l) => whyNot(action, phone, l, live) === null);
  const speaking = action === "hangUp" ? can.find((l) => l.leg.state === "connected" && l.state !== "failed") : undefined;
  return speaking ?? can[0] ?? phone.lines[0];
}

/** Why no call can be placed from this phone; null: it can. */
export function whyNotCall(phone: Phone, live: boolean): string | null {
  return lacking("MakeCall", phone, live);
}

/** Why this phone can't take what rings, waits or is parked at another device; null: it can. */
export function whyNotPickUp(phone: Phone, from: Phone, line: Line, live: boolean): string | null {
  if (from.device.id === phone.device.id) return text.whyNot.self;
  if (line.leg.state !== "alerting" && line.leg.state !== "queued") return text.whyNot.state.pickUp;
  return whyNotOther(phone, from) ?? lacking("DirectedPickupCall", phone, live);
}

/** Why the phone can't reach into what another PBX has: no PBX picks up or parks at another one. Null: it is the phone's own. */
export function whyNotOther({ device: mine }: Phone, { device }: Phone): string | null {
  return device.pbx === mine.pbx ? null : text.whyNot.otherPBX(device.pbx, mine.pbx);
}

/** Why the phone's service can't be had; null: it can. */
export function lacking(service: string, { device }: Phone, live: boolean): string | null {
  if (!live) return text.whyNot.notLive;
  if (!device.linkUp) return text.whyNot.linkDown(device.pbx);
  const why = device.lacks.get(service);
  if (why) return text.whyNot.lacks(reason(why));
  if (!device.offers.has(service)) return text.whyNot.notOffered(device.pbx);
  if (device.outOfService !== null) return text.whyNot.outOfService;
  return null;
}

/** The hold button is one place with two meanings. */
export function holdOrResume(line: Line): "hold" | "resume" {
  return line.leg.state === "hold" ? "resume" : "hold";
}

/** A way in which a call of mine can go to a device. */
export interface Way {
  readonly action: Action;
  readonly why: string | null; // why it can't; null: it can
  readonly line: Line; // with which it is done
  readonly what: string; // what it takes besides
}

/** The ways in which this call of mine can be sent to a device, the likeliest first. */
export function waysTo(phone: Phone, line: Line, target: Phone, live: boolean): Way[] {
  const self = target.device.id === phone.device.id ? text.whyNot.self : null;
  const way = (action: Action, why: string | null = null, what = target.device.id): Way => ({
    action,
    why: why ?? whyNot(action, phone, line, live),
    line,
    what,
  });
  if (target.device.kind === "parkSlot") {
    const taken = target.lines.length > 0 ? text.whyNot.slotTaken : null;
    return [way("park", whyNotOther(phone, target) ?? taken)];
  }
  const box = target.device.voicemail === "" ? [] : [way("voicemail", null, target.device.voicemail)];
  if (line.leg.state === "alerting") return [way("deflect", self), ...box];
  const talkingWith = phone.lines.find((l) => l.call.id !== line.call.id && l.others.some((o) => o.device === target.device.id));
  if (talkingWith) {
    // These two are joined, whatever else is held: the one that is connected, with the one that is held.
    const [active, held] = line.leg.state === "hold" ? [talkingWith, line] : [line, talkingWith];
    return (["transfer", "conference"] as const).map((action) => ({
      action,
      why: held.leg.state === "hold" ? whyNot(action, phone, active, live) : text.whyNot.state[action],
      line: active,
      what: held.call.id,
    }));
  }
  return [way("transferNow", self), way("consult", self), way("join", self), ...box];
}
