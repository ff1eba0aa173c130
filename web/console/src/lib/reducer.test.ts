// The picture against the server: whatever order snapshots, deltas, duplicates, heartbeats, gaps and breaks come in, it ends in the server's state.

import { expect, test } from "vitest";
import { Board } from "./board";
import type { Call, Device, LegState, Message, Note } from "./model";
import { call, device, leg } from "./testing";

/** Numbers that a seed gives, the same ones always (xorshift). */
function dice(seed: number): (sides: number) => number {
  let x = (seed * 2654435761 + 1) >>> 0 || 1;
  return (sides) => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    x >>>= 0;
    return x % sides;
  };
}

const extensions = ["1001", "1002", "1003", "1004", "1005"];
const states: LegState[] = ["initiated", "alerting", "connected", "hold", "queued", "fail"];

/** A gateway whose journal forgets, and which is started again now and then. */
class Server {
  epoch = 1;
  devices = new Map<string, Device>(extensions.map((e) => [device(e).id, device(e)]));
  calls = new Map<string, Call>();
  notes = new Map<string, Note>();
  journal: Message[] = [];
  last = 0;
  #made = 0;

  constructor(readonly roll: (sides: number) => number) {}

  get position() {
    return `${this.epoch}.${this.last}`;
  }

  snapshot(): Message & { type: "snapshot" } {
    return {
      type: "snapshot",
      position: this.position,
      at: null,
      part: 1,
      devices: [...this.devices.values()],
      calls: [...this.calls.values()],
      notes: [...this.notes.values()],
    };
  }

  restart() {
    this.epoch++;
    this.last = 0;
    this.journal = [];
    this.change(); // what the PBX tells after it
  }

  change() {
    this.last++;
    const devices: Device[] = [];
    const gone: string[] = [];
    const calls: Call[] = [];
    const ended: string[] = [];
    const notes: Note[] = [];
    const erased: string[] = [];
    const ids = [...this.calls.keys()];
    const pick = () => extensions[this.roll(extensions.length)]!;
    switch (ids.length === 0 ? this.roll(3) : this.roll(6)) {
      case 0: {
        const left = device(pick()).id;
        if (this.roll(4) === 0) {
          if (this.devices.delete(left)) gone.push(left);
          break;
        }
        const d = device(pick(), { name: `n${this.roll(9)}`, outOfService: this.roll(2) ? "" : null, linkUp: this.roll(4) > 0 });
        this.devices.set(d.id, d);
        devices.push(d);
        break;
      }
      case 1:
        calls.push(this.#put(`c${this.#made++}`, pick, pick));
        break;
      case 2: {
        const d = this.roll(3) === 0 ? "" : device(pick()).id;
        if (this.notes.delete(d)) erased.push(d);
        else {
          const n = { device: d, text: `t${this.#made++}`, until: null, changed: this.last, by: "" };
          this.notes.set(d, n);
          notes.push(n);
        }
        break;
      }
      case 5: {
        const id = ids[this.roll(ids.length)]!;
        this.calls.delete(id);
        ended.push(id);
        if (ids.length > 1) calls.push(this.#put([...this.calls.keys()][0]!, pick, pick)); // joined into another
        break;
      }
      default:
        calls.push(this.#put(ids[this.roll(ids.length)]!, pick, pick));
    }
    this.journal.push({ type: "change", position: this.position, at: null, devices, gone, calls, ended, notes, erased });
    if (this.journal.length > 8) this.journal.shift();
  }

  #put(id: string, a: () => string, b: () => string): Call {
    const [from, to] = [a(), b()];
    const state = () => states[this.roll(states.length)]!;
    const legs = from === to ? [leg(from, state(), this.last)] : [leg(from, state(), this.last), leg(to, state(), this.last)];
    const c = call(id, ...legs);
    this.calls.set(id, c);
    return c;
  }
}

/** A snapshot as one document, or in parts of so many devices. */
function parted(m: Message & { type: "snapshot" }, roll: (sides: number) => number): Message[] {
  const size = roll(4);
  const all: Message[] = [];
  let left = m.devices;
  while (size > 0 && left.length > size) {
    all.push({
      type: "part",
      position: m.position.replace(".", ".0"),
      at: null,
      part: all.length + 1,
      devices: left.slice(0, size),
    });
    left = left.slice(size);
  }
  return [...all, { ...m, part: all.length + 1, devices: left }];
}

function picture(b: Board) {
  const byId = (x: { id: string }, y: { id: string }) => x.id.localeCompare(y.id);
  return {
    counts: { ...b.counts },
    links: Object.fromEntries(b.links),
    calls: [...b.calls.values()].sort(byId),
    notes: Object.fromEntries(b.notes),
    phones: [...b.phones.values()]
      .map((p) => ({ id: p.device.id, device: p.device, state: p.state, lines: p.lines.map((l) => [l.call.id, l.state, l.since]) }))
      .sort(byId),
  };
}

test.each(Array.from({ length: 300 }, (_, i) => i))("ends in the server's state, seed %i", (seed) => {
  const roll = dice(seed);
  const server = new Server(roll);
  const board = new Board();
  const told: Message[] = []; // whatever was ever sent, for those that come again
  const give = (m: Message) => {
    told.push(m);
    return board.apply(m, 0);
  };
  let connected = false;
  let fresh = false; // a snapshot was asked for
  let sent = 0; // journal number told on this connection

  const connect = () => {
    connected = true;
    const asked = fresh;
    const [epoch, n] = (board.position ?? "0.0").split(".").map(Number) as [number, number];
    const oldest = server.last - server.journal.length;
    if (!asked && board.position !== null && epoch === server.epoch && n >= oldest) sent = n;
    else {
      if (!asked && board.position !== null) give({ type: "gap", position: server.position, at: null, reason: "" });
      for (const m of parted(server.snapshot(), roll)) {
        if (roll(12) === 0) return void (connected = false); // cut in the middle of it
        give(m);
      }
      sent = server.last;
      fresh = false;
    }
  };
  const drain = () => {
    for (const m of server.journal) {
      const n = Number(m.position.split(".")[1]);
      if (n <= sent) continue;
      sent = n;
      if (give(m) === "lost") {
        connected = false;
        fresh = true;
        return;
      }
    }
    if (connected && roll(3) === 0) give({ type: "heartbeat", position: server.position, at: null });
  };

  for (let i = 0; i < 120; i++) {
    switch (roll(8)) {
      case 0:
        connected = false;
        break;
      case 1:
        connect();
        break;
      case 2: // something comes a second time, however old: also of an earlier life of the server
        if (connected && told.length > 0) {
          const again = told[roll(told.length)]!;
          // A snapshot of another epoch is only ever asked for; it doesn't come by itself.
          if (
            again.type !== "gap" &&
            !((again.type === "snapshot" || again.type === "part") && !again.position.startsWith(`${server.epoch}.`))
          ) {
            if (board.apply(again, 0) === "lost") [connected, fresh] = [false, true];
          }
        }
        break;
      case 3:
        if (roll(6) === 0) {
          server.restart();
          connected = false;
        }
        break;
      default:
        server.change();
        if (connected && server.last - server.journal.length <= sent) drain();
        else connected = false; // it lagged and was cut
    }
  }
  do {
    connect();
    drain();
  } while (!connected);
  expect(board.position).toBe(server.position);

  const right = new Board();
  right.apply(server.snapshot(), 0);
  expect(picture(board)).toEqual(picture(right));
});
