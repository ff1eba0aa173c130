// The catalogue in use. Languages but English are loaded when they are asked for, before the page is drawn.

import { type Catalogue, en } from "./en";
import { type Sayings, sayings, understood } from "./saying";

export let text: Catalogue = en;

/** What the server says, likewise. */
export let words: Sayings = {};

const catalogues: Record<string, () => Promise<Catalogue>> = {
  en: () => Promise.resolve(en),
  de: () => import("./de").then((m) => m.de),
};

/** The first of the wanted languages that there is; English where there is none. */
export function choose(wanted: readonly string[]): string {
  for (const w of wanted) {
    const lang = w.toLowerCase().split("-")[0] ?? "";
    if (Object.hasOwn(catalogues, lang)) return lang;
  }
  return "en";
}

/** Speaks a language from now on. Call it before anything is drawn. */
export async function speak(lang: string): Promise<void> {
  [text, words] = await Promise.all([(catalogues[lang] ?? catalogues["en"]!)(), sayings(lang)]);
  reasons.clear();
}

const reasons = new Map<string, string>();

/** Why a device lacks a service, as the server says it. */
export function reason(sentence: string): string {
  let known = reasons.get(sentence);
  if (known === undefined) reasons.set(sentence, (known = understood(sentence, words)));
  return known;
}

/** A time of day as people of this language write it. */
export function clock(ms: number, seconds = false): string {
  const o: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  return new Intl.DateTimeFormat(text.lang, seconds ? { ...o, second: "2-digit" } : o).format(ms);
}

/** A time of day to the millisecond. */
export function exact(ms: number): string {
  return `${clock(ms, true)}.${String(new Date(ms).getMilliseconds()).padStart(3, "0")}`;
}

/** A time of day where it was today, else the day with it. */
export function when(ms: number, now: number): string {
  return new Date(ms).toDateString() === new Date(now).toDateString() ? clock(ms) : moment(ms);
}

/** A day and time. */
export function moment(ms: number): string {
  return new Intl.DateTimeFormat(text.lang, { dateStyle: "medium", timeStyle: "short" }).format(ms);
}
