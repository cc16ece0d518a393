// Comfort only: every page works without this file.
"use strict";

// After a refused form, reading starts at the summary of what to correct.
document.getElementById("erreurs")?.focus();

// The second press on the same button is not sent while the first is on its way.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.sent) { event.preventDefault(); return; }
  form.dataset.sent = "1";
  setTimeout(() => { delete form.dataset.sent; }, 8000);
});

// A page brought back by the browser's history may be sent again.
addEventListener("pageshow", () => {
  document.querySelectorAll("form[data-sent]").forEach((form) => { delete form.dataset.sent; });
});

// Buttons of passkeys are there where a passkey can be used; elsewhere their page says what to do instead.
const takesPasskeys = Boolean(window.PublicKeyCredential);
document.querySelectorAll("[data-with-passkeys]").forEach((part) => { part.hidden = !takesPasskeys; });
document.querySelectorAll("[data-without-passkeys]").forEach((part) => { part.hidden = takesPasskeys; });

// A wording kept ready goes to the end of the text it is for, without leaving the page.
document.querySelectorAll("[data-wordings]").forEach((row) => {
  row.querySelector("button").addEventListener("click", (event) => {
    const field = document.getElementById(row.dataset.wordings);
    const text = row.querySelector("select").selectedOptions[0]?.dataset.text;
    if (!field || !text) return;
    event.preventDefault();
    field.value = field.value.trim() ? `${field.value.trimEnd()}\n\n${text}` : text;
    field.focus();
  });
});

// Single keys lead through a file. They can be switched off, and never act while something is being typed.
document.querySelectorAll("[data-shortcuts]").forEach((help) => {
  const box = help.querySelector("input");
  const kept = "raccourcis";
  try { box.checked = localStorage.getItem(kept) !== "non"; } catch { /* no storage: on, for this page */ }
  help.hidden = false;
  box.addEventListener("change", () => {
    try { localStorage.setItem(kept, box.checked ? "oui" : "non"); } catch { /* for this page alone */ }
  });
  document.addEventListener("keydown", (event) => {
    if (!box.checked || event.ctrlKey || event.altKey || event.metaKey || event.isComposing || event.repeat) return;
    if (event.target.closest("select, textarea, [contenteditable], input:not([type=checkbox], [type=radio], [type=submit])")) return;
    const place = /^[a-z]$/.test(event.key) && document.querySelector(`[data-key="${event.key}"]`);
    if (!place) return;
    event.preventDefault();
    if (place.href) { place.click(); return; }
    const folded = place.closest("details");
    if (folded) folded.open = true;
    place.scrollIntoView();
    place.focus();
  });
});

// A passkey: the device answers the challenge of the page, and its answer leaves with the form.
document.querySelectorAll("form[data-passkey]").forEach((form) => {
  const status = form.querySelector("[data-passkey-status]");
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    event.stopImmediatePropagation();
    // One question to the device at a time.
    if (form.dataset.asking) return;
    form.dataset.asking = "1";
    status.textContent = "Suivez ce que demande votre appareil.";
    try {
      const { publicKey } = JSON.parse(form.dataset.options);
      publicKey.challenge = bytes(publicKey.challenge);
      for (const key of publicKey.excludeCredentials ?? publicKey.allowCredentials ?? []) key.id = bytes(key.id);
      let made;
      const response = {};
      if (form.dataset.passkey === "creation") {
        publicKey.user.id = bytes(publicKey.user.id);
        made = await navigator.credentials.create({ publicKey });
        response.attestationObject = text(made.response.attestationObject);
      } else {
        made = await navigator.credentials.get({ publicKey });
        response.authenticatorData = text(made.response.authenticatorData);
        response.signature = text(made.response.signature);
        response.userHandle = made.response.userHandle ? text(made.response.userHandle) : null;
      }
      response.clientDataJSON = text(made.response.clientDataJSON);
      form.elements.reponse.value = JSON.stringify({ id: made.id, rawId: text(made.rawId), type: made.type, response, extensions: {} });
      form.submit();
    } catch {
      status.textContent = "Rien n’a été fait : la demande a été annulée, ou cet appareil n’a pas de clé pour ce site. Recommencez, ou utilisez un mot de passe.";
    }
    delete form.dataset.asking;
  });
});

// The end of the session is told five minutes before, in every tab; staying signed in leaves the page as it is.
const warning = document.getElementById("session");
if (warning && warning.showModal) {
  const said = document.getElementById("session-texte");
  const form = warning.querySelector("form");
  const stay = form.querySelector("[type=submit]");
  let end = 0;
  let canStay = false;
  let isDismissed = false;
  let failure = "";
  // The page asked last, in whatever tab, knows the end best.
  const set = (left, more) => {
    end = Date.now() + left * 1000;
    canStay = more;
    try { localStorage.setItem("cplds-session", String(end)); } catch { /* this tab alone, then */ }
  };
  const say = (text) => { if (said.textContent !== text) said.textContent = text; };
  const look = () => {
    try { end = Number(localStorage.getItem("cplds-session")) || end; } catch { /* this tab alone, then */ }
    const left = Math.ceil((end - Date.now()) / 1000);
    if (left > 300) { isDismissed = false; if (warning.open) warning.close(); return; }
    const minutes = Math.ceil(left / 60);
    if (left <= 0) {
      say("Votre session est terminée. Votre saisie est encore sur cette page : envoyez-la, nous vous demanderons de vous reconnecter et elle vous sera rendue, sauf les mots de passe et les fichiers choisis.");
    } else {
      const when = `Vous serez déconnecté dans ${minutes} minute${minutes > 1 ? "s" : ""}.`;
      say(failure || (canStay ? `${when} Votre saisie reste sur cette page.` : `${when} Cette session ne peut plus être prolongée : enregistrez votre saisie, puis reconnectez-vous.`));
    }
    stay.hidden = left <= 0 || !canStay;
    if (!warning.open && (!isDismissed || left <= 0 && isDismissed !== "over")) { if (left <= 0) isDismissed = "over"; warning.showModal(); }
  };
  const dismiss = () => { isDismissed = isDismissed || true; };
  warning.querySelector("[data-close]").addEventListener("click", () => { dismiss(); warning.close(); });
  warning.addEventListener("cancel", dismiss);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    event.stopPropagation();
    try {
      const answer = await fetch(form.action, { method: "POST", headers: { accept: "application/json" }, body: new URLSearchParams(new FormData(form)) });
      const { reste, prolongeable } = await answer.json();
      set(reste, prolongeable);
      failure = "";
    } catch {
      failure = "La session n’a pas pu être prolongée : recommencez, ou copiez votre saisie.";
    }
    look();
  });
  set(Number(warning.dataset.left), warning.dataset.more === "oui");
  setInterval(look, 5000);
  document.addEventListener("visibilitychange", look);
  look();
}
