// 10,000 lines: what is drawn, and what it costs to look for one, to filter and to group them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { close, here, keep, nothingElse, open, silence, stage, tile } from "./harness.mjs";
import { gateway } from "./programs.mjs";
import { ways } from "./ways.mjs";

stage({ start: () => gateway({ lines: 10_000, annex: 3 }), lines: [] });

test("of 10,000 lines there are those in sight", async () => {
  let [parts, longest] = [0, 0];
  const p = await open("1005", {
    before: (p) =>
      p.on("websocket", (ws) =>
        ws.on("framereceived", ({ payload }) => {
          if (payload.includes('"snapshot"')) parts++;
          longest = Math.max(longest, payload.length);
        }),
      ),
  });
  // They come some at a time: no message takes the page long to read.
  assert.ok(parts > 40 && longest < 400_000, `${parts} parts, the longest has ${longest} octets`);
  await tile(p, 1001).focus();
  assert.ok((await p.getByRole("gridcell").count()) < 200);
  await p.getByLabel("Search name").fill("11000");
  await tile(p, 11000).waitFor();
  await p.getByLabel("Clear the search").click();
  await tile(p, 1001).focus();
  for (let i = 0; i < 40; i++) await p.keyboard.press("ArrowDown");
  await p.waitForFunction(() => Number(document.activeElement?.getAttribute("data-extension")) > 1100);
  assert.ok((await p.getByRole("gridcell").count()) < 200);
  await ways.mouse.dial(p, "1002");
  const grip = await p.locator(".grip").first().boundingBox();
  const board = await p.locator("[data-board]").boundingBox();
  const scrolled = () => p.locator("[data-board]").evaluate((e) => e.scrollTop);
  const before = await scrolled();
  await p.mouse.move(grip.x + 60, grip.y + 10);
  await p.mouse.down();
  await p.mouse.move(board.x + 300, board.y + board.height - 10, { steps: 6 });
  while ((await scrolled()) < before + 300) await p.waitForTimeout(50); // it scrolls by itself
  await p.keyboard.press("Escape");
  await p.mouse.up();
  await silence();
  await close(p);
  // All PBXs that are up take one place in the header.
  const q = await open("1005", { locale: "de-DE", viewport: { width: 1280, height: 800 } });
  assert.ok((await q.locator("header").boundingBox()).height < 60, "the header has one row");
  await keep(q, "header-1280-de");
  await close(q);
});

/** What each thing that one does with the board costs its page: processor time of the page's thread, in ms, the least of some times. */
async function costs(url) {
  const p = await open("1005", { url });
  const cdp = await p.context().newCDPSession(p);
  await cdp.send("Performance.enable", { timeDomain: "threadTicks" });
  const spent = async () => {
    // Two frames, so that what was changed is drawn too.
    await p.evaluate(() => new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(r)))));
    const { metrics } = await cdp.send("Performance.getMetrics");
    return metrics.find((m) => m.name === "TaskDuration").value * 1000;
  };
  const least = new Map();
  const measure = async (what, act) => {
    const before = await spent();
    await act();
    const cost = (await spent()) - before;
    least.set(what, Math.min(cost, least.get(what) ?? Infinity));
  };
  for (let i = 0; i < 3; i++) {
    await p.locator("[role=search] input").focus();
    await measure("the first letter", () => p.keyboard.press("c"));
    await measure("one more", () => p.keyboard.press("l"));
    await measure("one less", () => p.keyboard.press("Backspace"));
    await measure("all again", () => p.keyboard.press("Backspace"));
    for (const g of ["name", "state", "pbx", "kind"]) {
      await measure(`by ${g}`, () => p.locator(".toolbar select").last().selectOption(g));
    }
    for (const f of ["idle", "all"]) await measure(`filter ${f}`, () => p.locator(`.filter.${f}`).click());
    for (const o of ["pbx:sim", ""]) await measure(`only ${o}`, () => p.locator(".toolbar select").first().selectOption(o));
    await p.evaluate(() => document.activeElement.blur());
    await measure("the palette", () => p.keyboard.press("Control+k"));
    await measure("a letter in the palette", () => p.keyboard.press("c"));
    await p.keyboard.press("Escape");
    await p.keyboard.press("d");
    await measure("a letter of whom to call", () => p.keyboard.press("c"));
    await p.keyboard.press("Backspace");
    await p.keyboard.press("Escape");
  }
  await close(p);
  return least;
}

test("looking for one, filtering and grouping cost of 10,000 lines what they cost of those in sight", async (t) => {
  const few = await gateway({ lines: 240, annex: 3 });
  try {
    const [small, large] = [await costs(few.url), await costs(here.farhook.url)];
    const told = [...large].map(([what, ms]) => ({ what, few: small.get(what), many: ms }));
    t.diagnostic(told.map(({ what, few, many }) => `${what}: ${few.toFixed(1)} → ${many.toFixed(1)} ms`).join("; "));
    // Forty times as many lines. What is drawn is the same; some milliseconds go to lines that aren't.
    assert.deepEqual(
      told.filter(({ few, many }) => many > 2 * few + 8),
      [],
    );
  } finally {
    await few.stop();
  }
});

nothingElse();
