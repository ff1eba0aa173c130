// What the server says, in the page's language. The doctor's sayings come as a format, English in itself, with what goes into its places; why a device lacks a
// service comes as a sentence, made of one of those formats.

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

/** A sentence in words: as the catalogue has the format that it was made of. One that no format fits stands as it is. */
export function understood(sentence: string, all: Sayings): string {
  for (const [format, words] of Object.entries(all)) {
    const args = fitting(format, sentence);
    if (args) return said({ format: words, args: args.map((a) => ({ format: a })) }, {});
  }
  return sentence;
}

/** What stands in a format's places; null: the sentence isn't made of it. */
function fitting(format: string, sentence: string): string[] | null {
  const pieces = format.split("%s");
  if (pieces.length === 1) return format === sentence ? [] : null;
  if (pieces.join("").length < 12) return null; // it would fit anything
  const [args, last] = [[] as string[], pieces.length - 1];
  if (!sentence.startsWith(pieces[0]!) || !sentence.endsWith(pieces[last]!)) return null;
  let at = pieces[0]!.length;
  for (let i = 1; i <= last; i++) {
    const end = i === last ? sentence.length - pieces[i]!.length : sentence.indexOf(pieces[i]!, at);
    if (end < at) return null;
    args.push(sentence.slice(at, end));
    at = end + pieces[i]!.length;
  }
  return args;
}
