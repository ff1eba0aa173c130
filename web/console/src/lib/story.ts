// A call's story in one line that grows, told from what the page has seen of it.

import type { Call, Party } from "./model";
import { text } from "./text";
import { whyFailed } from "./words";

export type Step = { readonly at: number; readonly b?: Party } & (
  | { readonly what: "called" | "went" | "transferred"; readonly a: Party; readonly b: Party }
  | { readonly what: "rang" | "waits" | "held" | "resumed" | "left" | "came"; readonly a: Party }
  | { readonly what: "failed"; readonly a: Party; readonly cause: string }
  | { readonly what: "answered"; readonly a: Party; readonly seconds: number }
);

const most = 60; // steps of one call

/** What lies between two states of a call; before: undefined where it is new. */
export function steps(before: Call | undefined, after: Call): Step[] {
  const list: Step[] = [];
  if (!before) list.push({ what: "called", at: after.began, a: after.calling, b: after.called });
  const old = new Map(before?.legs.map((l) => [l.device, l]));
  const gone = before?.legs.filter((l) => !after.legs.some((x) => x.device === l.device)) ?? [];
  for (const l of after.legs) {
    const was = old.get(l.device);
    if (was?.state === l.state) continue;
    const caller = l.device === after.calling.device;
    const successor = !was && gone.length > 0 ? gone.shift() : undefined;
    if (successor) {
      const spoke = successor.state === "connected" || successor.state === "hold";
      list.push({ what: spoke ? "transferred" : "went", at: l.since, a: successor.party, b: l.party });
    }
    switch (l.state) {
      case "alerting":
        if (!successor) list.push({ what: "rang", at: l.since, a: l.party });
        break;
      case "queued":
        if (!successor) list.push({ what: "waits", at: l.since, a: l.party });
        break;
      case "connected":
        if (was?.state === "hold") list.push({ what: "resumed", at: l.since, a: l.party });
        else if (was && was.state !== "initiated" && !caller)
          list.push({ what: "answered", at: l.since, a: l.party, seconds: Math.round((l.since - was.since) / 1000) });
        else if (before && !was && !successor) list.push({ what: "came", at: l.since, a: l.party });
        else if (!before && !caller) list.push({ what: "answered", at: l.since, a: l.party, seconds: 0 });
        break;
      case "hold":
        if (was) list.push({ what: "held", at: l.since, a: l.party });
        break;
      case "fail":
        list.push({ what: "failed", at: l.since, a: l.party, cause: l.cause });
    }
  }
  const at = Math.max(after.began, ...after.legs.map((l) => l.since));
  for (const l of gone) list.push({ what: "left", at, a: l.party });
  return list;
}

/** Whether a device is in a call that it wasn't in before. */
function came(device: string, before: Call | undefined, after: Call): boolean {
  return after.legs.some((l) => l.device === device) && !before?.legs.some((l) => l.device === device);
}

/** Remembers the stories of the calls that there are. */
export class Chronicle {
  #stories = new Map<string, Step[]>();

  of(call: string): readonly Step[] {
    return this.#stories.get(call) ?? [];
  }

  /** Takes a change over: calls as they were and as they are, and those that have ended. A call that another was joined into goes on in that one. */
  hear(changes: readonly { before: Call | undefined; after: Call }[], ended: readonly Call[]): void {
    for (const { before, after } of changes) {
      const joined = ended.filter((e) => e.legs.some((l) => came(l.device, before, after)));
      const known = [after, ...joined].flatMap((c) => this.#stories.get(c.id) ?? []).sort((x, y) => x.at - y.at);
      const all = [...known, ...steps(before ?? joined[0], after)];
      this.#stories.set(after.id, all.length > most ? [all[0]!, ...all.slice(1 - most)] : all);
    }
    for (const e of ended) this.#stories.delete(e.id);
  }

  /** Begins anew with the calls that there are. */
  restart(calls: Iterable<Call>): void {
    const kept = this.#stories;
    this.#stories = new Map();
    for (const c of calls) this.#stories.set(c.id, kept.get(c.id) ?? steps(undefined, c));
  }
}

/** A story as one line: the time of day where the minute changes, then what happened. Who is called, rings and answers makes one clause. */
export function tell(story: readonly Step[], name: (p: Party) => string, clock: (ms: number) => string): string {
  const clauses: string[] = [];
  let last = "";
  let reached = ""; // the device that the last clause went to, while nothing else has been told of it
  story.forEach((s, i) => {
    const same = reached !== "" && s.a.device === reached;
    if (same && s.what === "rang") {
      const next = story[i + 1];
      if (next?.what !== "answered" || next.a.device !== reached) clauses.push(`${clauses.pop()}, ${text.story.rings}`);
      return;
    }
    if (same && s.what === "answered") {
      clauses.push(`${clauses.pop()}, ${text.story.rangAnswered(s.seconds)}`);
      reached = "";
      return;
    }
    const time = clock(s.at);
    clauses.push((time === last ? "" : `${time} `) + words(s, name));
    last = time;
    reached = s.what === "called" || s.what === "went" || s.what === "transferred" ? s.b.device : "";
  });
  return clauses.join("; ");
}

function words(s: Step, name: (p: Party) => string): string {
  const t = text.story;
  switch (s.what) {
    case "called":
    case "went":
    case "transferred":
      return t[s.what](name(s.a), name(s.b));
    case "answered":
      return t.answered(name(s.a), s.seconds);
    case "failed":
      return t.failed(name(s.a), whyFailed(s.cause));
    default:
      return t[s.what](name(s.a));
  }
}
