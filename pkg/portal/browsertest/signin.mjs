// signin.mjs signs in at the demonstration's own provider, by pointing and by
// keyboard alone.
import { press, type } from "./hands.mjs";
import { tabTo } from "./eye.mjs";

// code types the code of the demonstration's authenticator, waiting for the
// next one when every code of this half minute was used.
async function code(page, press) {
  const shown = page.locator("#demo-code");
  for (let i = 0; !(await shown.count()); i++) {
    if (i > 40) throw new Error("no code came");
    await page.waitForTimeout(1000);
    await page.reload();
  }
  await press(await shown.textContent());
}

// signIn goes to a page of the portal through the sign-in. The demonstration's
// pages offer one button for each invented person.
export async function signIn(eye, page, user, to = "/home") {
  await page.goto(`${eye.origin}/sign-in?to=${encodeURIComponent(to)}`);
  await prove(eye, page, user);
}

// prove shows both factors, wherever the provider asks for them.
export async function prove(eye, page, user) {
  await press(page, page.locator(`button[name=as][value=${user}]`));
  if (await page.locator("#password").count()) {
    await press(page, page.locator("button[type=submit]"));
  }
  await page.locator("#code").waitFor();
  await code(page, async (digits) => {
    await type(page, page.locator("#code"), digits);
    await page.keyboard.press("Enter");
  });
  await page.waitForURL(`${eye.origin}/**`);
}

// signInByKeyboard uses no pointer: Tab, typing and Enter.
export async function signInByKeyboard(eye, page, user, password) {
  await page.goto(`${eye.origin}/sign-in`);
  await tabTo(page, "#user");
  await page.keyboard.type(user);
  await tabTo(page, "#password");
  await page.keyboard.type(password);
  await page.keyboard.press("Enter");
  await page.locator("#code").waitFor();
  await code(page, async (digits) => {
    await tabTo(page, "#code");
    await page.keyboard.type(digits);
    await page.keyboard.press("Enter");
  });
  await page.waitForURL(`${eye.origin}/**`);
}
