// send.mjs sends forms as somebody does whose browser runs no script. It reads one
// JSON job a line from standard input, {"url","cookie","action","fields":{name:[values]}},
// opens the page, fills the form in, presses its button, and answers with one line
// {"status","to","type","body"} of what the server said to it, {"gone"} if the
// page has no such form any more, or {"wrong"}.
import { chromium } from "playwright-core";
import { createInterface } from "node:readline";
import { flags } from "./flags.mjs";

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: flags });

async function fill(page, form, id, name, values) {
  const quoted = JSON.stringify(name);
  for (const e of [...await form.locator(`[name=${quoted}]`).all(), ...(id ? await page.locator(`[form=${JSON.stringify(id)}][name=${quoted}]`).all() : [])]) {
    const is = await e.evaluate((x) => ({ tag: x.localName, type: x.type, value: x.value, off: x.disabled }));
    if (is.off || is.tag === "button" || is.type === "hidden" || is.type === "submit") continue;
    if (is.type === "checkbox" || is.type === "radio") {
      if (values.includes(is.value)) await e.check({ force: true });
    } else if (is.type === "file") {
      await e.setInputFiles({ name: "rows.csv", mimeType: "text/csv", buffer: Buffer.from("a,b\n1,2\n") });
    } else if (is.tag === "select") {
      await e.selectOption(values[0]);
    } else {
      await e.fill(values[0]);
    }
  }
}

async function send(job) {
  const context = await browser.newContext({ javaScriptEnabled: false });
  context.setDefaultTimeout(8000);
  try {
    const [name, ...value] = job.cookie.split("=");
    if (name) await context.addCookies([{ name, value: value.join("="), url: new URL(job.url).origin, httpOnly: true, sameSite: "Lax" }]);
    const page = await context.newPage();
    await page.goto(job.url, { timeout: 60000 });
    const closed = page.locator("main details:not([open]) > summary");
    for (let i = await closed.count(); i > 0; i--) await closed.first().click({ timeout: 3000 }).catch(() => {}); // one inside another comes later
    const action = JSON.stringify(job.action);
    let form = page.locator(`form[method=post i][action=${action}], form[method=post i]:has(button[formaction=${action}])`).first();
    if (!(await form.count())) return { gone: true };
    const id = await form.getAttribute("id");
    for (const [name, values] of Object.entries(job.fields)) await fill(page, form, id, name, values);
    const own = `button[formaction=${action}]:not([disabled])`, any = "button:not([type=button]):not([formaction]):not([disabled]), input[type=submit]";
    let button = form.locator(own).first();
    if (!(await button.count())) button = form.locator(any).first();
    if (!(await button.count()) && id) button = page.locator(`button[form=${JSON.stringify(id)}]`).first();
    const [answer] = await Promise.all([
      page.waitForResponse((r) => r.request().method() === "POST" && r.request().isNavigationRequest()),
      button.click({ noWaitAfter: true }),
    ]);
    const to = answer.headers().location ?? "", body = to ? "" : await answer.text();
    return { status: answer.status(), to, type: answer.headers()["content-type"] ?? "", body };
  } catch (e) {
    return { wrong: String(e).slice(0, 400) };
  } finally {
    await context.close();
  }
}

for await (const line of createInterface({ input: process.stdin })) console.log(JSON.stringify(await send(JSON.parse(line))));
await browser.close();
