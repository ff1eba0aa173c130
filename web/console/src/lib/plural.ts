// Counts in words, by the language's own rules.

const rules = new Map<string, Intl.PluralRules>();
const numbers = new Map<string, Intl.NumberFormat>();

/** "2,000". */
export function figure(lang: string, count: number): string {
  let f = numbers.get(lang);
  if (!f) numbers.set(lang, (f = new Intl.NumberFormat(lang)));
  return f.format(count);
}

/** "1 call", "2,000 calls". */
export function plural(lang: string, count: number, forms: { one: string; other: string }): string {
  let r = rules.get(lang);
  if (!r) rules.set(lang, (r = new Intl.PluralRules(lang)));
  return `${figure(lang, count)} ${r.select(count) === "one" ? forms.one : forms.other}`;
}
