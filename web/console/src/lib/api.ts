// The console's requests. Every failure becomes a sentence that can stand beside the button.

import { type Action, rules } from "./actions";
import type { components } from "./openapi.gen";
import { text } from "./text";

const limit = 15_000; // the gateway's own deadlines are shorter

/** A request that was refused or came to nothing; the message is for people. */
export class Refused extends Error {
  constructor(
    message: string,
    readonly status = 0, // of HTTP; 0: there was no answer
  ) {
    super(message);
  }
}

export interface Me {
  readonly name: string;
  readonly scopes: readonly string[];
  readonly ownLines: readonly string[];
  readonly signedIn: boolean; // by a session that can be ended; false: nobody has to sign in
}

let csrf = ""; // what unsafe requests show; empty: nothing is to be shown

/** Who is signed in, and what he may. */
export async function me(): Promise<Me> {
  const m = (await request("GET", "session")) as Partial<Record<string, unknown>>;
  csrf = typeof m["csrf"] === "string" ? m["csrf"] : "";
  const strings = (v: unknown) => (Array.isArray(v) ? v.filter((s): s is string => typeof s === "string") : []);
  return {
    name: String(m["name"] ?? ""),
    scopes: strings(m["scopes"]),
    ownLines: strings(m["ownLines"]),
    signedIn: csrf !== "",
  };
}

/** Signs in with name and password. */
export async function signIn(user: string, password: string): Promise<void> {
  await request("POST", "session", { user, password });
}

/** Ends the session. */
export async function signOut(): Promise<void> {
  await request("DELETE", "session");
}

/** A place where a call has gone: the connection that an answer names. */
export interface Connection {
  readonly call: string;
  readonly device: string;
}

/** Places a call. through: through a do not disturb, which takes a right and is logged. */
export async function placeCall(
  callingDevice: string,
  calledDirectoryNumber: string,
  prompt: "ring-first" | "hands-free",
  through = false,
): Promise<void> {
  const body: components["schemas"]["MakeCallInputBody"] = {
    callingDevice,
    calledDirectoryNumber,
    prompt,
    ...(through ? { throughDoNotDisturb: true } : {}),
  };
  await request("POST", "calls", body);
}

/** Does something with a device's connection in a call. what: what the action takes. */
export async function act(action: Action, call: string, device: string, what = ""): Promise<Connection | null> {
  const { act, member } = rules[action];
  return connectionOf(await request("POST", connection(call, device, act), member === "" ? undefined : { [member]: what }));
}

/** Takes a call that rings, waits or is parked at a device with another phone. */
export async function pickUp(call: string, at: string, mine: string): Promise<Connection | null> {
  return connectionOf(await request("POST", connection(call, at, "pickup"), { requestingDevice: mine }));
}

/** Sets something at a device. */
export async function set(device: string, what: "do-not-disturb" | "forwarding", body: object): Promise<void> {
  await put(`devices/${encodeURIComponent(device)}/${what}`, body);
}

type Schemas = components["schemas"];

/** Has the PBX asked about a device; gives how many connections were not as the PBX has them, and are now. */
export async function check(device: string): Promise<number> {
  const { repaired } = (await post(`devices/${encodeURIComponent(device)}/check`)) as Schemas["Checked"];
  return repaired;
}

/** Reads something. */
export const get = (path: string): Promise<unknown> => request("GET", path);

/** Reads something of a shape that openapi.yaml names. */
export const read = async <Name extends keyof Schemas>(path: string): Promise<Schemas[Name]> => (await get(path)) as Schemas[Name];

/** Makes something, or has something done. */
export const post = (path: string, body?: object): Promise<unknown> => request("POST", path, body);

/** Sets something. */
export const put = (path: string, body: object): Promise<unknown> => request("PUT", path, body);

/** Takes something away. */
export const remove = async (path: string): Promise<void> => void (await request("DELETE", path));

/** What would be done if a phone dialled a number. */
export const plan = (callingDevice: string, calledDirectoryNumber: string): Promise<unknown> =>
  request("POST", "calls?dryRun=true", { callingDevice, calledDirectoryNumber });

