// What the doctor says, in the page's language. It comes as a format, English in itself, with what goes into its places.

import type { components } from "./openapi.gen";

type Saying = components["schemas"]["Text"];

/** Translations by format. English needs none. */
export type Sayings = Readonly<Record<string, string>>;

const catalogues: Record<string, () => Promise<Sayings>> = {
  de: () => import("./de.doctor.json").then((m) => m.default),
};

/** Loads those of a language. */
export async function sayings(lang: string): Promise<Sayings> {
  return (await catalogues[lang]?.()) ?? {};
}

/** One saying in words. What no catalogue knows (names, numbers, commands, another program's words) stands as it is; %2$s takes the second argument. */
export function said(s: Saying, all: Sayings): string {
  const known = (Object.hasOwn(all, s.format) && all[s.format]) || s.format;
  const args = s.args ?? [];
  if (args.length === 0) return known;
  let next = 0;
  return known.replace(/%(?:(\d+)\$)?s/g, (_, n?: string) => {
    const arg = args[n ? Number(n) - 1 : next++];
    return arg ? said(arg, all) : "";
  });
}
