// Every word that the console shows or speaks. A translation replaces this one object.

const n = (count: number, one: string, many: string) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

export const text = {
  product: "farhook",
  title: (ringing: number) => (ringing > 0 ? `(${ringing}) farhook` : "farhook"),

  state: {
    idle: "Idle",
    ringing: "Ringing",
    talking: "Talking",
    calling: "Calling",
    held: "On hold",
    queued: "Waiting",
    failed: "Failed",
    out: "Offline",
  },
  leg: { initiated: "dialling", alerting: "ringing", connected: "connected", hold: "on hold", queued: "waiting", fail: "failed" },
  heldByOther: "Held by",
  preposition: { ringing: "from", talking: "with", calling: "", held: "", queued: "", failed: "" } as Record<string, string>,
  free: "Free",
  kind: { phone: "No name", group: "Group", parkSlot: "Park slot", trunk: "Trunk" },
  section: { phone: "Phones", group: "Groups", parkSlot: "Park slots", trunk: "Trunks" } as Record<string, string>,

  party: {
    restricted: "Number withheld",
    unknown: "Unknown",
    nobody: "nobody yet",
    several: (count: number) => `${count} others`,
  },
  moreCalls: (count: number) => `+${count}`,
  moreCallsLong: (count: number) => `and ${n(count, "more call", "more calls")}`,

  badge: {
    doNotDisturb: "DND",
    doNotDisturbLong: "Do not disturb",
    messageWaiting: "Message",
    messageWaitingLong: "Message waiting",
    muted: "Muted",
    mutedLong: "Microphone muted",
    forwarding: (to: string) => `→ ${to}`,
    forwardingLong: {
      forwardImmediate: "Forwards every call to",
      forwardBusy: "When busy, forwards to",
      forwardNoAns: "When not answered, forwards to",
    } as Record<string, string>,
    forwardingOther: "Forwards to",
    elsewhere: "elsewhere",
  },

  link: {
    live: "Live",
    connecting: "Connecting",
    lost: "Not live",
    lostSince: (time: string) => `The connection to the gateway is lost. You see the phones as they were at ${time}.`,
    never: "The gateway can't be reached.",
    retryIn: (seconds: number) => (seconds > 0 ? `Trying again in ${seconds} s` : "Trying again …"),
    retryNow: "Try now",
    pbxUp: (pbx: string) => `${pbx} connected`,
    pbxDown: (pbx: string) => `${pbx} down`,
    pbxUnknown: (pbx: string) => `${pbx} not known`,
    pbxDownLong: (pbx: string) =>
      `The link to the PBX ${pbx} is down. Its phones can't be controlled until it is back; farhook keeps trying.`,
  },

  board: {
    label: "Phones",
    search: "Search name, extension or number",
    searchKey: "/",
    clearSearch: "Clear the search",
    filter: "Show",
    all: "All",
    order: "Sort",
    orders: { extension: "By extension", name: "By name", state: "By state" },
    nobody: "No phone matches.",
    showAll: "Show all phones",
    empty: "The gateway has told of no phones yet.",
    shown: (count: number) => `${n(count, "phone", "phones")} shown`,
    summary: (phones: number, calls: number) => `${n(phones, "phone", "phones")}, ${n(calls, "call", "calls")}`,
  },

  panel: {
    label: (name: string) => `Phone ${name}`,
    close: "Close",
    place: "Place a call",
    placeholder: "Number or name",
    call: "Call",
    calls: "Calls",
    noCalls: "No calls.",
    total: (time: string) => `whole call ${time}`,
    calledBy: "incoming",
    calling: "outgoing",
    inService: "In service",
    suggestions: "Phones that match",
    needNumber: "Type a number or a name first.",
    out: "Out of service",
    outWhy: "This phone is not registered at the PBX, or the PBX has taken it out of service.",
    shortcuts: "Keys",
    keys: [
      ["/", "search"],
      ["← ↑ ↓ →", "choose a phone"],
      ["Enter", "open it"],
      ["D", "dial"],
      ["A", "answer"],
      ["H", "hold, retrieve"],
      ["E", "end"],
      ["Esc", "close"],
    ] as const,
    pickOne: "Choose a phone to see its calls and to place one.",
  },

  calls: {
    label: "Calls now",
    none: "Nobody is on the phone.",
    more: (count: number) => `and ${n(count, "more", "more")}`,
    to: "to",
  },

  action: { answer: "Answer", hold: "Hold", retrieve: "Retrieve", clear: "End" },

  whyNot: {
    state: {
      answer: "Only a ringing call can be answered.",
      hold: "Only a connected call can be held.",
      retrieve: "Only a held call can be retrieved.",
      clear: "This call is over.",
    },
    notLive: "There is no connection to the gateway.",
    linkDown: (pbx: string) => `The link to the PBX ${pbx} is down.`,
    lacks: (reason: string) => `Not with this phone: ${reason}.`,
    notOffered: (pbx: string) => `The PBX ${pbx} doesn't offer this.`,
    outOfService: "The phone is out of service.",
  },

  failed: {
    unreachable: "The gateway could not be reached.",
    silent: "The gateway did not answer in time. What became of it is not known.",
    status: (status: number) => `The gateway refused (${status}).`,
  },

  announce: {
    ringing: (phone: string, from: string) => `${phone} is ringing${from ? `, from ${from}` : ""}.`,
    ringingMany: (count: number) => `${n(count, "phone is", "phones are")} ringing.`,
  },
};
