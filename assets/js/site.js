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
