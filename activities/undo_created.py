"""Deleting what a run created: rows that are as we left them, and that nothing of others hangs on."""

from collections.abc import Sequence, Set
from typing import Any

from activities.rows import CAUSED
from activities.undoing import OTHERS, WHO, Undoing, last_writer
from dataverse.closings import closes_of
from dataverse.dependents import Dependent, Relation, find_dependents, read_relations
from dataverse.reads import existing_ids, read_rows
from dataverse.rows import Change
from ledger.audit import Entry
from mapping.schema import SchemaTable

_relations: dict[str, list[Relation]] = {}


async def delete_created(undo: Undoing, table: SchemaTable, entries: Sequence[Entry]) -> list[Entry]:
    """Delete the rows of these entries. Returns the entries whose rows are gone, for whatever reason."""
    if not entries:
        return []
    names = sorted({name for e in entries for name in undo.after(e)} | WHO)
    rows = await read_rows(undo.client, table, [e.row_id for e in entries], names)
    gone = [entry for entry in entries if entry.row_id not in rows]
    await undo.came_about("delete", gone)
    undo.result.deleted += [entry.row_id for entry in gone if undo.meant("delete", entry)]
    undo.result.absent += sum(1 for entry in gone if not undo.meant("delete", entry))
    here = [entry for entry in entries if entry.row_id in rows]
    if not undo.force:
        theirs = await _changed(undo, table, here, rows)
        for entry in here:
            if entry in theirs:
                undo.keep(entry, OTHERS, rows[entry.row_id])
        here = await _without_dependents(undo, table, [entry for entry in here if entry not in theirs])
    stored = await undo.intents("delete", here)
    results = await undo.change([Change("DELETE", table, e.row_id, None, rows[e.row_id]["@odata.etag"]) for e in here])
    await undo.outcomes(stored, results)
    landed = []
    for entry, result in zip(here, results, strict=True):
        if result.ok:
            landed.append(entry)
        else:
            undo.refused(entry, result, rows[entry.row_id])
    undo.result.deleted += [entry.row_id for entry in landed]
    still = await existing_ids(undo.client, table, [e.row_id for e in landed]) if landed else set()
    undo.result.remaining += len(still)
    return gone + [entry for entry in landed if entry.row_id not in still]


async def not_to_stay(undo: Undoing, entries: list[Entry]) -> list[Entry]:
    """Without the rows that this run created and that the load phase will leave alone: they stay as they are, closed and
    linked. It is the load phase that lists them."""
    if undo.force or not entries:
        return entries
    made = {key for key, row in (await undo.plans()).items() if row["action"] == "create"}
    stay: set[str] = set()
    for table_name in dict.fromkeys(entry.table for entry in entries):
        table = undo.builder.table(table_name)
        some = [entry for entry in entries if entry.table == table_name and entry.source_key in made]
        if not some:
            continue
        names = sorted({name for e in some for name in undo.after(e)} | WHO)
        rows = await read_rows(undo.client, table, [e.row_id for e in some], names)
        here = [entry for entry in some if entry.row_id in rows]
        stay |= {entry.row_id for entry in await _changed(undo, table, here, rows)}
        found = await _dependents(undo, table, [e.row_id for e in some], frozenset())
        # Rows of the table itself point at each other until this phase has taken their links back: of those only the
        # ones that stay hold others.
        held = {id for id, some in found.items() if any(child.table != table.logical for child in some)}
        while held:
            stay |= held
            held = {id for id, some in found.items() if any(child.id in stay for child in some)} - stay
    return [entry for entry in entries if entry.row_id not in stay]


async def _changed(
    undo: Undoing, table: SchemaTable, entries: Sequence[Entry], rows: dict[str, dict[str, Any]]
) -> set[Entry]:
    """Those of the rows we created that somebody else has changed.

    Our columns differ from what we wrote; or a person wrote last, whatever the column: with the row their work would go.
    What programs write into other columns counts for nothing, since every row may have that. Without a receipt, the last
    writer decides: only whoever created the row is one of ours. The platform's own rows hold no column of ours.
    """
    me = await undo.me()
    people = await undo.people(rows[entry.row_id] for entry in entries)
    found: set[Entry] = set()
    for entry in entries:
        row = rows[entry.row_id]
        last = last_writer(row, me)
        if entry.source_key in undo.written or table.logical in CAUSED:
            changed = last in people or undo.touched(table, undo.after(entry), row, me)
        else:
            changed = last != str(row.get("_createdby_value") or me).lower()
        if changed:
            found.add(entry)
    return found


async def _dependents(undo: Undoing, table: SchemaTable, ids: list[str], known: Set[str]) -> dict[str, list[Dependent]]:
    """Rows that point at these, but for the known ones and what closing an opportunity made."""
    if not ids:
        return {}
    if table.logical not in _relations:
        _relations[table.logical] = await read_relations(undo.client, table.logical, undo.builder.schema.prefix)
    if table.logical == "opportunity":
        known = known | {close for closes in (await closes_of(undo.client, ids)).values() for close in closes}
    return await find_dependents(undo.client, _relations[table.logical], ids, known)


async def _without_dependents(undo: Undoing, table: SchemaTable, entries: list[Entry]) -> list[Entry]:
    """Those that no row that stays points at: deleting the rest would take it along, or tear it loose."""
    going = entries
    while found := await _dependents(undo, table, [e.row_id for e in going], {e.row_id for e in going}):
        for entry in going:
            for child in found.get(entry.row_id, [])[:1]:
                who = {"_modifiedby_value": child.modified_by, "modifiedon": child.modified_on}
                undo.keep(entry, f"a row of {child.table} that stays points at it", who)
        # What stays may itself hold rows of the same table.
        going = [entry for entry in going if entry.row_id not in found]
    return going
