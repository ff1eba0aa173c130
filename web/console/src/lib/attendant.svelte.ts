// Who sits before the page: his phone, what he does with its calls, what he has sent away, missed, and wants to be told.

import { type Action, heldBeside, lacking, meant, rules, whyNot, whyNotCall, whyNotOther, whyNotPickUp } from "./actions";
import { Announcer } from "./announce";
import { type Connection, type Me, Refused, act, me, pickUp, placeCall } from "./api";
import type { Desk } from "./desk.svelte";
import type { Party } from "./model";
import { type Line, type Phone, partners } from "./phone";
import { type Waiting, longest, queueOf } from "./queue";
import { type Fate, type Sent, fateOf, undoLeft, urgency } from "./sent";
import { type Settings, load, name as storeName } from "./settings";
import { name as tabName, recall } from "./tab";
import { text } from "./text";
import { type Asked, type Work, before } from "./underway";
import { dialable, lineNamed, nameOf, party, who } from "./words";

/** What is asked for before an action can be done. */
export interface Picking {
  readonly action: Action | "call" | "pickUp" | "through";
  readonly line: Line | null; // my call; null for those that take none
  readonly typed: string;
}

export interface Missed {
  readonly id: string;
  readonly caller: Party;
  readonly at: number; // server time
}

export interface SentNow {
  readonly sent: Sent;
  readonly fate: Fate;
  readonly undo: number; // seconds
}

const againFor = 5_000; // ms: so long the stream may take to tell of a call that was taken back
const fadeAfter = 4_000; // ms: so long an outcome stays in the list
const failureFor = 8_000; // ms: so long it stands beside a call why something could not be done
const spareFor = 500; // ms after a call has ended: what was meant to end it must not end the next one

export class Attendant {
  readonly desk: Desk;
  settings = $state<Settings>(load(null));
  me = $state.raw<Me | null>(null);
  signInNeeded = $state(false);

  picking = $state.raw<Picking | null>(null);
  choosing = $state.raw<{ line: Line; target: Phone; x: number; y: number } | null>(null);
  dragging = $state.raw<{ line: Line; x: number; y: number; over: string | null } | null>(null);
  underway = $state.raw<readonly Asked[]>([]);
  noting = $state.raw<string | null>(null); // device whose note is being written; empty: the desk's
  failure = $state.raw<{ call: string; message: string; at: number } | null>(null); // of the last act; call empty: of none
  freed = $state.raw<readonly string[]>([]); // lines that were watched and are free now
  said = $state(""); // for the live region
  missed = $state.raw<readonly Missed[]>([]);
  watched = $state.raw<ReadonlySet<string>>(new Set()); // lines whose freedom is to be told
  #sent = $state.raw<readonly Sent[]>([]);
  #ended = new Map<number, number>(); // sent → when its outcome was first seen
  #overdue = new Set<number>(); // sent, of which it was told that nobody answers
  #ringing = new Map<string, { caller: Party; at: number }>();
  #announcer = new Announcer();
  #again: { readonly call: string; readonly until: number } | null = null; // taken back to be sent to somebody else
  #count = 0;
  #user = ""; // whose work this is; empty: nobody had to sign in
  #calls: readonly string[] = []; // of my phone, as they were when last looked at
  #spared: ReadonlySet<string> = new Set(); // those that were left when one of them ended
  #sparedUntil = 0;

  readonly mine: Phone | undefined = $derived.by(() => {
    this.desk.version;
    const id = this.settings.phone;
    return id === null ? undefined : this.desk.phones.get(id);
  });
  readonly queue: readonly Waiting[] = $derived.by(() => {
    this.desk.version;
    return queueOf(this.desk.phones, this.desk.groups, this.settings.phone, this.desk.serverNow);
  });
  /** What I sent away and nobody has answered yet, the most urgent first. */
  readonly sent: readonly SentNow[] = $derived.by(() => {
    this.desk.version;
    if (this.desk.board.position === null) return []; // nobody has told yet what has become of it
    const now = this.desk.serverNow;
    return this.#sent
      .map((sent) => {
        const fate = fateOf(sent, this.desk.board.calls.get(sent.call), now, this.settings.patience * 1000);
        return { sent, fate, undo: this.canTakeBack(sent, fate) === null ? undoLeft(sent, fate, now) : 0 };
      })
      .sort((a, b) => urgency(a.fate) - urgency(b.fate) || a.sent.at - b.sent.at);
  });

