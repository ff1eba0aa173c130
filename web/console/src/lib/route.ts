// Where one is in the page, by the address's hash.

export const views = ["board", "queue", "phone", "admin"] as const;
export type View = (typeof views)[number];

export interface Route {
  readonly view: View;
  readonly call: string; // a number that another program asks to call; empty: none. It is never called before the user says so.
}

/** Reads `#/queue`, `#/call?number=…`, and `#/call?tel=tel:+49…` as the tel: handler calls it. */
export function read(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const asked = new URLSearchParams(query);
  if (path === "call") {
    const number = (asked.get("number") ?? asked.get("tel") ?? "").replace(/^tel:/i, "").replace(/;.*$/, "").trim();
    return { view: "board", call: number.slice(0, 120) };
  }
  return { view: views.find((v) => v === path) ?? "board", call: "" };
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
