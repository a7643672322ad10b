// forms.mjs reads one JSON job from standard input and submits forms in a
// browser that runs no script:
//   {"forms":[{"page","cookie","nth","action","method"}]}
// Each is opened, what it requires is filled in, and its first button is
// pressed. For each it prints one JSON line {"page","action","status","error"}.
import { chromium } from "playwright-core";
import { readFileSync, writeFileSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const job = JSON.parse(readFileSync(0, "utf8"));
const folder = mkdtempSync(join(tmpdir(), "ark-forms-"));
const file = join(folder, "rows.csv");
writeFileSync(file, "a,b\n1,2\n");
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"] });
const context = await browser.newContext({ javaScriptEnabled: false, acceptDownloads: true });
context.setDefaultTimeout(Number(process.env.ARK_PATIENCE ?? 60000));

// fill gives every field of the form that needs one a value, as a user would.
async function fill(form) {
  for (const field of await form.locator("input:not([type=hidden]), textarea, select").all()) {
    const is = await field.evaluate((e) => ({ tag: e.tagName, type: e.type, name: e.name, required: e.required, value: e.value, min: e.minLength, disabled: e.disabled,
      chosen: e.type === "radio" && [...e.form.elements].some((x) => x.type === "radio" && x.name === e.name && x.checked) }));
    if (is.disabled) continue;
    if (is.type === "file") await field.setInputFiles(file);
    else if (is.type === "radio") { if (!is.chosen) await field.check({ force: true }); }
    else if (is.type === "checkbox") { if (is.required) await field.check({ force: true }); }
    else if (is.tag === "SELECT") { if (!is.value) await field.evaluate((e) => { e.selectedIndex = e.options.length - 1; }); }
    else if (!is.value) await field.fill(is.type === "number" ? "1" : is.type === "date" ? "2027-01-31" : is.type === "email" ? "new@example.org" : "Typed into a page that runs no script.");
  }
}

for (const job_ of job.forms) {
  const said = { page: job_.page, action: job_.action, method: job_.method, status: 0, error: "" };
  const tab = await context.newPage();
  try {
    await context.clearCookies();
    if (job_.cookie) {
      const [name, ...value] = job_.cookie.split("=");
      await context.addCookies([{ name, value: value.join("="), url: job_.page, httpOnly: true, sameSite: "Lax" }]);
    }
    await tab.goto(job_.page, { waitUntil: "load" });
    const form = tab.locator("form").nth(job_.nth);
    for (const box of await form.locator("xpath=ancestor::details[not(@open)]").all()) await box.locator("summary").first().click();
    for (const box of await form.locator("details:not([open])").all()) await box.locator("summary").first().click();
    await fill(form);
    const sent = tab.waitForResponse((r) => r.request().method() === job_.method && r.request().isNavigationRequest());
    sent.catch(() => {});
    await form.locator("button:not([type=button]), input[type=submit]").first().click({ noWaitAfter: true });
    const answer = await sent;
    said.status = answer.status();
    said.to = new URL(answer.url()).pathname;
  } catch (e) {
    said.error = String(e).split("\n")[0];
  }
  console.log(JSON.stringify(said));
  await tab.close().catch(() => {});
}
await browser.close();
