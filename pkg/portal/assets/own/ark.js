// The portal's own script. Every page works without it; it makes some nicer.
import { initAll } from "asset:nhsuk/nhsuk-frontend.min.js";

document.body.classList.add("js-enabled");
if ("noModule" in HTMLScriptElement.prototype) {
  document.body.classList.add("nhsuk-frontend-supported");
}
initAll();

// A form is sent once: a second press within two seconds does nothing.
for (const form of document.querySelectorAll("form[method=post]")) {
  let sent = 0;
  form.addEventListener("submit", (event) => {
    const now = Date.now();
    if (now - sent < 2000) event.preventDefault();
    sent = now;
    changed = false;
  });
}

// Leaving a page with typed, unsent text asks first.
let changed = false;
for (const form of document.querySelectorAll("form[data-guard]")) {
  form.addEventListener("input", () => { changed = true; });
}
addEventListener("beforeunload", (event) => { if (changed) event.preventDefault(); });

// A part that says data-refresh="seconds" is fetched again and replaced while
// the page is visible and nobody is typing in it.
for (const part of document.querySelectorAll("[data-refresh][id]")) {
  const every = Math.max(2, Number(part.dataset.refresh) || 5) * 1000;
  const tick = () => {
    if (document.hidden || changed || part.contains(document.activeElement)) return;
    const request = new XMLHttpRequest();
    request.open("GET", location.href);
    request.responseType = "document";
    request.onload = () => {
      if (request.status !== 200 || !request.response || request.responseURL !== location.href.split("#")[0]) return;
      const fresh = request.response.getElementById(part.id);
      if (fresh && fresh.textContent !== part.textContent) {
        part.replaceChildren(...Array.from(fresh.childNodes, (node) => document.importNode(node, true)));
      }
      if (!fresh || !("refresh" in fresh.dataset)) clearInterval(timer);
    };
    request.send();
  };
  const timer = setInterval(tick, every);
}

// Copy buttons are only there when copying is possible.
if (navigator.clipboard) {
  for (const block of document.querySelectorAll("pre[data-copy]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "nhsuk-button nhsuk-button--secondary nhsuk-button--small ark-copy";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(block.textContent.trim());
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
    block.after(button);
  }
}

// The review page by keyboard. A key presses the button or link that is there
// to see; without this script the same buttons are pressed by hand.
const review = document.querySelector("[data-review]");
if (review) {
  const step = (by) => {
    const files = [...review.querySelectorAll(".ark-files a")];
    const at = files.findIndex((a) => a.hasAttribute("aria-current"));
    const next = files[at + by];
    if (next) { location.href = next.href; }
  };
  // Single keys can be switched off, for those who speak to their computer.
  let keysOn = true;
  try { keysOn = localStorage.getItem("ark-keys") !== "off"; } catch { /* storage is closed: keys stay on */ }
  const label = document.createElement("label");
  const box = document.createElement("input");
  box.type = "checkbox";
  box.checked = keysOn;
  box.addEventListener("change", () => {
    keysOn = box.checked;
    try { localStorage.setItem("ark-keys", keysOn ? "on" : "off"); } catch { /* holds for this page */ }
  });
  label.append(box, " Use these keys");
  review.querySelector(".ark-keys")?.append(label);
  // After a vote the eye stays where it was.
  try {
    const kept = sessionStorage.getItem("ark-scroll");
    sessionStorage.removeItem("ark-scroll");
    if (kept && !location.hash) scrollTo(0, Number(kept));
    for (const form of review.querySelectorAll("form")) form.addEventListener("submit", () => sessionStorage.setItem("ark-scroll", String(scrollY)));
  } catch { /* storage is closed: the page begins at its top */ }
  document.addEventListener("keydown", (event) => {
    if (!keysOn) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input:not([type=radio], [type=checkbox]), textarea, select, [contenteditable]")) return;
    const press = (key) => review.querySelector(`[data-key="${key}"]:not([disabled])`)?.click();
    switch (event.key) {
      case "j": step(1); break;
      case "k": step(-1); break;
      case "a": case "r": case "f": case "b": press(event.key); break;
      case "c": event.preventDefault(); document.getElementById("text")?.focus(); break;
      case "?": { const keys = review.querySelector("details"); keys.open = !keys.open; keys.querySelector("summary").focus(); break; }
      default: return;
    }
  });
}