  constructor(desk: Desk) {
    this.desk = desk;
    this.remember();
    const { user, sent, watched } = recall(sessionStorage.getItem(tabName));
    this.#user = user;
    this.#sent = sent;
    this.#count = Math.max(0, ...sent.map((s) => s.id));
    this.watched = new Set(watched);
    desk.hear = () => this.hear();
  }

  /** Finds out who is signed in, and takes his own line where none is chosen. */
  async begin(): Promise<void> {
    try {
      this.me = await me();
      this.signInNeeded = false;
      // Somebody else at this browser: the phone and the mobile of whom sat here before are not his.
      if (this.me.signedIn && this.settings.user !== this.me.name) {
        const first = this.settings.user === "";
        this.keep({ user: this.me.name, ...(first ? {} : { phone: null, asked: false, mobile: "" }) });
      }
      if (this.#user !== this.me.name) {
        if (this.#user !== "") [this.#sent, this.watched] = [[], new Set()];
        this.#user = this.me.name;
        this.#keepWork();
      }
      const own = this.me.ownLines[0];
      if (own !== undefined && this.settings.phone === null && !this.settings.asked) this.choose(own);
    } catch (e) {
      this.signInNeeded = e instanceof Refused && e.status === 401;
    }
  }

  /** Keeps a change of the settings. What another tab has changed meanwhile stays. */
  keep(change: Partial<Settings>): void {
    this.#take({ ...load(localStorage.getItem(storeName)), ...change });
    localStorage.setItem(storeName, JSON.stringify(this.settings));
  }

  /** Takes over what this browser remembers, which another tab may have changed. */
  remember(): void {
    this.#take(load(localStorage.getItem(storeName)));
  }

  #take(settings: Settings): void {
    if (settings.phone !== this.settings.phone) this.#ringing.clear();
    this.settings = settings;
    this.desk.favourites = new Set(settings.favourites);
  }