/** Whether the gateway answers at all. */
export async function healthy(): Promise<boolean> {
  try {
    return (await fetch(url("health"), { cache: "no-store", signal: AbortSignal.timeout(5000) })).ok;
  } catch {
    return false;
  }
}

const url = (path: string) => new URL(`api/v1/${path}`, document.baseURI);
const connection = (call: string, device: string, act: string) =>
  `calls/${encodeURIComponent(call)}/connections/${encodeURIComponent(device)}/${act}`;

async function request(method: string, path: string, body?: unknown): Promise<unknown> {
  const headers: Record<string, string> = {};
  const init: RequestInit = { method, headers, cache: "no-store", signal: AbortSignal.timeout(limit) };
  if (csrf !== "" && method !== "GET") headers["X-CSRF-Token"] = csrf;
  if (body !== undefined) {
    headers["Content-Type"] = "application/json";
    init.body = JSON.stringify(body);
  }
  let answer: Response;
  try {
    answer = await fetch(url(path), init);
  } catch (e) {
    throw new Refused(e instanceof DOMException && e.name === "TimeoutError" ? text.failed.silent : text.failed.unreachable);
  }
  const said: unknown = answer.status === 204 ? null : await answer.json().catch(() => null);
  if (!answer.ok) throw new Refused(sentence(answer.status, said), answer.status);
  return said;
}

function connectionOf(answer: unknown): Connection | null {
  const c = (answer as { connection?: { callID?: unknown; deviceID?: unknown } } | null)?.connection;
  return typeof c?.callID === "string" ? { call: c.callID, device: typeof c.deviceID === "string" ? c.deviceID : "" } : null;
}

/** What a problem document (RFC 9457) says, as a sentence: what was wrong, the fields that were, and what is not known. */
export function sentence(status: number, problem: unknown): string {
  const p = (typeof problem === "object" && problem !== null ? problem : {}) as Record<string, unknown>;
  const said = [p["detail"], p["title"]].find((s): s is string => typeof s === "string" && s.trim() !== "");
  const own = kindOf(status, typeof p["type"] === "string" ? p["type"] : "");
  if (!said) return own || text.failed.status(status);
  const fields = Array.isArray(p["errors"]) ? p["errors"].map((e) => (e as { message?: unknown } | null)?.message) : [];
  const all = [said.trim(), ...fields.filter((m): m is string => typeof m === "string" && m !== "")].join(": ");
  const s = all[0]!.toUpperCase() + all.slice(1) + (/[.!?]$/.test(all) ? "" : ".");
  const told = own ? `${own} ${s}` : s;
  return p["outcome"] === "unknown" ? `${told} ${text.failed.unknown}` : told;
}

// What a refusal comes to, by the beginning of its type: the gateway's own words, which are English, say the rest.
const kinds: readonly [string, keyof typeof text.refused][] = [
  ["operation:invalidDeviceID", "number"],
  ["operation:invalidCalledDeviceID", "number"],
  ["operation:invalidDestination", "number"],
  ["operation:invalidForwardingDestination", "number"],
  ["operation:invalidParkToDeviceID", "number"],
  ["operation:invalidParameterValue", "value"],
  ["operation:valueOutOfRange", "value"],
  ["operation:privilegeViolation", "right"],
  ["operation:securityViolation", "right"],
  ["operation:serviceNotSupported", "service"],
  ["operation:parameterNotSupported", "service"],
  ["operation:invalid", "value"],
  ["stateIncompatibility:", "moment"],
  ["systemResourceAvailibility:", "means"],
];
const statuses: Readonly<Record<number, keyof typeof text.refused>> = {
  400: "value",
  401: "signIn",
  403: "right",
  404: "gone",
  422: "value",
  429: "often",
  503: "means",
};

function kindOf(status: number, type: string): string {
  const word = type.replace(/^urn:csta:error:/, "");
  const kind = kinds.find(([begin]) => word !== "" && word.startsWith(begin))?.[1] ?? statuses[status];
  return kind ? text.refused[kind] : "";
}
