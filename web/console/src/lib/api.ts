// The console's requests. Every failure becomes a sentence that can stand beside the button.

import type { Action } from "./actions";
import { text } from "./text";

const limit = 15_000; // the gateway's own deadlines are shorter

/** A request that was refused or came to nothing; the message is for people. */
export class Refused extends Error {}

/** Places a call. */
export async function placeCall(callingDevice: string, calledDirectoryNumber: string): Promise<void> {
  await post("calls", { callingDevice, calledDirectoryNumber });
}

/** Does something with a device's connection in a call. */
export async function act(action: Action, call: string, device: string): Promise<void> {
  await post(`calls/${encodeURIComponent(call)}/connections/${encodeURIComponent(device)}/${action}`);
}

/** Whether the gateway answers at all. */
export async function healthy(): Promise<boolean> {
  try {
    return (await fetch(new URL("api/v1/health", document.baseURI), { cache: "no-store", signal: AbortSignal.timeout(5000) })).ok;
  } catch {
    return false;
  }
}

async function post(path: string, body?: unknown): Promise<void> {
  const init: RequestInit = { method: "POST", signal: AbortSignal.timeout(limit) };
  if (body !== undefined) {
    init.headers = { "Content-Type": "application/json" };
    init.body = JSON.stringify(body);
  }
  let answer: Response;
  try {
    answer = await fetch(new URL(`api/v1/${path}`, document.baseURI), init);
  } catch (e) {
    throw new Refused(e instanceof DOMException && e.name === "TimeoutError" ? text.failed.silent : text.failed.unreachable);
  }
  if (!answer.ok) throw new Refused(sentence(answer.status, await answer.json().catch(() => null)));
}

/** What a problem document (RFC 9457) says, as a sentence. */
export function sentence(status: number, problem: unknown): string {
  const p = (typeof problem === "object" && problem !== null ? problem : {}) as Record<string, unknown>;
  const said = [p["detail"], p["title"]].find((s): s is string => typeof s === "string" && s.trim() !== "");
  if (!said) return text.failed.status(status);
  const s = said.trim();
  return s[0]!.toUpperCase() + s.slice(1) + (/[.!?]$/.test(s) ? "" : ".");
}
