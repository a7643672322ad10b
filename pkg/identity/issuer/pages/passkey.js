// passkey.js asks the browser for a passkey, or to make one, when its form is
// sent, and sends the answer with the form. It talks to nobody itself.
"use strict";
(() => {
  const form = document.querySelector("form[data-options]");
  if (!form) return;
  const button = form.querySelector("button[type=submit]");
  const said = document.getElementById("passkey-problem");
  const bytes = (s) => Uint8Array.from(atob(s.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (b) => b ? btoa(String.fromCharCode(...new Uint8Array(b))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "") : undefined;
  if (!window.PublicKeyCredential || !navigator.credentials) {
    said.textContent = "This browser has no passkeys. Use your authenticator app.";
    return;
  }
  button.disabled = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    said.textContent = "";
    button.disabled = true;
    try {
      const asked = JSON.parse(form.dataset.options).publicKey;
      asked.challenge = bytes(asked.challenge);
      for (const list of [asked.allowCredentials, asked.excludeCredentials]) for (const c of list ?? []) c.id = bytes(c.id);
      let made;
      if (asked.user) {
        asked.user.id = bytes(asked.user.id);
        made = await navigator.credentials.create({ publicKey: asked });
      } else {
        made = await navigator.credentials.get({ publicKey: asked });
      }
      const response = {};
      for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
        if (made.response[name]) response[name] = text(made.response[name]);
      }
      form.elements.answer.value = JSON.stringify({ id: made.id, rawId: text(made.rawId), type: made.type, response, clientExtensionResults: {} });
      form.submit();
    } catch (e) {
      said.textContent = "Your browser gave no passkey. Try again, or use your authenticator app.";
      button.disabled = false;
    }
  });
})();
