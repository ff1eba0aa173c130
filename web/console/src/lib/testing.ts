// Phones and calls for tests.

import type { Call, Device, Leg, LegState, Party } from "./model";

const everything = [
  "MakeCall",
  "AnswerCall",
  "ClearConnection",
  "HoldCall",
  "RetrieveCall",
  "AlternateCall",
  "ConsultationCall",
  "TransferCall",
  "ConferenceCall",
  "SingleStepTransferCall",
  "SingleStepConferenceCall",
  "DeflectCall",
  "DirectedPickupCall",
  "ParkCall",
  "GenerateDigits",
];

export function device(extension: string, more: Partial<Device> = {}): Device {
  return {
    id: `tel:+1555${extension}`,
    kind: "phone",
    name: "",
    extension,
    number: `+1555${extension}`,
    department: "",
    members: [],
    pbx: "sim",
    linkUp: true,
    offers: new Set(everything),
    lacks: new Map(),
    outOfService: null,
    features: { doNotDisturb: false, messageWaiting: false, muted: false, forwarding: [] },
    voicemail: "",
    through: false,
    ...more,
  };
}

export function party(extension: string, more: Partial<Party> = {}): Party {
  return { device: `tel:+1555${extension}`, shown: "known", number: `+1555${extension}`, name: "", ...more };
}

export function leg(extension: string, state: LegState, since = 0, cause = ""): Leg {
  return { cause, device: `tel:+1555${extension}`, state, party: party(extension), since };
}

/** A call from the first leg to the second. */
export function call(id: string, ...legs: Leg[]): Call {
  return {
    id,
    began: 0,
    reference: "",
    hidden: false,
    via: null,
    calling: legs[0]!.party,
    called: legs[1]?.party ?? party("0"),
    legs,
  };
}
