// passkey.mjs registers a passkey in a real Chromium with a virtual
// authenticator, signs in and steps up with it, and finds that it is of no use
// once it is revoked or the user is not verified: node passkey.mjs ORIGIN ID FOLDER
import { Eye } from "./eye.mjs";

const [origin, id, folder] = process.argv.slice(2);
const eye = new Eye(origin, folder);
const expect = (is, says) => { if (!is) throw new Error(says); };

async function password(page) {
  await page.locator("button[name=as][value=chloe]").click();
  await page.getByRole("button", { name: "Continue" }).click();
  await page.locator("#code").waitFor();
}

async function passkey(page) {
  await password(page);
  await page.getByRole("link", { name: "Use a passkey" }).click();
  await page.locator("button[type=submit]:enabled").waitFor();
  await eye.look(page, "use-a-passkey");
  await page.getByRole("button", { name: "Use a passkey" }).click();
}

await eye.open();
try {
  const page = await eye.window();
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("WebAuthn.enable");
  const { authenticatorId } = await cdp.send("WebAuthn.addVirtualAuthenticator", { options: {
    protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true } });
  await page.goto(`${id}/passkeys`);
  await password(page);
  await page.locator("#code").fill(await page.locator("#demo-code").textContent());
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL(`${id}/passkeys`);
  await eye.look(page, "passkeys-none");
  await page.getByLabel("Name").fill("Work laptop");
  await page.getByRole("button", { name: "Add a passkey" }).click();
  await page.getByRole("cell", { name: "Work laptop", exact: true }).waitFor();
  await eye.look(page, "passkeys-one");
  const { credentials } = await cdp.send("WebAuthn.getCredentials", { authenticatorId });
  expect(credentials.length === 1 && credentials[0].rpId === new URL(id).hostname && credentials[0].isResidentCredential, `made ${JSON.stringify(credentials)}`);
  console.log("ok  registered");

  for (const way of ["sign-in", "step-up"]) {
    await page.goto(`${origin}/${way}`);
    await passkey(page);
    await page.waitForURL(`${origin}/**`);
    const said = await page.locator("#proof").textContent();
    expect(said === `chloe pwd hwk two-factors=true step-up=${way === "step-up"}`, `${way}: ${said}`);
    console.log(`ok  ${way}`);
  }

  await cdp.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: false });
  await page.goto(`${origin}/step-up`);
  await passkey(page);
  await page.getByText("Your browser gave no passkey").waitFor();
  await cdp.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: true });
  console.log("ok  not without verifying the user");

  await page.goto(`${id}/passkeys`);
  await page.getByRole("button", { name: "Revoke Work laptop" }).click();
  await page.getByText("You have none yet.").waitFor();
  await page.goto(`${origin}/step-up`);
  await eye.provoking(/422/, async () => {
    await passkey(page);
    await page.getByRole("alert").getByText("is not right").waitFor();
  });
  console.log("ok  not once revoked");
} catch (e) {
  for (const context of eye.browser.contexts()) for (const p of context.pages()) await p.screenshot({ path: `${folder}/failed.png` }).catch(() => {});
  eye.wrong.push(String(e.stack ?? e));
}
await eye.close();
for (const line of eye.wrong) console.log(`WRONG  ${line}`);
process.exit(eye.wrong.length ? 1 : 0);
