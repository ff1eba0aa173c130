// Where one is in the page, by the address's hash.

export const views = ["board", "queue", "phone", "admin"] as const;
export type View = (typeof views)[number];

/** The parts of the administration's view. */
export const parts = ["links", "counters", "doctor", "numbers", "calls", "configuration", "tokens", "webhooks"] as const;
export type Part = (typeof parts)[number];

export interface Route {
  readonly view: View;
  readonly part: Part; // of the administration
  readonly id: string; // what of it: a call; empty: none
  readonly call: string; // a number that another program asks to call; empty: none. It is never called before the user says so.
}

/** Reads `#/queue`, `#/admin/doctor`, `#/call?number=…`, and `#/call?tel=tel:+49…` as the tel: handler calls it. */
export function read(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [first, second, ...rest] = path.split("/");
  const id = decoded(rest.join("/"));
  const part = parts.find((p) => p === second) ?? "links";
  if (first === "call") return { view: "board", part, id: "", call: asked(query).slice(0, 120) };
  return { view: views.find((v) => v === first) ?? "board", part, id, call: "" };
}

function decoded(s: string): string {
  try {
    return decodeURIComponent(s).slice(0, 128);
  } catch {
    return "";
  }
}

/** The number that a link asks to call. Many write its + as it is, which in a query means a space anywhere but in front. */
function asked(query: string): string {
  const q = new URLSearchParams(query.replaceAll("+", "%2B"));
  const number = (q.get("number") ?? q.get("tel") ?? "").replace(/^tel:/i, "").replace(/;.*$/, "");
  return number.replace(/(?!^)\+/g, " ").trim();
}

/** The address of a screen-pop: the template with what is known of the caller, percent-encoded; null where the template is no web address. */
export function popOf(template: string, caller: { number: string; name: string; reference: string }): string | null {
  const filled = template
    .trim()
    .replace(/\{(number|name|reference)\}/g, (_, k: keyof typeof caller) => encodeURIComponent(caller[k]));
  if (!/^https?:\/\//i.test(filled)) return null;
  try {
    return new URL(filled).href;
  } catch {
    return null;
  }
}
