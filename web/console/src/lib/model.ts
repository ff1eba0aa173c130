// What the console knows, in its own terms. wire.ts makes these from what the gateway sends.

export type DeviceKind = "phone" | "group" | "parkSlot" | "trunk";

/** The state of a connection (ECMA-269, 6.1.5). Null is never kept. */
export type LegState = "initiated" | "alerting" | "connected" | "hold" | "queued" | "fail";

export interface Forwarding {
  readonly type: string; // forwardImmediate, forwardBusy, forwardNoAns …
  readonly to: string; // device; empty: not told
}

export interface Features {
  readonly doNotDisturb: boolean;
  readonly messageWaiting: boolean;
  readonly muted: boolean;
  readonly forwarding: readonly Forwarding[]; // those that are on
}

export interface Device {
  readonly id: string;
  readonly kind: DeviceKind;
  readonly name: string; // may be empty
  readonly extension: string; // what people call it: its shortest other number, or the number itself
  readonly number: string; // as shown: no scheme, no parameters
  readonly department: string; // may be empty
  readonly members: readonly string[]; // of a group
  readonly pbx: string;
  readonly linkUp: boolean;
  readonly offers: ReadonlySet<string>; // CSTA services
  readonly lacks: ReadonlyMap<string, string>; // service → why
  readonly outOfService: string | null; // cause; null: in service
  readonly features: Features;
  readonly voicemail: string; // number of its voicemail; empty: none that calls could be sent to
  readonly through: boolean; // it can be called through its do not disturb
}

export interface Party {
  readonly device: string; // empty: none of ours
  readonly shown: "known" | "notKnown" | "restricted";
  readonly number: string; // as shown
  readonly name: string;
}

export interface Leg {
  readonly device: string;
  readonly state: LegState;
  readonly party: Party;
  readonly since: number; // server time, ms
  readonly cause: string; // why it has failed (EventCause of ECMA-323); empty: it hasn't, or that isn't told
}

export interface Call {
  readonly id: string;
  readonly began: number; // server time, ms
  readonly reference: string; // the integrator's own; may be empty
  readonly hidden: boolean; // one may see that these lines are in a call, and not with whom: other legs and the parties aren't told
  readonly calling: Party;
  readonly called: Party;
  readonly via: Party | null; // whom it was at before it was diverted or came back; null: it came straight
  readonly legs: readonly Leg[];
}

/** What people have noted about a line; or, for the next shift, about nothing in particular. */
export interface Note {
  readonly device: string; // empty: the desk's, for the next shift
  readonly text: string;
  readonly until: number | null; // server time, ms; null: until somebody takes it away
  readonly changed: number; // server time, ms
  readonly by: string; // who wrote it
}

/** A position in the gateway's journal: `epoch.number`. Opaque. */
export type Position = string;

/** What the gateway tells. A heartbeat and a gap carry no state: the one says that nothing was missed up to its position, the other that a snapshot follows. */
export type Message =
  | { type: "heartbeat"; position: Position; at: number | null }
  | { type: "gap"; position: Position; at: number | null; reason: string }
  | { type: "part"; position: Position; at: number | null; part: number; devices: Device[] } // of the snapshot that follows, from 1
  | { type: "snapshot"; position: Position; at: number | null; part: number; devices: Device[]; calls: Call[]; notes: Note[] } // its last part
  | {
      type: "change";
      position: Position;
      at: number | null;
      devices: Device[];
      gone: string[]; // devices
      calls: Call[];
      ended: string[]; // calls
      notes: Note[];
      erased: string[]; // notes, by their devices
    };
