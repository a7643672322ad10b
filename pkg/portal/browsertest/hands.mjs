// hands.mjs works a page as somebody does who has no pointer: Tab and Shift+Tab to
// reach, Enter and Space to press, arrows to choose, letters to type. What is
// reached has to show that it has the focus; what is pressed has to be within a
// pointer's reach as well.

// place says where the focus is, seen from an element: on it, on another of its
// radio buttons, before it or after it; and whether it can be seen there.
function place(e) {
  const a = document.activeElement ?? document.body;
  const group = a.type === "radio" && e.type === "radio" && a.name === e.name && a.form === e.form;
  if (a !== e && !group) {
    const before = a === document.body || (a.compareDocumentPosition(e) & Node.DOCUMENT_POSITION_FOLLOWING);
    return { on: false, key: before ? "Tab" : "Shift+Tab" };
  }
  const shows = (c) => (c.outlineStyle !== "none" && c.outlineWidth !== "0px") || c.boxShadow !== "none";
  const parts = [getComputedStyle(a)];
  for (const near of [...(a.labels ?? [])]) parts.push(getComputedStyle(near, "::before"), getComputedStyle(near));
  return { on: true, self: a === e, seen: parts.some(shows) };
}

async function reach(page, locator, most = 300) {
  const target = locator.first();
  await target.waitFor();
  for (let i = 0; i < most; i++) {
    const at = await target.evaluate(place);
    if (at.on && !at.seen) throw new Error(`the focus on ${locator} cannot be seen`);
    if (at.on) return at.self;
    await page.keyboard.press(at.key);
  }
  throw new Error(`the keyboard does not reach ${locator} on ${page.url()}`);
}

// press presses a link or a button, and waits for the page that it leads to.
export async function press(page, locator) {
  await page.waitForLoadState("load"); // scripts of the page hear no key before
  await locator.first().click({ trial: true });
  await reach(page, locator);
  let asked = false, ended = false;
  const ask = (r) => { asked ||= r.isNavigationRequest() && r.frame() === page.mainFrame(); };
  const end = (x) => { ended ||= x === page.mainFrame() || Boolean(x.suggestedFilename); };
  page.on("request", ask).on("framenavigated", end).on("download", end);
  await page.keyboard.press("Enter");
  for (let i = 0; i < 10 && !asked && !ended; i++) await page.waitForTimeout(100);
  for (let i = 0; i < 300 && asked && !ended; i++) await page.waitForTimeout(100);
  page.off("request", ask).off("framenavigated", end).off("download", end);
  await page.waitForLoadState("load");
}

// type replaces what stands in a field.
export async function type(page, locator, text) {
  await reach(page, locator);
  if (/^\d{4}-\d\d-\d\d$/.test(text) && (await locator.first().getAttribute("type")) === "date") {
    const [y, m, d] = text.split("-");
    await page.keyboard.type(m + d + y); // in the order of the browser's own language
  } else {
    await page.keyboard.press("Control+A");
    await page.keyboard.type(text);
  }
  const is = await locator.first().inputValue();
  if (is !== text) throw new Error(`${locator} holds ${JSON.stringify(is)} after ${JSON.stringify(text)} was typed`);
}

// tick ticks a checkbox or chooses a radio button.
export async function tick(page, locator) {
  for (let self = await reach(page, locator), i = 0; !self; i++) {
    if (i > 20) throw new Error(`the arrows do not reach ${locator}`);
    await page.keyboard.press("ArrowDown");
    self = (await locator.first().evaluate(place)).self;
  }
  if (!(await locator.first().isChecked())) await page.keyboard.press("Space");
  if (!(await locator.first().isChecked())) throw new Error(`${locator} is not ticked`);
}
