// How smoothly the board runs: 10,000 lines, some 200 changes a second, everything real; also while somebody searches, groups and filters. The
// page's own performance entries tell of long tasks (50 ms and more) and of frames; what was changed and seen is counted, so that an idle page
// doesn't pass for a quick one.

import { chromium } from "playwright-core";
import { gateway } from "./programs.mjs";

const seconds = Number(process.env.SECONDS ?? 10);
const perSecond = 200;
const farhook = await gateway({ lines: 10_000 });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  headless: true,
  args: ["--no-sandbox", "--disable-gpu"],
});
try {
  const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
  await page.addInitScript(() => {
    localStorage.setItem("farhook.settings", JSON.stringify({ phone: "tel:+15551001", asked: true }));
    const loading = (window.loading = []);
    new PerformanceObserver((l) => l.getEntries().forEach((e) => loading.push(e.duration))).observe({ type: "longtask" });
  });
  await page.goto(farhook.url);
  await page.waitForSelector('[data-link="live"]', { state: "attached" });
  await page.waitForTimeout(2000);
  const loading = await page.evaluate(() => [...window.loading]);
  await page.evaluate(() => {
    const seen = (window.seen = { tasks: [], frames: [], messages: 0 });
    new PerformanceObserver((l) => l.getEntries().forEach((e) => seen.tasks.push(e.duration))).observe({ type: "longtask" });
    let last = performance.now();
    const frame = (now) => {
      seen.frames.push(now - last);
      last = now;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
  let changed = 0;
  let flying = 0;
  let failed = 0;
  /** Changes lines at the rate wanted while something is done with the board; gives what the page's own entries say of that time. */
  const during = async (work) => {
    await page.evaluate(() => Object.assign(window.seen, { tasks: [], frames: [] }));
    const [began, first] = [Date.now(), changed];
    let busy = true;
    const done = work().finally(() => (busy = false));
    while (busy) {
      const due = first + ((Date.now() - began) / 1000) * perSecond;
      for (; changed < due && flying < 64; changed++) {
        const line = 1001 + ((changed * 7) % 10_000);
        flying++;
        fetch(`${farhook.url}api/v1/devices/${line}/do-not-disturb`, {
          method: "PUT",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({ on: Math.floor(changed / 10_000) % 2 === 0 }),
        })
          .then(async (r) => {
            await r.text();
            if (!r.ok) failed++;
          })
          .catch(() => failed++)
          .finally(() => flying--);
      }
      await new Promise((r) => setTimeout(r, 5));
    }
    await done;
    const rate = ((changed - first) * 1000) / (Date.now() - began);
    return { ...(await page.evaluate(() => window.seen)), rate };
  };
  const pause = (ms = 250) => page.waitForTimeout(ms);
  const field = page.locator("[role=search] input");
  const group = page.locator(".toolbar select").last();

  const { tasks, frames, rate } = await during(() => pause(seconds * 1000));
  await pause(500);
  const shown = Number((await page.locator(".filter.dnd .number").innerText()).replace(/\D/g, ""));
  const typing = await during(async () => {
    await field.focus();
    for (const c of "clara d") await Promise.all([page.keyboard.press(c), pause()]);
    for (const _ of "clara d") await Promise.all([page.keyboard.press("Backspace"), pause()]);
  });
  const arranging = await during(async () => {
    for (const g of ["name", "state"]) await Promise.all([group.selectOption(g), pause(500)]);
    for (const f of ["dnd", "all", "idle", "all"]) await Promise.all([page.locator(`.filter.${f}`).click(), pause(500)]);
    await group.selectOption("kind");
  });
  const palette = await during(async () => {
    await page.evaluate(() => document.activeElement.blur());
    for (const key of ["Control+k", ..."clara", "Escape"]) await Promise.all([page.keyboard.press(key), pause()]);
  });

  frames.sort((a, b) => a - b);
  const at = (q) => frames[Math.floor((frames.length - 1) * q)] ?? 0;
  const longest = (list) => Math.max(0, ...list);
  console.log(
    JSON.stringify({
      changesPerSecond: Math.round(rate),
      shown,
      failed,
      frames: frames.length,
      medianFrame: at(0.5),
      p99Frame: at(0.99),
      longTasksLoading: loading.length,
      longestTaskLoading: longest(loading),
      longTasks: tasks.length,
      longestTask: longest(tasks),
      longTasksTyping: typing.tasks.length,
      longestTaskTyping: longest(typing.tasks),
      longTasksArranging: arranging.tasks.length,
      longestTaskArranging: longest(arranging.tasks),
      longTasksPalette: palette.tasks.length,
      longestTaskPalette: longest(palette.tasks),
    }),
  );
} finally {
  await browser.close();
  await farhook.stop();
}
