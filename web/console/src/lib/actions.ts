// What can be done with a phone and its calls now, and why not.

import type { LegState } from "./model";
import type { Line, Phone } from "./phone";
import { text } from "./text";

export type Action = "answer" | "hold" | "retrieve" | "clear";

interface Rule {
  readonly service: string;
  readonly states: readonly LegState[];
}

const rules: Record<Action, Rule> = {
  answer: { service: "AnswerCall", states: ["alerting"] },
  hold: { service: "HoldCall", states: ["connected"] },
  retrieve: { service: "RetrieveCall", states: ["hold"] },
  clear: { service: "ClearConnection", states: ["initiated", "alerting", "connected", "hold", "queued", "fail"] },
};

/** Why the action can't be done with this line; null: it can. */
export function whyNot(action: Action, phone: Phone, line: Line, live: boolean): string | null {
  const { service, states } = rules[action];
  if (!states.includes(line.leg.state)) return text.whyNot.state[action];
  return lacking(service, phone, live);
}

/** Why no call can be placed from this phone; null: it can. */
export function whyNotCall(phone: Phone, live: boolean): string | null {
  return lacking("MakeCall", phone, live);
}

function lacking(service: string, { device }: Phone, live: boolean): string | null {
  if (!live) return text.whyNot.notLive;
  if (!device.linkUp) return text.whyNot.linkDown(device.pbx);
  const reason = device.lacks.get(service);
  if (reason) return text.whyNot.lacks(reason);
  if (!device.offers.has(service)) return text.whyNot.notOffered(device.pbx);
  if (device.outOfService !== null) return text.whyNot.outOfService;
  return null;
}

/** The hold button is one place with two meanings. */
export function holdOrRetrieve(line: Line): "hold" | "retrieve" {
  return line.leg.state === "hold" ? "retrieve" : "hold";
}