  /** Keeps what was sent away and who is watched for this tab, should the page be loaded anew. */
  #keepWork(): void {
    sessionStorage.setItem(tabName, JSON.stringify({ user: this.#user, sent: this.#sent, watched: [...this.watched] }));
  }

  /** Makes a phone mine; null: I only watch. */
  choose(phone: string | null): void {
    this.keep({ phone, asked: true });
  }

  favour(device: string): void {
    const has = this.settings.favourites.includes(device);
    this.keep({ favourites: has ? this.settings.favourites.filter((f) => f !== device) : [...this.settings.favourites, device] });
  }

  /** Takes away the word that a line is free. */
  heard(device: string): void {
    if (this.freed.length > 0) this.freed = this.freed.filter((d) => d !== device);
  }

  watch(device: string): void {
    const next = new Set(this.watched);
    if (!next.delete(device)) next.add(device);
    this.watched = next;
    this.#keepWork();
  }

  /** A call of my phone's as it is now; undefined: it is over, or has left my phone. */
  lineNow(line: Line): Line | undefined {
    return this.mine?.lines.find((l) => l.call.id === line.call.id);
  }

  /** Why an action can't be done with the call that is meant; null: it can. */
  why(action: Action, line?: Line): string | null {
    const l = line ?? (this.mine && meant(action, this.mine, this.desk.live));
    if (!l) return this.whyNone() ?? text.whyNot.noCall;
    return this.whyNone() ?? whyNot(action, this.mine!, l, this.desk.live) ?? this.whyWait(action, l.call.id);
  }

  whyCall(): string | null {
    return this.whyNone() ?? whyNotCall(this.mine!, this.desk.live) ?? this.whyWait("call", "");
  }

  whyPickUp(from: Phone, line: Line): string | null {
    return this.whyNone() ?? whyNotPickUp(this.mine!, from, line, this.desk.live) ?? this.whyWait("pickUp", line.call.id);
  }

  /** Why what waits can't be taken; null: it can. */
  whyTake(w: Waiting): string | null {
    const line = w.at.lines.find((l) => l.call.id === w.call.id);
    if (!line) return text.whyNot.state.pickUp;
    return w.mine ? this.why("answer", line) : this.whyPickUp(w.at, line);
  }

  /** Why nothing that waits can be taken; null: something can. */
  whyTakeLongest(): string | null {
    const waits = this.queue.filter((w) => w.taken === null).map((w) => this.whyTake(w));
    return waits.includes(null) ? null : (waits[0] ?? text.whyNot.nothingWaits);
  }

  /** Why what was sent away can't be taken back; null: it can. */
  canTakeBack(sent: Sent, fate: Fate): string | null {
    if (!("leg" in fate)) return text.whyNot.state.takeBack;
    const none = this.whyNone();
    if (none !== null) return none;
    const at = this.desk.phones.get(fate.leg.device);
    return (
      (at && whyNotOther(this.mine!, at)) ??
      lacking("DirectedPickupCall", this.mine!, this.desk.live) ??
      this.whyWait("pickUp", sent.call)
    );
  }

  /** Why nothing at all can be done here; null: something may be possible. */
  whyNone(): string | null {
    if (!this.may("control")) return text.whyNot.watchOnly;
    return this.mine ? null : text.whyNot.noPhone;
  }

  /** What must be answered first; null: nothing. */
  whyWait(work: Work, call: string): string | null {
    const first = before(this.underway, { work, call });
    return first ? text.whyNot.stillAt(text.action[first.work]) : null;
  }

  /** Whether this has been asked for and not answered yet. */
  asked(work: Work, call: string): boolean {
    return this.underway.some((a) => a.work === work && a.call === call);
  }

  /** Does an action, or asks first for what it takes. */
  start(action: Action, line?: Line): void {
    const l = line ?? (this.mine && meant(action, this.mine, this.desk.live));
    if (action === "hangUp" && !line && l && this.#spared.has(l.call.id) && Date.now() < this.#sparedUntil) return;
    const why = this.why(action, l);
    if (why !== null || !l) {
      this.#fail(l?.call.id ?? "", why ?? text.whyNot.noCall);
      return;
    }
    const { takes } = rules[action];
    const [held, another] = takes === "other" ? heldBeside(this.mine!, l) : [];
    if (takes === "nothing") void this.perform(action, l);
    else if (held && !another) void this.perform(action, l, held.call.id);
    else this.picking = { action, line: l, typed: "" };
  }

  /** Does an action. what: what it takes; to: that in words. */
  async perform(action: Action, line: Line, what = "", to = ""): Promise<boolean> {
    const phone = this.mine;
    if (!phone) return false;
    const target = lineNamed(what, this.desk.phones);
    const consulted = action === "transfer" ? line : null;
    const held = phone.lines.find((l) => l.call.id === what);
    return this.#do({ work: action, call: line.call.id }, line.call.id, async () => {
      const went = await act(action, line.call.id, phone.device.id, what);
      const name = to || (target ? nameOf(target.device) : what);
      if (action === "transferNow" || action === "deflect" || action === "park" || action === "move") {
        const undo = action === "transferNow" || (action === "move" && line.leg.state !== "alerting");
        this.#send(line, went, name, target?.device.id ?? what, undo, action === "park");
      } else if (consulted && held && consulted.state !== "talking")
        this.#send(held, went, who(consulted, this.desk.phones), consulted.others[0]?.device ?? "", false, false);
    });
  }

  /** Places a call from my phone; through: through a do not disturb. */
  async call(number: string, through = false): Promise<boolean> {
    const why =
      this.whyCall() ?? (number.trim() === "" ? text.mine.needNumber : dialable(number) ? null : text.failed.noLine(number.trim()));
    if (why !== null) {
      this.#fail("", why);
      return false;
    }
    return this.#do({ work: "call", call: "" }, "", () =>
      placeCall(this.mine!.device.id, number.trim(), this.settings.handsFree ? "hands-free" : "ring-first", through),
    );
  }

  /** Takes a call that rings, waits or is parked elsewhere. */
  async take(call: string, at: string): Promise<boolean> {
    const why = this.whyNone();
    if (why !== null) {
      this.#fail("", why);
      return false;
    }
    return this.#do({ work: "pickUp", call }, "", () => pickUp(call, at, this.mine!.device.id));
  }

