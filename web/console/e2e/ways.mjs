// The same work by mouse, by keyboard alone, and by touch.

import { call, lift, tile } from "./harness.mjs";

/** The same work in three ways: what does an action, names somebody, and takes back. */
export const ways = {
  mouse: {
    options: {},
    act: (p, wanted, action) => call(p, wanted).locator(`[data-action="${action}"]`).click(),
    async whom(p, extension) {
      await p.locator(`dialog [role="option"] >> text="${extension}"`).click();
    },
    async dial(p, extension) {
      await p.locator("[data-dial] input").fill(extension);
      await p.locator("[data-dial] button").click();
    },
    back: (p) => p.locator('[data-sent] [data-do="undo"], [data-sent] [data-do="takeBack"]').first().click(),
    async pickUp(p, extension) {
      await tile(p, extension).click();
      await p.locator('aside [data-do="pickUp"]').click();
    },
    async through(p, extension) {
      await tile(p, extension).click();
      await p.locator('aside [data-do="through"]').click();
    },
    digits: (p, keys) =>
      p
        .locator("dialog input")
        .fill(keys)
        .then(() => p.locator("dialog .button.primary").click()),
  },
  keyboard: {
    options: {},
    keys: {
      hold: "h",
      resume: "h",
      hangUp: "e",
      consult: "c",
      transfer: "t",
      transferNow: "x",
      swap: "s",
      conference: "j",
      park: "k",
      join: "n",
      deflect: "f",
      answer: "a",
      digits: "g",
      move: "m",
      voicemail: "v",
    },
    act: (p, _, action) => p.keyboard.press(ways.keyboard.keys[action]),
    async whom(p, extension) {
      await p.locator("dialog input").waitFor();
      await p.keyboard.type(extension);
      await p.locator("dialog [role=option]").first().waitFor();
      await p.keyboard.press("Enter");
    },
    async dial(p, extension) {
      await p.keyboard.press("d");
      await p.keyboard.type(extension);
      await p.keyboard.press("Enter");
    },
    back: (p) => p.keyboard.press("u"),
    async pickUp(p) {
      await p.keyboard.press("p");
      await p.locator("dialog [role=option]").first().waitFor();
      await p.keyboard.press("Enter");
    },
    async through(p, extension) {
      await p.keyboard.press("b");
      await ways.keyboard.whom(p, extension);
    },
    async digits(p, keys) {
      await p.locator("dialog input").waitFor();
      await p.keyboard.type(keys);
      await p.keyboard.press("Enter");
    },
  },
  touch: {
    options: { hasTouch: true, isMobile: true, viewport: { width: 820, height: 1180 } },
    act: (p, wanted, action) => call(p, wanted).locator(`[data-action="${action}"]`).tap(),
    async whom(p, extension) {
      await p.locator(`dialog [role="option"] >> text="${extension}"`).tap();
    },
    async dial(p, extension) {
      await p.locator("[data-dial] input").fill(extension);
      await p.locator("[data-dial] button").tap();
    },
    back: (p) => p.locator('[data-sent] [data-do="undo"], [data-sent] [data-do="takeBack"]').first().tap(),
    async pickUp(p, extension) {
      await tile(p, extension).tap();
      await p.locator('aside [data-do="pickUp"]').tap();
      await p.locator("aside .icon").tap();
    },
    async through(p, extension) {
      await tile(p, extension).tap();
      await p.locator('aside [data-do="through"]').tap();
      await p.locator("aside .icon").tap();
    },
    digits: (p, keys) =>
      p
        .locator("dialog input")
        .fill(keys)
        .then(() => p.locator("dialog .button.primary").tap()),
  },
};

/** A call from 1005 to 1002 that has been answered. */
export async function talk(p, way) {
  await way.dial(p, "1002");
  await call(p, "calling").waitFor();
  await lift(1002);
  await call(p, "talking").waitFor();
}
