// What the pages do beyond forms and links. Everything works without it, only less quickly.
"use strict";

// The navigation is folded on a narrow screen and open where there is room.
const wide = matchMedia("(min-width: 48.01rem)");
const site = document.getElementById("site");
const fold = () => { if (site) site.open = wide.matches; };
wide.addEventListener("change", fold);
fold();

// A form that is on its way is not sent twice.
document.addEventListener("submit", (event) => {
  if (event.target.method === "dialog") return;
  const buttons = event.target.querySelectorAll("button:not([name])");
  setTimeout(() => buttons.forEach((button) => { button.disabled = true; }));
});
addEventListener("pageshow", () => document.querySelectorAll("button:disabled:not([data-off])").forEach((b) => { b.disabled = false; }));

// Refusals come with a status of 4xx and are to be read all the same; what is no part of a page is never put into one.
const polls = (element) => element.id === "live";
document.addEventListener("htmx:beforeSwap", (event) => {
  const { elt, xhr } = event.detail;
  if (xhr.status === 401 && document.body.dataset.signout) {
    location.href = `/.auth/login/aad?post_login_redirect_uri=${encodeURIComponent(location.pathname)}`;
  } else if (xhr.status >= 400 && !(polls(elt) && xhr.status >= 500)) {
    event.detail.shouldSwap = true;
    event.detail.isError = false;
    if (!xhr.responseText.includes('id="refusal"')) {
      event.detail.serverResponse = `<div class="note bad"><p><strong>The app answered ${xhr.status}.</strong></p><p>Next: try again.</p></div>`;
    }
  } else if (xhr.responseText.trimStart().toLowerCase().startsWith("<!doctype")) {
    event.detail.shouldSwap = false;
    if (xhr.status < 400) location.reload(); // led elsewhere, to sign in perhaps: the whole page goes there
  }
});
document.addEventListener("htmx:afterRequest", (event) => {
  event.target.querySelectorAll?.("button:disabled:not([data-off])").forEach((button) => { button.disabled = false; });
});

// A run that is watched: its words are told once, and again when they are others.
const silent = document.getElementById("silent");
const tell = () => {
  const told = document.getElementById("told");
  const words = document.getElementById("live")?.dataset.said;
  if (told && words && told.textContent !== words) told.textContent = words;
};
let across = []; // how far its tables were scrolled: they stay there
document.addEventListener("htmx:beforeSwap", () => { across = [...document.querySelectorAll("#live .scroll")].map(({ id, scrollLeft }) => [id, scrollLeft]); });
document.addEventListener("htmx:afterSwap", () => {
  if (silent) silent.hidden = true;
  for (const [id, scrollLeft] of across) Object.assign(document.getElementById(id) ?? {}, { scrollLeft });
  tell();
});
for (const failure of ["htmx:sendError", "htmx:responseError"]) {
  document.addEventListener(failure, (event) => { if (silent && polls(event.detail.elt)) silent.hidden = false; });
}
tell();
