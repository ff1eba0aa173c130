import { beforeEach, expect, test } from "vitest";
import type { Message } from "./model";
import { Follower, type Link, type Socket } from "./stream";

/** A world whose clock the test turns. */
class Bench {
  clock = 0;
  sockets: (Socket & { after: string | null; closed: boolean })[] = [];
  links: Link[] = [];
  taken: Message[] = [];
  position: string | null = null;
  reachable = true;
  probes = 0;
  chance = 1;
  #timers: { at: number; then: () => void }[] = [];

  follower = new Follower(
    {
      open: (after) => {
        const socket = {
          after,
          closed: false,
          onopen: null,
          onmessage: null,
          onclose: null,
          close: () => void (socket.closed = true),
        };
        this.sockets.push(socket);
        return socket;
      },
      now: () => this.clock,
      random: () => this.chance,
      probe: () => {
        this.probes++;
        return Promise.resolve(this.reachable);
      },
      after: (ms, then) => {
        const timer = { at: this.clock + ms, then };
        this.#timers.push(timer);
        return () => (this.#timers = this.#timers.filter((t) => t !== timer));
      },
    },
    {
      read: (data) => {
        if (data === "broken") throw new Error("broken");
        if (data === "part") return { type: "part", position: "e.07" } as Message;
        return data === "unknown" ? null : ({ type: "snapshot", position: data } as Message);
      },
      position: () => this.position,
      take: (m) => {
        this.taken.push(m);
        if (m.position === "lost") return false;
        this.position = m.position;
        return true;
      },
      link: (l) => this.links.push(l),
    },
  );

  pass(ms: number) {
    const end = this.clock + ms;
    for (;;) {
      const next = this.#timers.sort((a, b) => a.at - b.at)[0];
      if (!next || next.at > end) break;
      this.#timers.shift();
      this.clock = next.at;
      next.then();
    }
    this.clock = end;
  }
  get socket() {
    return this.sockets.at(-1)!;
  }
  get link() {
    return this.links.at(-1)!;
  }
  get waiting() {
    return this.#timers.length;
  }
}

let b: Bench;
beforeEach(() => {
  b = new Bench();
  b.follower.connect();
});

test("live only from the first message", () => {
  expect(b.link).toEqual({ state: "connecting" });
  expect(b.socket.after).toBeNull();
  b.socket.onmessage!({ data: "e.7" });
  expect(b.link).toEqual({ state: "live" });
  expect(b.taken).toHaveLength(1);
});

test("not live before all parts of a snapshot are there, and given up where they don't come", () => {
  b.socket.onmessage!({ data: "part" });
  b.pass(9_000);
  b.socket.onmessage!({ data: "part" });
  b.pass(9_000);
  expect(b.link).toEqual({ state: "connecting" });
  b.socket.onmessage!({ data: "e.7" });
  expect(b.link).toEqual({ state: "live" });
  b.follower.connect();
  b.socket.onmessage!({ data: "part" });
  b.pass(10_000);
  expect(b.link.state).toBe("lost");
});

test("who was cut while he got the snapshot that he had asked for asks for it again", () => {
  b.socket.onmessage!({ data: "e.7" });
  b.socket.onmessage!({ data: "lost" });
  b.pass(500);
  b.position = "e.7";
  b.socket.onmessage!({ data: "part" });
  b.position = "e.7";
  b.socket.onclose!();
  b.pass(1000);
  expect(b.socket.after).toBeNull();
  b.socket.onmessage!({ data: "e.8" });
  b.socket.onclose!();
  b.pass(2000);
  expect(b.socket.after).toBe("e.8");
});

test("goes on from the last position", () => {
  b.socket.onmessage!({ data: "e.7" });
  b.clock = 100_000;
  b.socket.onclose!();
  expect(b.link).toEqual({ state: "lost", since: 100_000, retryAt: 100_500 });
  b.pass(500);
  expect(b.socket.after).toBe("e.7");
  expect(b.link.state).toBe("lost"); // not before it says something
  b.socket.onmessage!({ data: "e.8" });
  expect(b.link.state).toBe("live");
});

test("who missed nothing is live again without a message", () => {
  b.socket.onmessage!({ data: "e.7" });
  b.socket.onclose!();
  b.pass(500);
  b.socket.onopen!();
  b.pass(999);
  expect(b.link.state).toBe("lost");
  b.pass(1);
  expect(b.link.state).toBe("live");
});

test("an open connection without a position waits for its snapshot", () => {
  b.socket.onopen!();
  b.pass(5000);
  expect(b.link.state).toBe("connecting");
});

test("a connection that fell silent is doubted, and given up when the gateway can't be reached", async () => {
  b.socket.onmessage!({ data: "e.7" });
  b.pass(19_999);
  expect(b.probes).toBe(0);
  b.pass(1);
  await Promise.resolve();
  expect([b.probes, b.link.state]).toEqual([1, "live"]);
  b.reachable = false;
  b.pass(20_000);
  await Promise.resolve();
  expect([b.probes, b.link.state]).toEqual([2, "lost"]);
});

test("a doubt that ends when another connection has begun is nobody's", async () => {
  b.socket.onmessage!({ data: "e.7" });
  b.reachable = false;
  b.pass(20_000);
  b.follower.connect();
  b.socket.onmessage!({ data: "e.8" });
  await Promise.resolve();
  expect(b.link.state).toBe("live");
});

test("waits grow to 15 s, and count from the loss", () => {
  const waits: number[] = [];
  for (let i = 0; i < 8; i++) {
    b.socket.onclose!();
    const link = b.link as Link & { state: "lost" };
    expect(link.since).toBe(0);
    waits.push(link.retryAt - b.clock);
    b.pass(link.retryAt - b.clock);
  }
  expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
});

test("a gateway that accepts and hangs up is asked ever less often; one that held is asked at once", () => {
  const lose = () => {
    b.socket.onmessage!({ data: "e.1" });
    b.socket.onclose!();
    const wait = (b.link as Link & { state: "lost" }).retryAt - b.clock;
    b.pass(wait);
    return wait;
  };
  expect([lose(), lose(), lose()]).toEqual([500, 1000, 2000]);
  b.socket.onmessage!({ data: "e.1" });
  b.clock += 60_000;
  expect(lose()).toBe(500);
});

test("a connection that says nothing is given up", () => {
  b.pass(9_999);
  expect(b.socket.closed).toBe(false);
  b.pass(1);
  expect(b.sockets[0]!.closed).toBe(true);
  expect(b.link.state).toBe("lost");
});

test("what can't be understood asks for a snapshot", () => {
  b.socket.onmessage!({ data: "e.7" });
  b.socket.onmessage!({ data: "broken" });
  expect(b.link.state).toBe("lost");
  b.pass(1000);
  expect(b.socket.after).toBeNull();
});

test("what can't be joined to what is known asks for a snapshot", () => {
  b.socket.onmessage!({ data: "e.7" });
  b.socket.onmessage!({ data: "lost" });
  expect(b.link.state).toBe("lost");
  b.pass(1000);
  expect(b.socket.after).toBeNull();
});

test("an unknown kind of message is passed over", () => {
  b.socket.onmessage!({ data: "e.7" });
  b.socket.onmessage!({ data: "unknown" });
  expect(b.taken).toHaveLength(1);
  expect(b.link.state).toBe("live");
});

test("an old socket has nothing to say any more", () => {
  const old = b.socket;
  b.follower.connect();
  expect(old.onmessage).toBeNull();
  expect(old.onclose).toBeNull();
  expect(old.closed).toBe(true);
});

test("closed for good", () => {
  b.socket.onclose!();
  b.follower.close();
  b.pass(1e6);
  expect(b.sockets).toHaveLength(1);
  expect(b.waiting).toBe(0);
});

test.each([
  [0, 250],
  [0.5, 375],
  [1, 500],
])("not all that were cut off come back at once: chance %d waits %d ms", (chance, wait) => {
  b.chance = chance;
  b.socket.onclose!();
  expect(b.link).toEqual({ state: "lost", since: 0, retryAt: wait });
  b.pass(wait - 1);
  expect(b.sockets).toHaveLength(1);
  b.pass(1);
  expect(b.sockets).toHaveLength(2);
});
