// What anybody may read without signing in.
import { press } from "./hands.mjs";

export async function everybody({ eye, title, project }) {
  const page = await eye.window();
  await page.goto(`${eye.origin}/`);
  await eye.look(page, "front");
  await page.goto(`${eye.origin}/register`);
  await press(page, page.locator(`main a[href="${project.replace("/projects/", "/register/")}"]`, { hasText: title }));
  await page.getByText("University of Northfield").first().waitFor();
  await eye.look(page, "register-entry");
  for (const path of ["/register", "/ledger", "/check", "/latency", "/safe", "/choice"]) {
    await page.goto(`${eye.origin}${path}`);
    await page.getByText("DEMONSTRATION").first().waitFor();
    await eye.look(page, path.slice(1));
  }
  await eye.provoking(/status of 40[134]/, async () => {
    const answer = await page.goto(`${eye.origin}${project}`);
    if (answer.status() < 400 && !/sign-in|authorize/.test(page.url())) throw new Error("a project shows without signing in");
  });
  await page.context().close();
}
