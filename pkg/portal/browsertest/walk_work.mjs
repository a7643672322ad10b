// Inside the workspace: the SQL page and JupyterLab, each in a tab of the
// workspace's own origin.
import { press, type } from "./hands.mjs";

const persons = "emergency_care__person", attendances = "emergency_care__attendances";
const tables = {
  "small.csv": `SELECT imd_decile, sex, count(DISTINCT person) AS people
FROM ${attendances} JOIN ${persons} USING (person)
WHERE alcohol_related = 'Y' GROUP BY ALL ORDER BY ALL`,
  "rounded.csv": `SELECT 'quintile ' || (imd_decile + 1) // 2 AS deprivation, sex,
  CAST(5 * round(count(DISTINCT person) / 5) AS INTEGER) AS people
FROM ${attendances} JOIN ${persons} USING (person)
WHERE sex IN ('F', 'M') AND imd_decile IS NOT NULL
GROUP BY ALL HAVING count(DISTINCT person) >= 20 ORDER BY ALL`,
};

export async function work(walk) {
  const { eye, amina: page } = walk;
  await page.goto(`${eye.origin}${walk.project}`);
  await press(page, page.getByRole("button", { name: "Open a workspace" }));
  await page.waitForURL(/\/workspaces\//);
  walk.workspace = new URL(page.url()).pathname;
  await eye.look(page, "workspace-being-made");
  await page.locator("a.ark-app").first().waitFor({ timeout: 150000 }); // the page shows it by itself
  await page.reload();
  await eye.look(page, "workspace");
  await sql(walk, page);
  await jupyter(walk, page);
  await page.goto(`${eye.origin}${walk.workspace}`);
  for (const name of Object.keys(tables)) await page.getByRole("rowheader", { name }).waitFor();
  await eye.look(page, "workspace-outbox");
  await eye.picture(page, walk.pictures, "researcher");
  await eye.narrow(page, "workspace-outbox");
}

async function enter(page, name) {
  const opened = page.waitForEvent("popup");
  await press(page, page.getByRole("link", { name: new RegExp(`^${name}`) }));
  return opened;
}

async function sql({ eye }, page) {
  const tab = await enter(page, "SQL");
  await tab.locator("#tables details").first().waitFor({ timeout: 60000 });
  if (new URL(tab.url()).origin === eye.origin) throw new Error("the workspace has the portal's origin");
  const run = async (text) => {
    await type(tab, tab.locator("#sql"), text);
    await tab.keyboard.press("Control+Enter");
  };
  for (const [name, text] of Object.entries(tables)) {
    await run(text);
    await tab.getByText(/^Done in/).waitFor();
    await type(tab, tab.locator("#name"), name);
    await press(tab, tab.getByRole("button", { name: "Save to outbox" }));
    await tab.getByText(`Saved ${name} to the outbox`).waitFor();
    await eye.look(tab, `sql-${name.replace(".csv", "")}`);
  }
  await eye.provoking(/Failed to load resource: the server responded with a status of 4\d\d/, async () => {
    await run("SELECT * FROM read_text('/etc/passwd')");
    await tab.locator("#problem:not([hidden])").waitFor();
  });
  await eye.look(tab, "sql-refused");
  await tab.close();
}

async function jupyter({ eye }, page) {
  const tab = await enter(page, "JupyterLab");
  await tab.locator(".jp-Launcher-body").waitFor({ timeout: 120000 });
  await tab.getByText("Python 3").first().waitFor();
  await eye.look(tab, "jupyterlab", { judge: false }); // its accessibility is Jupyter's own
  await tab.close();
}
