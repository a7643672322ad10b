// From the catalogue to the permit: the researcher fills every form by its
// labels, and each custodian decides on their own page.
import { press, tick, type } from "./hands.mjs";
import { until } from "./eye.mjs";
import { signIn } from "./signin.mjs";

const go = (page, name) => press(page, page.getByRole("button", { name, exact: true }));

export async function apply(walk) {
  const { eye } = walk;
  const page = walk.amina = await eye.window();
  await signIn(eye, page, "amina");
  await eye.look(page, "researcher-home");
  await page.goto(`${eye.origin}/catalogue`);
  await eye.look(page, "catalogue");
  await press(page, page.locator("main").getByRole("link", { name: "Emergency attendances" }));
  await eye.look(page, "dataset");
  await eye.narrow(page, "dataset");
  walk.dataset = page.url();
  await page.goto(`${walk.dataset.split("#")[0]}/feasibility`);
  await type(page, page.getByLabel("Rows of attendances"), "alcohol_related = 'Y'");
  await eye.look(page, "feasibility");
  await go(page, "Ask");
  await page.getByText("reached by this filter, rounded").waitFor({ timeout: 60000 }); // it comes by itself
  await eye.look(page, "feasibility-answer");
  await page.goto(`${eye.origin}/projects/new`);
  await type(page, page.locator("main input[type=text]"), walk.title);
  await press(page, page.locator("main form button"));
  await page.waitForURL(/\/projects\/prj_/);
  walk.project = page.url().match(/\/projects\/prj_[0-9a-z]+/)[0];
  await eye.look(page, "project-draft");
  await form(walk, page);
  await page.goto(`${eye.origin}${walk.project}/application/check`);
  await page.getByText("alcohol_related").first().waitFor();
  await eye.look(page, "check-answers");
  await go(page, "Submit to the custodians");
  await page.waitForURL(`**${walk.project}`);
  await until(page, "the assessment", () => page.getByText("In review").count(), 90);
  await eye.look(page, "project-in-review");
}

// form fills the five parts of the application, beginning at its task list.
async function form(walk, page) {
  const tasks = `${walk.eye.origin}${walk.project}/application`;
  const part = async (name, fill) => {
    await page.goto(tasks);
    await press(page, page.getByRole("link", { name }));
    await fill();
    await walk.eye.look(page, `form-${name.replace(/^\d. /, "").toLowerCase().replace(" ", "-")}`);
    await go(page, "Save and go on");
    await page.waitForURL(tasks);
  };
  await part("1. Safe project", async () => {
    await type(page, page.getByLabel("What you want to find out, in plain words"), "How often alcohol plays a part in visits to emergency departments, and in which parts of the region, so that help can be offered where it is needed.");
    await type(page, page.getByLabel("How the public gains from it"), "Services can place support where people need it. The council’s public health team acts on the result.");
    await type(page, page.getByLabel("How you will do it"), "Counts and rates of attendances by deprivation and sex.");
    await tick(page, page.getByLabel("Public health", { exact: true }));
    await type(page, page.getByLabel("Legal basis"), "UK GDPR Article 6(1)(e) and 9(2)(j)");
    await type(page, page.getByLabel("Ethics approval"), "Not needed: invented people");
    await type(page, page.getByLabel("Who pays for it"), "Northfield City Council");
  });
  await part("2. Safe people", async () => { await tick(page, page.getByLabel("Dr Amina Shah")); });
  await part("4. Safe setting", async () => {
    const day = (ms) => new Date(Date.now() + ms).toISOString().slice(0, 10);
    await type(page, page.getByLabel("From", { exact: true }), day(0));
    await type(page, page.getByLabel("Until", { exact: true }), day(180 * 86400000));
  });
  await part("5. Safe outputs", async () => {
    await type(page, page.getByLabel("Expected outputs"), "Tables of rounded counts\nOne figure");
    await type(page, page.getByLabel("Destination"), "University of Northfield, study folder");
  });
  await part("3. Safe data", async () => {
    await picker(walk, page);
    await tick(page, page.getByLabel("Leave out everyone who has opted out"));
    await tick(page, page.getByLabel("Go on without their rows"));
  });
}

// picker chooses variables and rows; SQL that is no filter is refused on the spot.
async function picker({ eye }, page) {
  await press(page, page.getByRole("row", { name: /Emergency attendances/ }).getByRole("link", { name: "Choose variables" }));
  for (const [table, names] of [["person", ["year_of_birth", "sex", "imd_decile"]], ["attendances", ["arrived_month", "acuity", "alcohol_related", "disposal"]]]) {
    for (const v of names) await tick(page, page.locator(`input[name="v.${table}"][value=${v}]`));
  }
  await type(page, page.getByLabel("Why the question cannot do without attendances.alcohol_related"), "The question is about this variable.");
  const rows = page.getByLabel("Rows of person");
  await type(page, rows, "1=1; DROP TABLE users");
  await eye.provoking(/status of 422/, async () => {
    await go(page, "Save and go on");
    await page.getByText("There is a problem").waitFor();
  });
  await eye.look(page, "picker-refuses-sql");
  await type(page, rows, "year_of_birth <= 2006");
  await eye.look(page, "picker");
  await go(page, "Save and count what is asked");
  await page.getByText("7 variables asked for at the moment.", { exact: false }).waitFor();
  await go(page, "Save and go on");
  await page.waitForURL(/\/application\/data$/);
}

export async function decide(walk) {
  const { eye } = walk;
  for (const user of ["carol", "colin"]) {
    const page = await eye.window();
    await signIn(eye, page, user, "/reviews");
    const waiting = () => page.locator("main").getByRole("link", { name: walk.title });
    await eye.look(page, `${user}-requests`);
    for (let left = await waiting().count(), first = true; left > 0; left--, first = false) {
      await press(page, waiting());
      await page.getByText("How identifiable, by dataset").waitFor();
      if (first) await eye.look(page, `${user}-decides`);
      if (first && user === "carol") await eye.picture(page, walk.pictures, "custodian");
      await tick(page, page.getByLabel("Approve", { exact: true }));
      await type(page, page.getByLabel("Conditions of an approval"), "Acknowledge the departments.");
      await go(page, "Record the decision");
      await page.getByText("Decided by").waitFor();
      if (first) await eye.look(page, `${user}-decided`);
      await page.goto(`${eye.origin}/reviews`);
    }
    await page.context().close();
  }
  const page = walk.amina;
  await page.goto(`${eye.origin}${walk.project}`);
  await until(page, "the extract", () => page.getByRole("button", { name: "Open a workspace" }).and(page.locator(":enabled")).count(), 90);
  await eye.look(page, "project-active");
  await page.goto(`${eye.origin}${walk.project}/permit`);
  await page.getByText("In force").waitFor();
  await eye.look(page, "permit");
}
