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

// Refusals come with a status of 4xx and are to be read all the same.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.status === 401 && document.body.dataset.signout) {
    location.href = `/.auth/login/aad?post_login_redirect_uri=${encodeURIComponent(location.pathname)}`;
    return;
  }
  if (event.detail.xhr.status >= 400 && event.detail.xhr.responseText) {
    event.detail.shouldSwap = true;
    event.detail.isError = false;
  }
});
document.addEventListener("htmx:afterRequest", (event) => {
  event.target.querySelectorAll?.("button:disabled:not([data-off])").forEach((button) => { button.disabled = false; });
});
