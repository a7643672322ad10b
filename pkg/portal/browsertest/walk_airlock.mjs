// The airlock: what must not leave is blocked, two checkers who do not see each
// other look at the rest, and it leaves once, signed.
import { readFileSync } from "node:fs";
import { press, tick, type } from "./hands.mjs";
import { pressAndGo, tabTo, until } from "./eye.mjs";
import { prove, signIn, signInByKeyboard } from "./signin.mjs";

export async function submit(walk) {
  const { eye, amina: page } = walk;
  await page.goto(`${eye.origin}${walk.workspace}`);
  await press(page, page.getByRole("link", { name: "Submit files for release" }).or(page.getByRole("button", { name: "Submit files for release" })));
  await choose(page, "small.csv");
  await type(page, page.getByLabel("A name for these files"), "Attendances by deprivation and sex");
  await type(page, page.getByLabel("What is it, and what is it for?"), "People with at least one attendance, by deprivation and sex, for the report to the alcohol board.");
  await type(page, page.getByLabel("Who is in it?"), "Everybody in the extract with an attendance; at least 20 people in each row.");
  await type(page, page.getByLabel("How many people stand behind the smallest number?"), "20");
  await type(page, page.getByLabel("What did you do so that nobody can be recognised?"), "Counts under 20 are left out, the rest is rounded to the nearest 5.");
  await type(page, page.getByLabel("Has anything like it been released before?"), "No. It is the first output of this project.");
  await eye.look(page, "submit");
  await press(page, page.getByRole("button", { name: "Submit", exact: true }));
  await page.waitForURL(/\/outputs\//);
  walk.request = new URL(page.url()).pathname;
  await until(page, "the automatic checks", () => page.getByText("Must not leave").count());
  const places = await page.locator(".ark-finding").allTextContents();
  if (!places.some((x) => /(cell|line) \S*\d/.test(x))) throw new Error(`no finding says where it is: ${places}`);
  await eye.look(page, "blocked");
  await press(page, page.locator("main").getByRole("link", { name: "small.csv" }));
  await eye.look(page, "blocked-file");
  await page.goto(`${eye.origin}${walk.request}/resubmit`);
  await choose(page, "rounded.csv");
  await type(page, page.getByLabel("What did you change?"), "The small counts are gone; deprivation is in fifths, and everything is rounded to 5.");
  await eye.look(page, "resubmit");
  await press(page, page.getByRole("button", { name: "Submit again" }));
  await page.waitForURL(`**${walk.request}`);
  await until(page, "the automatic checks", () => page.getByText("output checkers look at it").count());
  await eye.look(page, "submitted");
}

const choose = (page, name) => tick(page, page.locator(`input[name=output][value="${name}"]`));

// review is done by keyboard alone, from the sign-in on.
export async function review(walk) {
  walk.checkers = {};
  for (const user of ["chloe", "dev"]) {
    const { eye } = walk;
    const page = walk.checkers[user] = await eye.window();
    await signInByKeyboard(eye, page, user, "demonstration only");
    await page.goto(`${eye.origin}/queue`);
    await eye.look(page, `${user}-queue`);
    await tabTo(page, `main a[href="${walk.request.replace("/outputs/", "/queue/")}"]`);
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/queue\/req_/);
    const frame = page.frameLocator("iframe.ark-view");
    await frame.getByText("people").first().waitFor();
    const sandbox = await page.locator("iframe.ark-view").getAttribute("sandbox");
    if (sandbox !== "") throw new Error(`the viewer's frame may do: ${sandbox}`);
    await eye.look(page, `${user}-review`);
    if (user === "chloe") {
      await eye.picture(page, walk.pictures, "checker");
      await eye.narrow(page, "review");
      await page.waitForLoadState("load");
      await page.keyboard.press("c");
      await page.keyboard.type("Please name the year in the title.");
      await tabTo(page, "#comment button, form[action$='/comment'] button");
      await page.keyboard.press("Enter");
      await page.locator(".ark-comment", { hasText: "Please name the year" }).waitFor();
    } else if (await page.getByText("Please name the year").count()) {
      throw new Error("one checker's comment shows to the other before both have finished");
    }
    await pressAndGo(page, "a");
    await page.getByText("You approve").first().waitFor();
    await tabTo(page, "form[action$='/finish'] button");
    await pressAndGo(page, "Enter");
    await page.getByText(user === "chloe" ? "You have finished." : "Open phase").first().waitFor();
    await eye.look(page, `${user}-finished`);
  }
}

export async function release(walk) {
  const { eye } = walk;
  const page = walk.checkers.chloe;
  await page.goto(`${eye.origin}${walk.request.replace("/outputs/", "/queue/")}`);
  await page.getByText("Open phase").first().waitFor();
  await eye.look(page, "open-phase");
  await page.goto(`${page.url()}/release`);
  await eye.look(page, "release");
  await press(page, page.getByRole("button", { name: "Release all files" }));
  await prove(eye, page, "chloe"); // shown for this release alone, which then goes on by itself
  await page.waitForURL(/\/queue\/req_[^/]+$/);
  const amina = walk.amina;
  await amina.goto(`${eye.origin}${walk.request}`);
  await until(amina, "the release", () => amina.getByText("Go to the release").count());
  await press(amina, amina.getByText("Go to the release"));
  await eye.look(amina, "release-record");
  const [bundle] = await Promise.all([amina.waitForEvent("download"), press(amina, amina.getByText("Download the bundle"))]);
  const bytes = readFileSync(await bundle.path());
  if (bytes.subarray(0, 2).toString() !== "PK") throw new Error(`the download ${bundle.suggestedFilename()} is no bundle`);
  await amina.goto(`${eye.origin}${walk.project}`);
  await eye.look(amina, "project-after-release");
}
