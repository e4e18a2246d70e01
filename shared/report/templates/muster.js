"use strict";
// The page works without this. It adds a choice of light or dark, filters that act at once, questions before what
// changes a cluster, the key "/" for the search, and another look at what is still being made.
const kept = (() => { try { return localStorage.getItem("muster-theme"); } catch { return null; } })();
if (kept === "light" || kept === "dark") document.documentElement.dataset.theme = kept;
const place = document.getElementById("theme-place");
if (place) {
  const button = document.createElement("button");
  button.type = "button";
  const dark = () => getComputedStyle(document.documentElement).colorScheme === "dark" ||
    (!document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
  const name = () => { button.textContent = dark() ? "Light" : "Dark"; };
  button.addEventListener("click", () => {
    const next = dark() ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    try { localStorage.setItem("muster-theme", next); } catch { /* it holds for this page alone */ }
    name();
  });
  name();
  place.append(" ", button);
}
for (const form of document.querySelectorAll("form[data-auto]")) {
  form.addEventListener("change", (event) => { if (event.target.matches("select")) form.requestSubmit(); });
  form.addEventListener("submit", () => {
    for (const field of form.elements) if (field.name && !field.value) field.disabled = true;
  });
}
for (const form of document.querySelectorAll("form[data-ask]")) {
  form.addEventListener("submit", (event) => { if (!confirm(form.dataset.ask)) event.preventDefault(); });
}
document.addEventListener("keydown", (event) => {
  const search = document.getElementById("search");
  if (event.key !== "/" || !search || event.target.matches("input, select, textarea")) return;
  event.preventDefault();
  search.focus();
});
if (document.querySelector("[data-again]")) setTimeout(() => location.reload(), 2000);
