// look.mjs reads one JSON job from standard input and looks at pages:
//   {"pages":[{"name","url","cookie","steps":[{"press","leads","expect"}]}], "shots":"folder", "axe":true, "sizes":{"desktop":[1280,900],"phone":[375,812]}}
// For each page and size it prints one JSON line {"name","size","errors":[…],"axe":[…],"overflow":bool}.
// It exits 1 when any page has an error, a policy violation, an axe finding or
// is wider than the screen.
import { flags } from "./flags.mjs";
import { chromium } from "playwright-core";
import axe from "axe-core";
import { readFileSync, mkdirSync } from "node:fs";

const job = JSON.parse(readFileSync(0, "utf8"));
const sizes = job.sizes ?? { desktop: [1280, 900], phone: [375, 812], zoom: [640, 450] }; // zoom: what 200 % leaves of a desktop
if (job.shots) mkdirSync(job.shots, { recursive: true });

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: flags });
let bad = 0;
const context = await browser.newContext({ bypassCSP: false, javaScriptEnabled: job.script !== false });
for (const page of job.pages) {
  if (page.cookie) {
    await context.clearCookies();
    const [name, ...value] = page.cookie.split("=");
    await context.addCookies([{ name, value: value.join("="), url: page.url, httpOnly: true, sameSite: "Lax" }]);
  }
  const tab = await context.newPage();
  let errors = [];
  tab.on("console", (m) => { if (m.type() === "error" || /Content Security Policy|Trusted/.test(m.text())) errors.push(m.text()); });
  tab.on("pageerror", (e) => errors.push(String(e)));
  tab.on("requestfailed", (r) => errors.push(`request failed: ${new URL(r.url()).pathname}`));
  let first = true;
  for (const [size, [width, height]] of Object.entries(sizes)) { // loaded once, then made as narrow as a phone
    if (!first && page.plain) break;
    await tab.setViewportSize({ width, height });
    const want = page.status ?? 200;
    if (first) {
      const answer = await tab.goto(page.url, { waitUntil: "load", timeout: 60000 });
      for (const step of page.steps ?? []) {
        if (step.press) {
          const moved = step.leads ? tab.waitForNavigation({ timeout: 30000 }) : null;
          await tab.keyboard.press(step.press);
          await moved;
        }
        if (step.expect) {
          const there = await tab.locator(step.expect).first().waitFor({ state: "attached", timeout: 15000 }).then(() => true, () => false);
          if (!there) errors.push(`after ${JSON.stringify(step.press ?? "")}: no ${step.expect}`);
        }
      }
      const status = answer?.status();
      if (status !== want) errors.push(`status ${status}, want ${want}`);
    }
    let overflow = false;
    for (let i = 0; job.script !== false && i < 20; i++) { // the menu folds a moment after the window is narrowed
      overflow = await tab.evaluate(() => new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(() => r(document.documentElement.scrollWidth > document.documentElement.clientWidth + 1)))));
      if (!overflow) break;
      await tab.waitForTimeout(100);
    }
    let found = [];
    if (job.axe && job.script !== false && first) {
      // playwright evaluates in an isolated way that the page's policy does not bind
      await tab.evaluate(axe.source);
      const result = await tab.evaluate(() => axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
      found = result.violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => n.target.join(" ")).join(" | ")}`);
    }
    if (job.shots && page.window) await tab.waitForTimeout(300); // frames draw after the load
    if (job.shots) await tab.screenshot({ path: `${job.shots}/${page.name}-${size}.png`, fullPage: !page.window });
    const noise = want >= 400 ? errors.filter((e) => !/Failed to load resource/.test(e)) : errors;
    if (noise.length || found.length || overflow) bad++;
    console.log(JSON.stringify({ name: page.name, size, errors: noise, axe: found, overflow }));
    errors = [];
    first = false;
  }
  await tab.close();
}
await context.close();
await browser.close();
process.exit(bad ? 1 : 0);
