// hostile.mjs lets pages of a workspace try to speak out. It reads one JSON job
// from standard input: {"portal","tickets","sinkPort","ways":["name"]}, where
// tickets gives a one-time address of a workspace. It prints {"planted"}: cookies
// that a page of one workspace planted and another origin sees.
import { chromium } from "playwright-core";
import { readFileSync } from "node:fs";

const job = JSON.parse(readFileSync(0, "utf8"));
const flags = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
  "--disable-features=AsyncDns,DnsOverHttps"];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: flags });
const settle = (tab) => tab.waitForTimeout(900);

const host = (address) => new URL(address).origin;
// arrive opens a page whatever another navigation of the tab still does: a
// redirect that was slow to begin ends the one that comes after it.
const arrive = async (tab, address) => {
  for (let left = 5; ; left--) {
    try { return await tab.goto(address, { waitUntil: "load" }); } catch (e) { if (!left) throw e; }
    await tab.waitForTimeout(500);
  }
};
const ticket = async (of) => (await fetch(`${job.tickets}/?of=${of}`)).text();
const ran = async (way) => (await (await fetch(`${job.tickets}/?ran=${way}`)).text()) === "yes";
if (job.read) {
  const tab = await browser.newPage();
  await tab.goto(job.read).catch(() => {});
  await tab.waitForTimeout(100);
  await tab.goto(host(job.read) + "/jupyter/lab", { waitUntil: "load" });
  const got = await tab.evaluate(async () => {
    const began = performance.now();
    let rows = 0, status = 200;
    const reader = async () => {
      while (status === 200) {
        const answer = await fetch("/jupyter/lab?rows=1").catch(() => null);
        if (!answer || answer.status !== 200) { status = answer ? answer.status : status === 200 ? -1 : status; break; }
        const text = await answer.text().catch(() => "");
        rows += text.split("\n").length - 1;
      }
    };
    await Promise.all([1, 2, 3, 4, 5, 6].map(reader));
    const last = await fetch("/jupyter/lab?rows=1").catch(() => null);
    return { rows, status: last ? last.status : status, seconds: (performance.now() - began) / 1000 };
  });
  await browser.close();
  console.log(JSON.stringify(got));
  process.exit(0);
}
let planted = "";
const todo = [...job.ways];
const one = async (way) => {
  const context = await browser.newContext();
  const tab = await context.newPage();
  // The user is signed in at the portal, and opened the workspace from it.
  await arrive(tab, job.portal + "/home");
  const enter = await ticket("a");
  await tab.goto(enter, { waitUntil: "load" }).catch(() => {});
  await tab.waitForURL((at) => at.origin === host(enter), { timeout: 30000 });
  // The page says that it ran before it does anything; some go elsewhere at once.
  for (let left = 3; left && !(await ran(way)); left--) {
    await tab.goto(host(enter) + "/jupyter/lab?way=" + way, { waitUntil: "commit" }).catch(() => {});
    for (let i = 0; i < 60 && !(await ran(way)); i++) await tab.waitForTimeout(100);
  }
  await settle(tab);
  if (way === "cookie-of-the-portal") {
    const other = await context.newPage();
    await other.goto(await ticket("b"), { waitUntil: "load" }).catch(() => {});
    planted += await other.evaluate(() => document.cookie).catch(() => "");
    await arrive(other, job.portal + "/home");
    const seen = (await other.locator("body").innerText()).trim();
    if (seen !== "the-portals") planted += " portal: " + seen;
  }
  await context.close();
};
await Promise.all([1, 2, 3, 4].map(async () => { for (let way; (way = todo.shift());) await one(way); }));
// The control: a page with no policy reaches both sinks.
const context = await browser.newContext();
const tab = await context.newPage();
const sink = job.sinkPort;
await tab.goto(`http://control.sink.example:${sink}/`).catch(() => {});
await settle(tab);
await context.close();
await browser.close();
console.log(JSON.stringify({ planted }));
