// eye.mjs watches people's browsers: one window for each user, everything that
// goes wrong in any of them, accessibility of each page looked at, and pictures.
import { flags } from "./flags.mjs";
import { chromium } from "playwright-core";
import axe from "axe-core";
import { mkdirSync } from "node:fs";

const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const policy = /Content Security Policy|Trusted(HTML|Script)|Refused to|\[policy\]/;

export class Eye {
  constructor(origin, folder) {
    this.origin = origin;
    this.folder = folder;
    this.wrong = []; // what fails the walk
    this.minor = []; // what is only told
    this.expected = []; // patterns of errors that the step in hand provokes
    this.tolerated = []; // {where, what}: errors of programs that are not Ark's
    this.at = "the start";
    this.seen = 0;
    this.shots = 0;
    mkdirSync(folder, { recursive: true });
  }

  async open() {
    this.browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: flags });
  }

  close() { return this.browser?.close(); }

  // window opens a window of its own, with no cookie of anybody else's.
  async window(size = { width: 1280, height: 900 }) {
    const context = await this.browser.newContext({ viewport: size, acceptDownloads: true, locale: "en-GB" });
    context.setDefaultTimeout(45000);
    await context.addInitScript(() => addEventListener("securitypolicyviolation",
      (e) => console.error(`[policy] ${e.effectiveDirective} stopped ${e.blockedURI} at ${e.sourceFile}:${e.lineNumber}`)));
    context.on("page", (page) => this.watch(page));
    return context.newPage();
  }

  watch(page) {
    page.on("console", (m) => {
      if (m.type() === "error" || policy.test(m.text())) this.bad(m.location().url || page.url(), `console: ${m.text()}`);
    });
    page.on("pageerror", (e) => this.bad(page.url(), `script: ${e}`));
    page.on("response", (r) => { if (r.status() >= 500) this.bad(r.url(), `status ${r.status()}`); });
    page.on("requestfailed", (r) => {
      const why = r.failure()?.errorText ?? "";
      if (why !== "net::ERR_ABORTED") this.bad(r.url(), `request failed: ${why}`); // aborted: a download, or a page left early
    });
    page.on("crash", () => this.bad(page.url(), "the page crashed"));
  }

  bad(url, what) {
    if (this.expected.some((x) => x.test(what))) return;
    if (this.tolerated.some((x) => x.where.test(url) && x.what.test(what))) return;
    this.wrong.push(`${this.at}: ${what} (${new URL(url, this.origin).pathname})`);
  }

  // provoking runs do, in which errors like the pattern are right.
  async provoking(pattern, act) {
    this.expected.push(pattern);
    try { await act(); } finally { this.expected.pop(); }
  }

  // look checks the page for accessibility and takes its picture.
  async look(page, name, { judge = true } = {}) {
    this.seen++;
    const said = this.at;
    this.at = name;
    await page.evaluate(axe.source); // outside the page's policy, as a developer's tools are
    const result = await page.evaluate((runOnly) => globalThis.axe.run(document, { runOnly, iframes: false }), rules);
    for (const v of result.violations) {
      const line = `${name}: axe ${v.impact} ${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => n.target.join(" ")).join(" | ")}`;
      (judge && ["serious", "critical"].includes(v.impact) ? this.wrong : this.minor).push(line);
    }
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth + 1);
    if (judge && wide) this.wrong.push(`${name}: wider than the screen`);
    await page.screenshot({ path: `${this.folder}/${String(++this.shots).padStart(2, "0")}-${name}.png`, fullPage: true });
    this.at = said;
  }

  // narrow takes the picture of the page on a telephone, 390 pixels wide.
  async narrow(page, name) {
    const was = page.viewportSize();
    await page.setViewportSize({ width: 390, height: 844 });
    for (const frame of await page.locator("iframe").all()) await frame.scrollIntoViewIfNeeded(); // it draws only in sight
    await page.waitForTimeout(400);
    await this.look(page, `${name}-390`);
    await page.setViewportSize(was);
  }

  // picture keeps the window as one of the README's pictures.
  async picture(page, folder, name) {
    if (!folder) return;
    await page.evaluate(() => scrollTo(0, 0));
    await page.screenshot({ path: `${folder}/${name}.png` });
  }
}

// tabTo presses Tab until the element has the focus, and fails if it never does
// or if the focus cannot be seen.
export async function tabTo(page, selector, most = 120) {
  for (let i = 0; i < most; i++) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate((s) => {
      const e = document.activeElement;
      if (!e?.matches(s)) return "";
      const c = getComputedStyle(e);
      return c.outlineStyle !== "none" || c.boxShadow !== "none" ? "seen" : "unseen";
    }, selector);
    if (at === "seen") return;
    if (at === "unseen") throw new Error(`the focus on ${selector} cannot be seen`);
  }
  throw new Error(`the keyboard does not reach ${selector}`);
}

// pressAndGo presses a key that leads to another page. The page's scripts hear no
// key before it is loaded.
export async function pressAndGo(page, key) {
  await page.waitForLoadState("load");
  await Promise.all([page.waitForNavigation(), page.keyboard.press(key)]);
}

// until asks again, loading the page anew, until what is there or time is up.
export async function until(page, what, there, seconds = 60) {
  const end = Date.now() + seconds * 1000;
  while (!(await there())) {
    if (Date.now() > end) throw new Error(`${what} did not come within ${seconds} s, at ${page.url()}`);
    await page.waitForTimeout(700);
    await page.reload();
  }
}
