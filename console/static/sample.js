// The sample's diff: keys while the list has the focus, and a field's link that chooses it in the record's form.
"use strict";
const records = document.getElementById("records");

if (records) {
  const speak = (record, field) => {
    const form = record?.querySelector(".speak form");
    if (!form) return;
    if (field) form.elements.field.value = field;
    record.open = true;
    form.elements.text.focus();
  };
  records.addEventListener("click", (event) => {
    const link = event.target.closest("a.comment");
    if (!link) return;
    event.preventDefault();
    speak(link.closest(".record"), link.dataset.field);
  });

  const move = (here, step) => {
    const all = [...records.querySelectorAll(".record")];
    all[Math.min(all.length - 1, Math.max(0, all.indexOf(here) + step))]?.querySelector("summary").focus();
  };
  // Only while the focus is in the list, so that the keys of assistive technology and of typing stay theirs.
  records.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select")) return;
    const here = event.target.closest(".record");
    const field = event.target.closest("tr")?.querySelector("a.comment")?.dataset.field;
    const keys = { j: () => move(here, 1), k: () => move(here, -1), c: () => speak(here, field) };
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
}
