"""Putting rows that a run changed back to their before-images, column by column; and what was closed, closed again."""

from collections.abc import Sequence
from typing import Any

from activities.restoring import as_before, columns_of, way_back
from activities.undo_reopened import close_again
from activities.undoing import OTHERS, OTHERWISE, WHO, Undoing, last_writer
from dataverse.reads import read_rows
from dataverse.rows import Change
from ledger import before
from ledger.audit import Entry
from mapping.schema import SchemaTable


async def restore_changed(undo: Undoing, table: SchemaTable, entries: Sequence[Entry]) -> list[Entry]:
    """Put changed rows back. Returns those that are as before, or gone."""
    if not entries:
        return []
    images = await before.get_many(undo.store, {e.row_id: e.before for e in entries if e.before})
    names = sorted(columns_of(images.values()) | WHO)
    rows = await read_rows(undo.client, table, [e.row_id for e in entries], names)
    me, people = "", set[str]()
    if any(e.source_key not in undo.written for e in entries):
        me, people = await undo.me(), await undo.people(rows.values())
    todo: dict[str, tuple[Entry, dict[str, Any]]] = {}
    back: list[Entry] = []
    for entry in entries:
        row, image = rows.get(entry.row_id), images.get(entry.row_id)
        if image is None or row is None:
            continue
        known = entry.source_key in undo.written
        changes = way_back(image, row, undo.after(entry) if known else None, force=undo.force)
        theirs = not known and changes and last_writer(row, me) in people and not undo.force
        if changes is None or theirs:
            undo.keep(entry, OTHERS, row)
            continue
        back.append(entry)
        if changes:
            todo[entry.row_id] = (entry, changes)
    await undo.came_about("restore", [entry for entry in back if entry.row_id not in todo])
    stored = await undo.intents("restore", [entry for entry, _ in todo.values()])
    results = await undo.change(
        [
            Change("PATCH", table, id, undo.builder.body_of(table, changes, images[id]), rows[id]["@odata.etag"])
            for id, (_, changes) in todo.items()
        ]
    )
    await undo.outcomes(stored, results)
    now = await read_rows(undo.client, table, list(todo), names) if todo else {}
    for (id, (entry, changes)), result in zip(todo.items(), results, strict=True):
        if not result.ok:
            back.remove(entry)
            undo.refused(entry, result, rows[id])
        elif not as_before(images[id], now.get(id), changes):
            back.remove(entry)
            undo.keep(entry, OTHERWISE, now.get(id) or rows[id])
    back = await close_again(undo, table, back, images)
    undo.result.restored += [entry.row_id for entry in back]
    gone = [entry for entry in entries if entry.row_id not in rows]
    undo.result.absent += len(gone)
    return back + gone
