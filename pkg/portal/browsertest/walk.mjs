// walk.mjs walks the main job through the pages of a running demonstration, as
// its people: node walk.mjs ORIGIN FOLDER [PICTURES]
// Pictures of every page go to FOLDER; those of the README to PICTURES. It
// prints one line for each step, and fails on a step that does not go, an error
// on a console, a violation of a content security policy, an answer of 500 or
// more, or a serious finding of accessibility.
import { Eye } from "./eye.mjs";
import { dataEngineer } from "./walk_data.mjs";
import { apply, decide } from "./walk_apply.mjs";
import { work } from "./walk_work.mjs";
import { submit, review, release } from "./walk_airlock.mjs";
import { everybody } from "./walk_public.mjs";

const [origin, folder, pictures] = process.argv.slice(2);
if (!origin || !folder) {
  console.error("usage: node walk.mjs ORIGIN FOLDER [PICTURES]");
  process.exit(2);
}
const eye = new Eye(origin, folder);
// JupyterLab starts when it is first asked for: until then the gateway answers
// 503 with a page that loads again by itself.
eye.tolerated.push({ where: /\/jupyter\/lab$/, what: /status (of )?503/ });
const walk = { eye, pictures, title: "Alcohol in emergency departments" };
const steps = [
  ["the data engineer sees deliveries, quality, linkage and versions", dataEngineer],
  ["the researcher explores, asks and applies", apply],
  ["the custodians decide and the permit is issued", decide],
  ["the researcher works in SQL and JupyterLab", work],
  ["a table of small counts is blocked, a rounded one is taken", submit],
  ["two output checkers review by keyboard", review],
  ["a release with a fresh second factor, and its download", release],
  ["anybody reads the register, the ledger, how to check us and the latency", everybody],
];
let failed = "";
await eye.open();
for (const [name, act] of steps) {
  const start = Date.now();
  eye.at = name;
  try {
    await act(walk);
    console.log(`ok  ${name} (${((Date.now() - start) / 1000).toFixed(1)} s)`);
  } catch (e) {
    failed = `${name}: ${e.stack ?? e}`;
    for (const context of eye.browser.contexts()) {
      for (const [i, page] of context.pages().entries()) {
        await page.screenshot({ path: `${folder}/failed-${eye.shots}-${i}.png` }).catch(() => {});
        eye.shots++;
      }
    }
    break;
  }
}
await eye.close();
for (const line of eye.minor) console.log(`minor  ${line}`);
for (const line of eye.wrong) console.log(`WRONG  ${line}`);
if (failed) console.log(`FAILED ${failed}`);
console.log(`${eye.seen} pages looked at, ${eye.wrong.length} errors`);
process.exit(failed || eye.wrong.length ? 1 : 0);
