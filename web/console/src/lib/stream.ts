// Follows the gateway's stream and never gives up: when the connection is lost it waits, longer each time and never exactly, and goes on
// from the last position it knows.

import type { Message, Position } from "./model";

export type Link =
  | { readonly state: "connecting" }
  | { readonly state: "live" }
  | { readonly state: "lost"; readonly since: number; readonly retryAt: number }; // ms of our clock

/** The little of a WebSocket that is used, so that tests can play one. */
export interface Socket {
  onopen: (() => void) | null;
  onmessage: ((e: { data: unknown }) => void) | null;
  onclose: (() => void) | null;
  close(): void;
}

export interface World {
  open(after: Position | null): Socket;
  now(): number;
  random(): number; // 0 … 1
  after(ms: number, then: () => void): () => void; // gives what cancels it
  probe(): Promise<boolean>; // whether the gateway answers at all
}

export interface Listener {
  read(data: unknown): Message | null; // null: nothing for us
  position(): Position | null;
  take(m: Message): boolean; // false: a snapshot is needed
  link(l: Link): void;
}

const firstWait = 500;
const longestWait = 15_000;
const steady = 5_000; // so long must a connection hold to count as a good one
const opening = 10_000; // for a connection to be made and its first message to come
const catchUp = 1_000; // who goes on from a position and hears nothing for so long has missed nothing
const quiet = 20_000; // after that a silent connection is doubted: a browser doesn't notice a dead one

export class Follower {
  #socket: Socket | null = null;
  #cancel: () => void = () => {};
  #tries = 0;
  #lostAt: number | null = null;
  #liveSince: number | null = null;
  #fresh = false; // ask for a snapshot, whatever position is known

  constructor(
    private readonly world: World,
    private readonly listener: Listener,
  ) {}

  /** Connects now, whatever wait is under way. */
  connect(): void {
    this.#drop();
    if (this.#lostAt === null) this.listener.link({ state: "connecting" });
    const after = this.#fresh ? null : this.listener.position();
    const socket = (this.#socket = this.world.open(after));
    this.#await(opening, () => this.#lose());
    socket.onopen = () => {
      if (after !== null) this.#await(catchUp, () => this.#hear());
    };
    socket.onmessage = (e) => this.#take(e.data);
    socket.onclose = () => this.#lose();
  }

  /** Ends it for good. */
  close(): void {
    this.#drop();
  }

  #take(data: unknown): void {
    let m: Message | null;
    try {
      m = this.listener.read(data);
    } catch {
      this.#fresh = true; // not to be understood: what we show may be wrong now
      this.#lose();
      return;
    }
    const lost = m !== null && !this.listener.take(m);
    const partly = m?.type === "part"; // good once all of it is there
    this.#fresh = lost || (this.#fresh && partly);
    if (lost) this.#lose();
    else if (partly) this.#await(opening, () => this.#lose());
    else this.#hear();
  }

  /** The connection is good at this moment. */
  #hear(): void {
    this.#await(quiet, () => void this.#doubt());
    this.#lostAt = null;
    if (this.#liveSince !== null) return;
    this.#liveSince = this.world.now();
    this.listener.link({ state: "live" });
  }

  async #doubt(): Promise<void> {
    const socket = this.#socket;
    const alive = await this.world.probe();
    if (socket !== this.#socket) return;
    if (alive) this.#hear();
    else this.#lose();
  }

  /** One thing is waited for at a time. */
  #await(ms: number, then: () => void): void {
    this.#cancel();
    this.#cancel = this.world.after(ms, then);
  }

  #lose(): void {
    const now = this.world.now();
    // Only a connection that held counts as a good one: a gateway that accepts and hangs up is not asked faster and faster.
    if (this.#liveSince !== null && now - this.#liveSince >= steady) this.#tries = 0;
    this.#drop();
    this.#lostAt ??= now;
    const longest = Math.min(longestWait, firstWait * 2 ** this.#tries++);
    const wait = longest * (0.5 + this.world.random() / 2);
    this.listener.link({ state: "lost", since: this.#lostAt, retryAt: now + wait });
    this.#await(wait, () => this.connect());
  }

  #drop(): void {
    this.#cancel();
    this.#cancel = () => {};
    this.#liveSince = null;
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }
}