  /** Takes back what was sent away, and asks at once to whom it shall go instead. */
  async someoneElse({ sent, fate }: SentNow): Promise<void> {
    const mine = this.mine;
    if (!("leg" in fate) || !mine) return;
    const again = async () => {
      const went = await pickUp(sent.call, fate.leg.device, mine.device.id);
      this.#again = { call: went?.call || sent.call, until: Date.now() + againFor };
    };
    if (!(await this.#do({ work: "pickUp", call: sent.call }, "", again))) return;
    this.dismiss(sent);
    this.#sendAgain();
  }

  /** The stream may tell of the call after the answer has come: it is asked for when it is there. */
  #sendAgain(): void {
    if (this.#again === null) return;
    const { call, until } = this.#again;
    const line = this.mine?.lines.find((l) => l.call.id === call && l.leg.state === "connected");
    if (line) this.picking = { action: "transferNow", line, typed: "" };
    if (line || Date.now() > until) this.#again = null;
  }

  async takeBack({ sent, fate }: SentNow): Promise<void> {
    if ("leg" in fate && (await this.take(sent.call, fate.leg.device))) this.dismiss(sent);
  }

  dismiss(sent: Sent): void {
    this.#sent = this.#sent.filter((s) => s.id !== sent.id);
    this.#overdue.delete(sent.id);
    this.#keepWork();
  }

  /** Takes the call that has waited longest: answers it where it rings at my phone, else picks it up. */
  takeLongest(): void {
    const w = longest(this.queue, (w) => this.whyTake(w) === null);
    if (w) void this.takeWaiting(w);
    else this.#fail("", this.whyTakeLongest() ?? text.whyNot.nothingWaits);
  }

  async takeWaiting(w: Waiting): Promise<void> {
    const own = this.mine?.lines.find((l) => l.call.id === w.call.id && l.leg.state === "alerting");
    if (own) this.start("answer", own);
    else await this.take(w.call.id, w.leg.device);
  }

  /** Takes the last call back that was sent away and can be. */
  undo(): void {
    const last = this.sent.filter((s) => this.canTakeBack(s.sent, s.fate) === null).sort((a, b) => b.sent.at - a.sent.at)[0];
    if (last) void this.takeBack(last);
    else this.#fail("", text.whyNot.state.takeBack);
  }

  /** Why no call of mine may go through this line's do not disturb; null: it may. */
  whyThrough({ device }: Phone): string | null {
    if (!device.features.doNotDisturb) return text.whyNot.disturbable;
    if (!this.may("override")) return text.whyNot.noOverride;
    return device.through ? this.whyCall() : text.whyNot.noThrough(device.pbx);
  }

  /** Why what was sent away can't go to the voicemail of whom it rings at; null: it can. */
  whyBox(sent: Sent, fate: Fate): string | null {
    const at = "leg" in fate ? this.desk.phones.get(fate.leg.device) : undefined;
    if (!at || at.device.voicemail === "") return text.whyNot.noBox;
    return this.whyNone() ?? lacking("DeflectCall", at, this.desk.live) ?? this.whyWait("voicemail", sent.call);
  }

  /** Sends what was sent away on to the voicemail of whom it rings at. */
  async toBox({ sent, fate }: SentNow): Promise<void> {
    const at = "leg" in fate ? this.desk.phones.get(fate.leg.device) : undefined;
    if (!at) return;
    const went = () => act("deflect", sent.call, at.device.id, at.device.voicemail);
    if (await this.#do({ work: "voicemail", call: sent.call }, "", went)) this.dismiss(sent);
  }

  /** Lines of mine but the one that I have chosen. */
  ownOthers(): Phone[] {
    const own = this.me?.ownLines ?? [];
    return own.filter((d) => d !== this.settings.phone).flatMap((d) => this.desk.phones.get(d) ?? []);
  }

  /** Whether the user may do this kind of thing. While that isn't known, nothing is kept from him: the gateway decides. */
  may(scope: "control" | "override" | "administer"): boolean {
    return this.me === null || this.me.scopes.includes(scope);
  }

  /** What rings or waits somewhere, what my own PBX has first, the longest first. */
  pickable(): { from: Phone; line: Line }[] {
    this.desk.version;
    const waits = (from: Phone) =>
      from.lines.filter((l) => l.leg.state === "alerting" || l.leg.state === "queued").map((line) => ({ from, line }));
    const legs = [...this.desk.board.calls.values()].flatMap((c) => c.legs);
    const at = new Set(legs.map((l) => l.device).filter((d) => d !== this.settings.phone));
    const all = [...at].flatMap((d) => this.desk.phones.get(d) ?? []).flatMap((p) => (p.device.linkUp ? waits(p) : []));
    const far = (p: Phone) => Number(p.device.pbx !== this.mine?.device.pbx);
    return all.sort((a, b) => far(a.from) - far(b.from) || a.line.leg.since - b.line.leg.since);
  }

  /** Looks at what has changed. Called after each change of the picture, and once a second. */
  hear(): void {
    const now = Date.now();
    const words = this.#announcer.hear(this.mine, this.desk.phones, now);
    if (words !== null) {
      this.#tell(words);
      if (this.settings.tone) void ring();
    }
    const calls = this.mine?.lines.map((l) => l.call.id) ?? [];
    if (this.#calls.some((c) => !calls.includes(c))) {
      this.#spared = new Set(calls);
      this.#sparedUntil = now + spareFor;
    }
    this.#calls = calls;
    if (this.failure && now - this.failure.at > failureFor) this.failure = null;
    this.freed = this.freed.filter((id) => this.desk.phones.get(id)?.state === "idle");
    this.#miss();
    this.#sendAgain();
    for (const id of this.watched) {
      const p = this.desk.phones.get(id);
      if (p?.state !== "idle") continue;
      this.watch(id);
      this.freed = [...this.freed, id];
      this.#tell(text.announce.free(nameOf(p.device)));
    }
    for (const { sent, fate } of this.sent) {
      if (fate.state === "overdue" && !this.#overdue.has(sent.id)) {
        this.#overdue.add(sent.id);
        this.#tell(text.announce.overdue(sent.to));
      }
      const over = fate.state === "answered" || fate.state === "gone" || fate.state === "back";
      if (!over) continue;
      const first = this.#ended.get(sent.id) ?? now;
      this.#ended.set(sent.id, first);
      // What came back is the call itself again: the list of calls shows it, for as long as it rings.
      if (now - first > fadeAfter && fate.state !== "back") {
        this.#ended.delete(sent.id);
        this.dismiss(sent);
      }
    }
  }

  /** Where a call of mine has come back from after I sent it away; empty: it hasn't. */
  backFrom(call: string): string {
    return this.sent.find((s) => s.sent.call === call && s.fate.state === "back")?.sent.to ?? "";
  }

  #miss(): void {
    const there = new Set<string>();
    for (const l of this.mine?.lines ?? []) {
      if (l.leg.state === "alerting") this.#ringing.set(l.call.id, { caller: l.call.calling, at: l.leg.since });
      else this.#ringing.delete(l.call.id);
      there.add(l.call.id);
    }
    for (const [id, { caller, at }] of this.#ringing) {
      if (there.has(id)) continue;
      this.#ringing.delete(id);
      // Gone elsewhere is not missed: a colleague, a group, or I myself sent it there.
      if (this.desk.board.calls.has(id) || this.#sent.some((s) => s.call === id)) continue;
      this.missed = [{ id, caller, at }, ...this.missed].slice(0, 50);
    }
  }

  #send(line: Line, went: Connection | null, to: string, target: string, undo: boolean, parked: boolean): void {
    const callers = line.others.length > 0 ? line.others.map((l) => l.device) : [line.call.calling.device];
    const sent: Sent = {
      id: ++this.#count,
      call: went?.call || line.call.id,
      mine: this.settings.phone ?? "",
      who: partners(line)
        .map((p) => party(p, this.desk.phones))
        .join(", "),
      callers,
      to,
      target,
      at: this.desk.serverNow,
      undo,
      parked,
    };
    this.#sent = [...this.#sent, sent];
    this.#keepWork();
  }

  /** Tells why something could not be done. call: beside which it is told; empty: none. */
  #fail(call: string, message: string): void {
    this.failure = { call, message, at: Date.now() };
  }

  /** Asks the gateway. shownAt: the call beside which a failure is told; empty: none. */
  async #do(asked: Asked, shownAt: string, f: () => Promise<unknown>): Promise<boolean> {
    const wait = this.whyWait(asked.work, asked.call);
    if (wait !== null) {
      this.#fail(shownAt, wait);
      return false;
    }
    this.underway = [...this.underway, asked];
    this.failure = null;
    try {
      await f();
      return true;
    } catch (e) {
      this.#fail(shownAt, (e as Error).message);
      return false;
    } finally {
      this.underway = this.underway.filter((a) => a !== asked);
    }
  }

  /** Has it read aloud, and notified. The same sentence a second time is another text: what stands there unchanged nobody would hear again. */
  #tell(words: string): void {
    this.said = words === this.said ? `${words}\u00a0` : words;
    if (!this.settings.notify || document.hasFocus() || !("Notification" in window)) return;
    if (Notification.permission === "granted") new Notification(words, { tag: "farhook" }).onclick = () => focus();
  }
}

/** Two soft strokes of a bell, made here: no file is fetched. */
async function ring(): Promise<void> {
  try {
    const audio = new AudioContext();
    const t = audio.currentTime;
    for (const at of [0, 0.35]) {
      const tone = audio.createOscillator();
      const loud = audio.createGain();
      tone.frequency.value = 660;
      loud.gain.setValueAtTime(0.0001, t + at);
      loud.gain.exponentialRampToValueAtTime(0.2, t + at + 0.02);
      loud.gain.exponentialRampToValueAtTime(0.0001, t + at + 0.3);
      tone.connect(loud).connect(audio.destination);
      tone.start(t + at);
      tone.stop(t + at + 0.3);
    }
    setTimeout(() => void audio.close(), 1000);
  } catch {
    // the browser allows no sound before the page was touched
  }
}
