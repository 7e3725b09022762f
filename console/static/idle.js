// Nobody at the desk for half an hour: sign out, where the platform signs people in. All tabs count as one desk, and a
// machine that slept is as idle as one that was left: what is compared is the clock, not a timer.
"use strict";
const LIMIT = 30 * 60 * 1000;
const WARNING = 2 * 60 * 1000;
const LAST = "carryover-last-seen"; // the time of the last key or click in any tab, and nothing else
const { signout } = document.body.dataset;
const dialog = document.getElementById("idle");

const idle = () => Date.now() - Number(localStorage.getItem(LAST));
const look = () => {
  if (idle() >= LIMIT) location.replace(signout);
  else if (idle() < LIMIT - WARNING) dialog.close();
  else if (!dialog.open) {
    const until = new Date(Number(localStorage.getItem(LAST)) + LIMIT);
    document.getElementById("idle-until").textContent = until.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    dialog.showModal();
  }
};
const seen = () => { if (idle() < LIMIT) localStorage.setItem(LAST, Date.now()); };

localStorage.setItem(LAST, Date.now());
// While the question stands only its answer counts.
for (const sign of ["pointerdown", "keydown", "scroll"]) addEventListener(sign, () => { if (!dialog.open) seen(); }, { passive: true });
for (const answer of ["submit", "cancel"]) dialog.addEventListener(answer, seen);
for (const sign of ["storage", "focus", "pageshow"]) addEventListener(sign, look);
document.addEventListener("visibilitychange", look);
setInterval(look, 5000);
