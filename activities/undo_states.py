"""The way back of the last phase: rows get the state again that they had, and what closing them made goes.

Only a state that this run has set is taken back, and only while it, and our columns, are as we left them.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from activities.closes import caused_closes, filled_columns, state_of
from activities.rows import CAUSED
from activities.undo_created import delete_created
from activities.undoing import OTHERS, OTHERWISE, WHO, Row, Undoing, last_writer
from dataverse.afterimage import same
from dataverse.reads import read_rows
from dataverse.rows import Change
from dataverse.states import state_values
from ledger import before
from ledger.audit import AuditLog, Entry
from ledger.before import Image
from mapping.schema import SchemaTable

_CLOSE: Final = CAUSED["opportunityclose"]


async def undo_states(
    undo: Undoing, table: SchemaTable, entries: Sequence[Entry], logged: Sequence[Entry], original: AuditLog
) -> list[Entry]:
    """Take back the states that these entries set. Returns those whose rows others have not made theirs.

    ``logged``: the closes of opportunities that the run found and put into its log; it may have died before it did.
    """
    images = await before.get_many(undo.store, {e.row_id: e.before for e in entries if e.before})
    there = [entry for entry in entries if entry.row_id in images]  # the others' rows were not there to be changed
    after = {entry.source_key: await _left(undo, entry) for entry in there}
    names = {"statecode", "statuscode", *WHO, *(name for columns in after.values() for name in columns)}
    rows = await read_rows(undo.client, table, [entry.row_id for entry in there], sorted(names))
    closes = await _closes(undo, table, there, logged, images)
    ours = await _set_by_us(undo, table, there, images, rows, closes, original)
    me = await undo.me()
    todo: list[Entry] = []
    back: list[Entry] = []
    for entry in there:
        row = rows.get(entry.row_id)
        if row is None or entry not in ours or state_of(row) == state_of(images[entry.row_id]):
            back.append(entry)
        elif not undo.force and (
            state_of(row) != await _wanted(undo, table, entry) or undo.touched(table, after[entry.source_key], row, me)
        ):
            undo.keep(entry, OTHERS, row)
        else:
            todo.append(entry)
    meant = [entry for entry in back if entry.row_id in rows and undo.meant("state", entry)]
    back += await _set_back(undo, table, todo, meant, images, rows)
    await delete_created(undo, _CLOSE, [close for entry in back for close in closes.get(entry.row_id, ())])
    return back


async def _wanted(undo: Undoing, table: SchemaTable, entry: Entry) -> tuple[int, int]:
    """The state that the run was to bring the row into."""
    return state_values(table.logical, (await undo.plans())[entry.source_key]["state"])


async def _left(undo: Undoing, entry: Entry) -> dict[str, Any]:
    """Our columns as the run left them; what an earlier run wrote, where this one changed nothing but the state."""
    if entry.source_key in undo.written:
        return undo.after(entry)
    written = (await undo.plans())[entry.source_key]["written"]
    return dict(orjson.loads(written)["columns"]) if written else {}


async def _closes(
    undo: Undoing,
    table: SchemaTable,
    entries: Sequence[Entry],
    logged: Sequence[Entry],
    images: Mapping[str, Image],
) -> dict[str, list[Entry]]:
    """The closes that the run caused, by their opportunity: logged, or found because they were not there before."""
    if table.logical != "opportunity":
        return {}
    found = await caused_closes(undo.client, images)
    closes: dict[str, list[Entry]] = {}
    for entry in entries:
        own = {one.row_id: one for one in logged if one.source_key.partition("~")[0] == entry.source_key}
        for close in found.get(entry.row_id, ()):
            key = f"{entry.source_key}~close.{close}"
            own.setdefault(close, Entry(0, "create", entry.source_id, key, _CLOSE.plain, close, None, entry.at))
        if own:
            closes[entry.row_id] = list(own.values())
    return closes


async def _set_by_us(
    undo: Undoing,
    table: SchemaTable,
    entries: Sequence[Entry],
    images: Mapping[str, Image],
    rows: Mapping[str, Row],
    closes: Mapping[str, list[Entry]],
    original: AuditLog,
) -> set[Entry]:
    """The entries whose rows' states the run has set, as far as that can be told.

    It set nothing where the row was so before. An opportunity that we closed has a close that we made. Where the run
    never learned what came of it, a person who wrote last did it; where it was refused, only our own hand proves that
    it landed all the same.
    """
    me, people = await undo.me(), await undo.people(rows.values())
    found: set[Entry] = set()
    for entry in entries:
        row, was, wanted = rows.get(entry.row_id), state_of(images[entry.row_id]), await _wanted(undo, table, entry)
        if row is None or was == wanted:
            continue
        outcome = original.outcome(entry)
        if table.logical == "opportunity":
            set_it = entry.row_id in closes
        elif outcome is not None and outcome.result == "landed":
            set_it = True
        elif outcome is not None and outcome.result == "failed":
            set_it = state_of(row) == wanted and last_writer(row, me) == me
        else:
            set_it = last_writer(row, me) not in people
        if set_it:
            found.add(entry)
    return found


async def _set_back(
    undo: Undoing,
    table: SchemaTable,
    todo: Sequence[Entry],
    meant: Sequence[Entry],
    images: Mapping[str, Image],
    rows: Mapping[str, Row],
) -> list[Entry]:
    """Set the states of ``todo`` back. Returns those for which it worked. ``meant``: set back by an earlier attempt,
    which may have died before it was through with them."""
    stored = await undo.intents("state", todo)
    changes = []
    for entry in todo:
        state, status = state_of(images[entry.row_id])
        body = {"statecode": state, "statuscode": status}
        changes.append(Change("PATCH", table, entry.row_id, body, rows[entry.row_id]["@odata.etag"]))
    results = await undo.change(changes)
    landed = [entry for entry, result in zip(todo, results, strict=True) if result.ok]
    made = {key for key, plan in (await undo.plans()).items() if plan["action"] == "create"}
    # The rows that the run created go altogether, when its load is undone.
    await _unfill(undo, table, [entry for entry in (*landed, *meant) if entry.source_key not in made], images)
    await undo.outcomes(stored, results)
    await undo.came_about("state", meant)
    for entry, result in zip(todo, results, strict=True):
        if not result.ok:
            undo.refused(entry, result, rows[entry.row_id])
    undo.result.restored += [entry.row_id for entry in (*landed, *meant) if entry.source_key not in made]
    return landed


async def _unfill(undo: Undoing, table: SchemaTable, entries: Sequence[Entry], images: Mapping[str, Image]) -> None:
    """Read the rows back, and give the columns their old values that the platform filled in when it closed the row."""
    filled = filled_columns(table)
    rows = await read_rows(undo.client, table, [e.row_id for e in entries], ["statecode", "statuscode", *filled, *WHO])
    todo: list[tuple[Entry, Change]] = []
    for entry in entries:
        row, image = rows.get(entry.row_id), images[entry.row_id]
        if row is None:
            continue
        if state_of(row) != state_of(image):
            undo.keep(entry, OTHERWISE, row)
        elif body := {name: image.get(name) for name in filled if not same(row.get(name), image.get(name))}:
            todo.append((entry, Change("PATCH", table, entry.row_id, body, row["@odata.etag"])))
    results = await undo.change([change for _, change in todo])
    for (entry, _), result in zip(todo, results, strict=True):
        if not result.ok:
            undo.refused(entry, result, rows[entry.row_id])
