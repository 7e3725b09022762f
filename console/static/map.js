// The map: filters over the rendered table, and keys while the table has the focus.
"use strict";
const filters = document.getElementById("filters");
const region = document.getElementById("map");
const panel = document.getElementById("panel");

if (filters) {
  const texts = new WeakMap();
  const text = (row) => {
    if (!texts.has(row)) texts.set(row, row.textContent.toLowerCase());
    return texts.get(row);
  };
  const marks = { eye: true, left: true, required: true };
  const fits = (row, f) => {
    const d = row.dataset;
    if (f.view in marks ? !(f.view in d) : f.view !== "all" && d.status !== f.view) return false;
    if (f.object && d.object !== f.object) return false;
    if (f.sure && d.sure !== f.sure) return false;
    if (f.phi && (f.phi === "*" ? d.phi === "none" : d.phi !== f.phi)) return false;
    return !f.text || text(row).includes(f.text.toLowerCase());
  };
  const rows = () => [...region.querySelectorAll("tr.line")];
  const filter = () => {
    const f = Object.fromEntries(new FormData(filters));
    let shown = 0;
    const all = rows();
    for (const row of all) {
      row.hidden = !fits(row, f);
      if (!row.hidden) shown += 1;
    }
    document.getElementById("shown").textContent = `${shown} of ${all.length}`;
    document.getElementById("none").hidden = shown > 0;
    count();
    gather();
  };
  // How many fields would be confirmed at the confidence that is typed.
  const least = document.getElementById("least");
  const count = () => {
    if (!least) return;
    const sure = rows().filter((row) => "confidence" in row.dataset && row.dataset.confidence * 100 >= least.value - 1e-9);
    document.getElementById("sure-count").textContent = sure.length;
  };
  least?.addEventListener("input", count);
  // The fields that would be left behind, of those that are shown: they are accepted together.
  const left = document.getElementById("left");
  const gather = () => {
    if (!left) return;
    const shown = rows().filter((row) => !row.hidden && "left" in row.dataset);
    left.value = JSON.stringify(shown.map((row) => JSON.parse(row.querySelector(".confirm").getAttribute("hx-vals"))));
    document.getElementById("left-count").textContent = `the ${shown.length} shown`;
    left.form.hidden = !shown.length;
  };
  filters.addEventListener("input", filter);
  filters.addEventListener("submit", (event) => event.preventDefault());
  // A link may ask for a filter, as ?view=left.
  for (const [name, value] of new URLSearchParams(location.search)) {
    if (filters.elements[name]) filters.elements[name].value = value;
  }
  filter();

  const visible = () => rows().filter((row) => !row.hidden);
  const current = () => document.activeElement.closest?.("tr.line");
  // The row that somebody is at opens: with a mouse only after the click, so that nothing moves from under the pointer.
  const here = (row) => {
    region.querySelector("tr.here")?.classList.remove("here");
    row?.classList.add("here");
  };
  for (const sign of ["click", "keyup"]) region.addEventListener(sign, () => { if (current()) here(current()); });
  const focus = (row) => {
    if (!row) { region.focus({ preventScroll: true }); return; }
    row.focus({ preventScroll: true });
    here(row);
    row.scrollIntoView({ block: "nearest" });
  };
  const move = (step) => {
    const list = visible();
    const place = list.indexOf(current());
    focus(list[place < 0 ? 0 : Math.min(list.length - 1, Math.max(0, place + step))]);
  };
  // What was decided here leaves the list of what needs an eye: the last of it can be undone from wherever the focus is.
  const decided = [];
  const undo = (row) => {
    const own = row?.querySelector(".reopen");
    const last = document.getElementById(decided.at(-1));
    (own || last?.querySelector(".reopen"))?.click();
  };
  const said = document.getElementById("said");
  document.getElementById("undo").addEventListener("click", () => undo());
  const tell = (row) => {
    if (decided.includes(row.id)) decided.splice(decided.indexOf(row.id), 1);
    const open = "open" in row.dataset;
    if (!open) decided.push(row.id);
    said.hidden = false;
    said.firstElementChild.textContent = `${row.getAttribute("aria-label")}, ${open ? "as it was proposed again" : row.dataset.status === "ignored" ? "left out" : "confirmed"}.`;
    document.getElementById("undo").hidden = !decided.length;
  };
  let leaving = false;
  const keys = {
    j: () => move(1), ArrowDown: () => move(1), k: () => move(-1), ArrowUp: () => move(-1),
    c: () => current()?.querySelector(".confirm")?.click(), u: () => undo(current()),
    Enter: () => current()?.querySelector(".edit").click(),
    x: () => { leaving = true; current()?.querySelector(".edit").click(); },
    "/": () => filters.elements.text.focus(),
  };
  // Only while the focus is in the table, so that the keys of assistive technology and of typing stay theirs.
  region.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" && event.target.closest("a, button")) return;
    const act = keys[event.key];
    if (!act || (!current() && !["j", "k", "u", "/", "ArrowDown", "ArrowUp"].includes(event.key))) return;
    event.preventDefault();
    act();
  });

  const stand = (row) => ("open" in row.dataset ? "open" : row.dataset.status);
  // A row that was swapped keeps the focus; the next one gets it when it no longer fits the filter.
  let after = null;
  document.addEventListener("htmx:beforeSwap", (event) => {
    const target = event.detail.target;
    if (event.detail.xhr.status >= 400) {
      event.detail.target = document.getElementById(panel.open ? "panel-problem" : "problem");
      event.detail.swapOverride = "innerHTML";
      return;
    }
    if (!target?.matches?.("tr.line")) return;
    const list = visible();
    const inside = panel.open || target.contains(document.activeElement) || said.contains(document.activeElement);
    after = { id: target.id, was: stand(target), next: list[list.indexOf(target) + 1]?.id, inside };
    document.getElementById("problem").textContent = "";
  });
  document.addEventListener("htmx:afterSettle", () => {
    if (!after) return;
    const { id, was, next, inside } = after;
    after = null;
    if (panel.open) panel.close();
    filter();
    const row = document.getElementById(id);
    if (was !== stand(row)) tell(row);
    const undone = was !== "open" && stand(row) === "open";
    if (inside || undone) focus(row.hidden ? document.getElementById(next) : row);
  });

  // The edit panel is a dialog: Escape closes it, the focus stays in it and comes back to the row.
  let from = null;
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target !== panel) return;
    from = current();
    panel.showModal();
    if (leaving) panel.querySelector("[name=reason]")?.focus();
    leaving = false;
  });
  panel.addEventListener("click", (event) => {
    if (event.target.closest("a.close")) { event.preventDefault(); panel.close(); }
  });
  panel.addEventListener("close", () => { panel.textContent = ""; if (from?.isConnected) focus(from); });
}
