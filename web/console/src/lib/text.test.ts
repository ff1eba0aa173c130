import { afterEach, expect, test } from "vitest";
import { de } from "./de";
import { en } from "./en";
import { choose, reason, speak, text, when } from "./text";

afterEach(() => speak("en"));

test.each([
  [["de-AT", "en"], "de"],
  [["fr", "de"], "de"],
  [["fr"], "en"],
  [["constructor"], "en"],
  [[], "en"],
])("who wants %j gets %s", (wanted, lang) => expect(choose(wanted)).toBe(lang));

test("what is spoken is what was asked for", async () => {
  await speak("de");
  expect(text.action.consult).toBe("Rückfrage");
  expect(text.action.swap).toBe("Makeln");
  await speak("nonsense");
  expect(text.action.consult).toBe("Consult");
});

test("why a device lacks a service is said in the language spoken, what no catalogue has as it came", async () => {
  const why = 'the phone, which calls itself "T1 %s", does not answer when it is told to';
  const bare = "there is no car park";
  expect([reason(why), reason(bare)]).toEqual([why, bare]);
  await speak("de");
  expect([reason(why), reason(bare)]).toEqual([
    "Das Telefon, das sich „T1 %s“ nennt, nimmt nicht an, wenn man es ihm sagt",
    "Es gibt keine Parkplätze",
  ]);
  for (const other of ["", "made up", 'the phone, which calls itself "', "%s"]) expect(reason(other)).toBe(other);
});

test("counts follow the language's rules", () => {
  expect([en.queue.count(1), en.queue.count(2000)]).toEqual(["1 call waits", "2,000 calls wait"]);
  expect([de.queue.count(1), de.queue.count(2000)]).toEqual(["1 Anruf wartet", "2.000 Anrufe warten"]);
});

test("a time of today is a time, another day's has its day", () => {
  const noon = new Date(2026, 10, 25, 12, 5).getTime();
  expect(when(noon, noon + 60_000)).toBe("12:05");
  expect(when(noon - 86_400_000, noon)).toMatch(/Nov 24, 2026/);
});

/** Every text of a catalogue by its path. */
function leaves(o: object, path = ""): [string, unknown][] {
  return Object.entries(o).flatMap(([k, v]) =>
    typeof v === "object" && v !== null ? leaves(v, `${path}${k}.`) : [[`${path}${k}`, v] as [string, unknown]],
  );
}

test("German says everything that English says, and nothing is left empty that isn't empty there", () => {
  const german = new Map(leaves(de));
  const missing = leaves(en).filter(([k, v]) => !german.has(k) || (v !== "" && german.get(k) === ""));
  expect(missing.map(([k]) => k)).toEqual([]);
  expect(german.size).toBe(leaves(en).length);
});

/** All that the console is made of, but the catalogues and the tests. */
function source(): string {
  const files = import.meta.glob<string>("../**/*.{ts,svelte}", { query: "?raw", import: "default", eager: true });
  const ours = Object.entries(files).filter(([name]) => !/\/(en|de)(\.\w+)?\.ts$|\.(test|gen\.d)\.ts$/.test(name));
  return ours.map(([, code]) => code).join("\n");
}

test("every text is shown by somebody: named, or one of those that are looked up by name", () => {
  const code = source();
  const named = (path: string) => new RegExp(`\\btext\\.${path.replaceAll(".", "\\.")}(?![\\w.])`).test(code);
  const dead = leaves(en)
    .map(([path]) => path)
    .filter((path) => {
      const steps = path.split(".");
      const groups = steps.slice(1).map((_, i) => steps.slice(0, i + 1).join("."));
      const leaf = new RegExp(`\\btext\\.${path.replaceAll(".", "\\.")}\\b`).test(code);
      return !leaf && !groups.some(named);
    });
  expect(dead).toEqual([]);
});
