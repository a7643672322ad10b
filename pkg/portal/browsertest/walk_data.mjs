// The data side of the main job: what arrived, how well, who is who, what is published.
import { press } from "./hands.mjs";
import { signIn } from "./signin.mjs";

export async function dataEngineer({ eye }) {
  const page = await eye.window();
  await page.goto(`${eye.origin}/sign-in`);
  await eye.look(page, "sign-in");
  await eye.narrow(page, "sign-in");
  await signIn(eye, page, "erin");
  await eye.look(page, "engineer-home");
  await press(page, page.getByRole("link", { name: "Sources and deliveries" }));
  await eye.look(page, "sources");
  await press(page, page.locator("main").getByRole("link", { name: "Emergency attendances" }));
  await eye.look(page, "source");
  await press(page, page.locator("main a[href*='/deliveries/']"));
  await page.getByRole("heading", { name: "Rows set aside" }).waitFor();
  await page.getByText("Conformance").first().waitFor();
  await eye.look(page, "delivery-quality");
  await page.goto(`${eye.origin}/linkage`);
  await press(page, page.locator("main a[href^='/linkage/']"));
  await eye.look(page, "linkage-run");
  await page.goto(`${eye.origin}/datasets`);
  await page.getByText("Emergency attendances").first().waitFor();
  await eye.look(page, "datasets-to-publish");
  await page.context().close();
}
