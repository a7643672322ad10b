// The SQL page: it talks to its own origin only, and shows values as text only.
"use strict";

const at = (id) => document.getElementById(id);
const sql = at("sql"), run = at("run"), stop = at("stop"), status = at("status"), problem = at("problem");
let running = null; // the AbortController of the query that runs
let shownSQL = ""; // the SQL of the result on screen

function make(tag, text, attributes) {
  const e = document.createElement(tag);
  if (text !== undefined) e.textContent = text;
  for (const [k, v] of Object.entries(attributes || {})) e.setAttribute(k, v);
  return e;
}

async function call(path, body, signal) {
  const options = body === undefined ? { signal } : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal };
  let answer;
  try {
    answer = await fetch(path, options);
  } catch (e) {
    throw { says: e.name === "AbortError" ? "The query was stopped." : "The engine does not answer.", remedy: e.name === "AbortError" ? "" : "Wait a moment and try again." };
  }
  if (answer.status === 204) return {};
  let value;
  try {
    value = await answer.json();
  } catch (e) {
    throw { says: "The engine gave no answer that can be read.", remedy: "Wait a moment and try again." };
  }
  if (!answer.ok) throw value;
  return value;
}

function complain(e) {
  problem.hidden = false;
  const says = e.says || "Something went wrong.";
  problem.textContent = says + (e.remedy ? "\n" + e.remedy + "." : "");
  status.textContent = "";
}

function quoted(name) {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : '"' + name.replaceAll('"', '""') + '"';
}

function insert(text) {
  sql.setRangeText(text, sql.selectionStart, sql.selectionEnd, "end");
  sql.focus();
}

async function showSchema() {
  const { tables } = await call("schema");
  const open = new Set([...document.querySelectorAll("#tables details[open]")].map((d) => d.dataset.name));
  at("tables").replaceChildren(...tables.map((t) => {
    const d = make("details");
    d.dataset.name = t.name;
    d.open = open.has(t.name) || tables.length <= 3;
    d.append(make("summary", t.name + (t.mine ? " (yours)" : "")));
    const list = make("ul");
    for (const name of [null, ...t.columns]) {
      const b = make("button", name ? name.name : "the whole table", { type: "button" });
      if (name) b.append(make("span", name.type.toLowerCase()));
      b.addEventListener("click", () => insert(name ? quoted(name.name) : quoted(t.name)));
      const li = make("li");
      li.append(b);
      list.append(li);
    }
    d.append(list);
    return d;
  }));
  if (!sql.value && tables.length) sql.value = "SELECT *\nFROM " + quoted(tables[0].name) + "\nLIMIT 20";
}

async function showHistory() {
  const { entries } = await call("history");
  at("history").replaceChildren(...entries.slice(0, 30).map((e) => {
    const b = make("button", undefined, { type: "button" });
    const when = new Date(e.at).toLocaleString("en-GB");
    b.append(make("code", e.sql.replace(/\s+/g, " ")), make("small", when + " – " + (e.ok ? e.rows + " rows in " + e.elapsed_ms + " ms" : "did not run")));
    b.addEventListener("click", () => { sql.value = e.sql; sql.focus(); });
    const li = make("li");
    li.append(b);
    return li;
  }));
}

function showResult(r) {
  const head = make("tr"), body = [];
  for (const c of r.columns) {
    const th = make("th", c.name, { scope: "col" });
    th.append(make("small", c.type.toLowerCase()));
    head.append(th);
  }
  for (const row of r.rows) {
    const tr = make("tr");
    for (const v of row) {
      const td = make("td", v === null ? "missing" : String(v));
      if (v === null) td.className = "missing";
      else if (typeof v === "number") td.className = "number";
      tr.append(td);
    }
    body.push(tr);
  }
  document.querySelector("#grid thead").replaceChildren(head);
  document.querySelector("#grid tbody").replaceChildren(...body);
  at("shown").textContent = (r.truncated ? "The first " + r.rows.length + " rows; there are more." : r.rows.length + (r.rows.length === 1 ? " row." : " rows.")) + (r.clipped ? " Long texts are cut short." : "");
  at("result").hidden = false;
  status.textContent = "Done in " + r.elapsed_ms + " ms.";
}

async function runQuery() {
  if (running) return;
  running = new AbortController();
  run.disabled = true;
  stop.disabled = false;
  problem.hidden = true;
  status.textContent = "Running…";
  const text = sql.value;
  try {
    const r = await call("query", { sql: text }, running.signal);
    shownSQL = text;
    showResult(r);
    await showSchema();
  } catch (e) {
    complain(e);
  }
  running = null;
  run.disabled = false;
  stop.disabled = true;
  showHistory().catch(() => {});
}

async function save(event) {
  event.preventDefault();
  problem.hidden = true;
  status.textContent = "Saving…";
  try {
    const s = await call("outbox", { sql: shownSQL, name: at("name").value });
    status.textContent = "Saved " + s.name + " to the outbox: " + s.rows + " rows, " + s.bytes + " bytes.";
  } catch (e) {
    complain(e);
  }
}

run.addEventListener("click", runQuery);
stop.addEventListener("click", () => { call("cancel", {}).catch(() => {}); if (running) running.abort(); });
at("save").addEventListener("submit", save);
sql.addEventListener("keydown", (e) => {
  if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) {
    e.preventDefault();
    runQuery();
  }
});
showSchema().then(showHistory).catch(complain);
