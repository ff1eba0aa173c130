// The page's state: the board, the connection, what is chosen, searched and selected. Messages are taken over at once and shown together,
// some times a second, so that a busy PBX costs no more to draw than a quiet one.

import { type Grouping, orderOf, sections } from "./arrange";
import { Board } from "./board";
import { type Phone, type PhoneState } from "./phone";
import type { Order } from "./register";
import { healthy } from "./api";
import { type Link, Follower } from "./stream";
import { text } from "./text";
import { read } from "./wire";

const drawEvery = 80; // ms
const devicesAtOnce = 200; // in one part of a snapshot, so that 10,000 lines hold the page up nowhere

export class Desk {
  hear: () => void = () => {}; // called after each time that the picture has changed
  readonly board = new Board();

  link = $state.raw<Link>({ state: "connecting" });
  now = $state(Date.now()); // our clock, once a second
  query = $state("");
  filter = $state<PhoneState | "all">("all");
  grouping = $state<Grouping>("kind");
  only = $state(""); // "favourites", "department:…", "pbx:…"; empty: all
  favourites = $state.raw<ReadonlySet<string>>(new Set());
  back = $state<"caughtUp" | "startedAgain" | null>(null); // what the last reconnection came to, for a moment
  selected = $state<string | null>(null);
  #version = $state(0);
  #pending = false;
  #missed = false;
  #wasLive = $state(false);

  readonly live = $derived(this.link.state === "live");
  /** Server time, once a second; it stands still while the picture does. */
  readonly serverNow = $derived.by(() => {
    this.#version;
    return (this.link.state === "lost" ? this.link.since : this.now) + this.board.offset;
  });
  readonly phones = $derived.by(() => {
    this.#version;
    return this.board.phones as ReadonlyMap<string, Phone>;
  });
  readonly notes = $derived.by(() => {
    this.#version;
    return new Map(this.board.notes);
  });
  readonly phone = $derived.by(() => {
    this.#version;
    return this.selected === null ? undefined : this.board.phones.get(this.selected);
  });
  readonly counts: Readonly<Record<PhoneState, number>> = $derived.by(() => {
    this.#version;
    return { ...this.board.counts };
  });
  readonly departments = $derived.by(() => {
    this.#census;
    const all = new Set([...this.board.phones.values()].map((p) => p.device.department));
    all.delete("");
    return [...all].sort(new Intl.Collator(text.lang, { numeric: true }).compare);
  });
  readonly pbxs = $derived.by(() => {
    this.#version;
    return [...this.board.links].map(([name, { up, lines }]) => ({ name, up: up === lines }));
  });
  /** Groups: whose calls wait. */
  readonly groups = $derived.by(() => {
    this.#census;
    return [...this.board.phones.values()].filter((p) => p.device.kind === "group").map((p) => p.device.id);
  });
  readonly #census = $derived.by(() => {
    this.#version;
    return this.board.register.census;
  });
  /**
   * Those that search and filters let through, in the chosen order; while one searches the best first. Where nothing hangs on their state these are
   * pictures of some moment, so that a change costs nothing here: who draws them asks fresh.
   */
  readonly shown: readonly Phone[] = $derived.by(() => {
    if (this.filter !== "all" || this.grouping === "state") this.#version;
    return this.#find(
      this.query,
      (p) => (this.filter === "all" || p.state === this.filter) && this.#isOf(p),
      orderOf[this.grouping],
    );
  });

  /** The lines that fit what is typed, as they are now, the best first: all of them where nothing is typed. */
  find(typed: string, fits: (p: Phone) => boolean = () => true): Phone[] {
    this.#version;
    return this.#find(typed, fits, "number");
  }

  #find(typed: string, fits: (p: Phone) => boolean, by: Order): Phone[] {
    this.#census;
    const { phones, register } = this.board;
    const found: Phone[] = [];
    for (const id of typed.trim() === "" ? register.order(by) : register.find(typed, by)) {
      const p = phones.get(id);
      if (p && fits(p)) found.push(p);
    }
    return found;
  }

  /** How many lines there are. */
  get size(): number {
    this.#version;
    return this.board.phones.size;
  }

  /** A phone as it is now; undefined: there is none any more. */
  current(id: string): Phone | undefined {
    this.#version;
    return this.board.phones.get(id);
  }

  readonly sections = $derived(sections(this.shown, this.query.trim() === "" ? this.grouping : "name"));

  #isOf({ device }: Phone): boolean {
    if (this.only === "") return true;
    if (this.only === "favourites") return this.favourites.has(device.id);
    const i = this.only.indexOf(":");
    const name = this.only.slice(i + 1);
    return this.only.slice(0, i) === "pbx" ? device.pbx === name : device.department === name;
  }

  readonly #follower = new Follower(
    {
      open: (after) => {
        const url = new URL("api/v1/stream", document.baseURI);
        url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
        url.searchParams.set("part", String(devicesAtOnce));
        if (after !== null) url.searchParams.set("after", after);
        return new WebSocket(url) as never;
      },
      probe: healthy,
      now: Date.now,
      random: Math.random,
      after: (ms, then) => {
        const timer = setTimeout(then, ms);
        return () => clearTimeout(timer);
      },
    },
    {
      read: (data) => read(data),
      position: () => this.board.position,
      take: (m) => {
        const became = this.board.apply(m, Date.now());
        if (became === "gap") this.#missed = true;
        if (m.type === "snapshot") setTimeout(() => this.board.register.order(orderOf[this.grouping])); // before it is drawn: not all at once
        if (m.type !== "heartbeat" && m.type !== "part") this.#draw();
        return became !== "lost";
      },
      link: (l) => {
        const lost = this.link.state === "lost";
        this.link = l;
        if (l.state === "lost") this.#missed = false;
        if (l.state !== "live") return;
        if (lost && this.#wasLive) this.#say();
        this.#wasLive = true;
      },
    },
  );

  // Whether something was missed shows with the first message after a break, if one comes: so it is told a moment later.
  #say(): void {
    setTimeout(() => {
      this.back = this.#missed ? "startedAgain" : "caughtUp";
      setTimeout(() => (this.back = null), 8000);
    }, 300);
  }

  /** Counts the times that the picture was shown anew: the maps stay the same ones, so who reads them reads this too. */
  get version(): number {
    return this.#version;
  }

  /** Whether the picture was ever current. */
  get wasLive(): boolean {
    return this.#wasLive;
  }

  /** Follows the gateway until the function that it gives is called. */
  run(): () => void {
    this.#follower.connect();
    const clock = setInterval(() => (this.now = Date.now()), 1000);
    const online = () => this.retry();
    addEventListener("online", online);
    return () => {
      removeEventListener("online", online);
      clearInterval(clock);
      this.#follower.close();
    };
  }

  /** Tries to connect now, unless it is connected. */
  retry(): void {
    if (!this.live) this.#follower.connect();
  }

  #draw(): void {
    if (this.#pending) return;
    this.#pending = true;
    setTimeout(() => {
      this.#pending = false;
      this.#version++;
      this.hear();
    }, drawEvery);
  }
}
