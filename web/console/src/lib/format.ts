/** A duration as people read clocks: 0:07, 12:34, 1:02:03. Never negative. */
export function duration(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (n: number) => String(n).padStart(2, "0");
  const h = Math.floor(s / 3600);
  const m = Math.floor(s / 60) % 60;
  return h > 0 ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
}

/** A moment of our clock as a field for date and time has it: local, to the minute. */
export function asLocal(ms: number): string {
  const d = new Date(ms);
  return new Date(ms - d.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** A device's number without scheme and parameters: `tel:+15551001;ext=1001` is +15551001. */
export function number(device: string): string {
  return device.replace(/^(tel|sips?):/i, "").replace(/[;?].*$/, "");
}

// Letters that Unicode doesn't take apart, as they are typed without them.
const plain: Readonly<Record<string, string>> = { ß: "ss", æ: "ae", œ: "oe", ø: "o", ł: "l", đ: "d", ð: "d", þ: "th", ı: "i" };

const ascii = /^[\x20-\x7e]*$/; // most of what 10,000 lines have: it is soon folded

/** Text as it is compared: lower case, without accents. */
export function fold(text: string): string {
  if (ascii.test(text)) return text.toLowerCase();
  return text
    .normalize("NFD")
    .replace(/\p{Mn}/gu, "")
    .toLowerCase()
    .replace(/[ßæœøłđðþı]/g, (c) => plain[c]!);
}

const twoLetters: Readonly<Record<string, string>> = { ä: "ae", ö: "oe", ü: "ue", å: "aa", ø: "oe" };

/** Text folded, umlauts and their neighbours in the north as two letters: Mueller, Haakon. */
export function spelled(text: string): string {
  if (ascii.test(text)) return fold(text);
  return fold(
    text
      .normalize("NFC")
      .toLowerCase()
      .replace(/[äöüåø]/g, (c) => twoLetters[c]!),
  );
}

/** The words of a folded text, each behind a bar, and one letter for the two that many write for an umlaut: whichever way it is spelled, it is the same. */
export function loose(folded: string): string {
  const one = folded.replace(/ae|oe|ue|aa/g, (two) => two[0]!);
  return (one.match(/[\p{L}\p{N}]+/gu) ?? []).map((w) => `|${w}`).join("");
}

/** Text whose code points stand in the order in which people look for it: folded, numbers by what they are worth. */
export function inOrder(text: string): string {
  return fold(text).replace(/\d+/g, (n) => n.padStart(20, "0"));
}
