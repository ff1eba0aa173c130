// How smoothly the board runs: 10,000 lines, some 200 changes a second, everything real. The page's own performance entries tell of long tasks
// (50 ms and more) and of frames; what was changed and seen is counted, so that an idle page doesn't pass for a quick one.

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
  await page.addInitScript(() => localStorage.setItem("farhook.settings", JSON.stringify({ phone: "tel:+15551001", asked: true })));
  await page.goto(farhook.url);
  await page.waitForSelector('[data-link="live"]', { state: "attached" });
  await page.waitForTimeout(2000);
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
  const began = Date.now();
  let changed = 0;
  let flying = 0;
  let failed = 0;
  while (Date.now() - began < seconds * 1000) {
    const due = ((Date.now() - began) / 1000) * perSecond;
    for (; changed < due && flying < 64; changed++) {
      const line = 1001 + ((changed * 7) % 10_000);
      flying++;
      fetch(`${farhook.url}api/v1/devices/${line}/do-not-disturb`, {
        method: "PUT",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ on: true }),
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
  await page.waitForTimeout(500);
  const { tasks, frames } = await page.evaluate(() => window.seen);
  const shown = Number((await page.locator(".filter.dnd .number").innerText()).replace(/\D/g, ""));
  frames.sort((a, b) => a - b);
  const at = (q) => frames[Math.floor((frames.length - 1) * q)] ?? 0;
  console.log(
    JSON.stringify({
      changesPerSecond: Math.round((changed * 1000) / (Date.now() - began)),
      shown,
      failed,
      frames: frames.length,
      medianFrame: at(0.5),
      p99Frame: at(0.99),
      longTasks: tasks.length,
      longestTask: Math.max(0, ...tasks),
    }),
  );
} finally {
  await browser.close();
  await farhook.stop();
}
