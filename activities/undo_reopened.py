"""Rows that were closed before a run, and that it opened to change them, are closed again as they were."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from activities.closes import caused_closes, keep_states, state_columns, state_of
from activities.reopen import OPEN
from activities.undoing import OTHERS, OTHERWISE, WHO, Undoing, last_writer
from dataverse.afterimage import same
from dataverse.closings import Closing, close_opportunities
from dataverse.outcomes import RowOutcome
from dataverse.reads import read_rows
from dataverse.rows import Change
from dataverse.settle import send_settled
from dataverse.states import state_values
from ledger import before
from ledger.audit import Entry, Intent, intent_key
from ledger.before import Image
from mapping.schema import SchemaTable
from settings import settings

_BEHIND: Final = "the opportunity was closed again, which makes another activity of it; the one before is canceled"


async def close_again(
    undo: Undoing, table: SchemaTable, entries: list[Entry], images: Mapping[str, Image]
) -> list[Entry]:
    """Close what the run opened. Returns the entries whose rows are as before: the others are listed."""
    closed = [e for e in entries if e.row_id in images and images[e.row_id].get("statecode")]
    if not closed or table.logical not in OPEN:
        return entries
    columns = sorted({*state_columns(table), *WHO})
    rows = await read_rows(undo.client, table, [e.row_id for e in closed], columns)
    todo = [e for e in closed if e.row_id in rows and rows[e.row_id]["statecode"] == OPEN[table.logical][0]]
    theirs = set[Entry]() if undo.force else await _opened_by_others(undo, todo)
    for entry in todo:
        if entry in theirs:
            undo.keep(entry, OTHERS, rows[entry.row_id])
    todo = [entry for entry in todo if entry not in theirs]
    opening = set(todo)
    done = [e for e in closed if e not in opening and undo.meant("state", e) and e.row_id in rows]
    if table.logical == "opportunity":
        results = await _win_or_lose(undo, table, todo, done, images)
    else:
        results = await _set_closed(undo, table, todo, images, rows)
    await undo.came_about("state", done)
    failed = set(theirs)
    now = await read_rows(undo.client, table, [e.row_id for e in todo], columns)
    for entry, result in zip(todo, results, strict=True):
        row, image = now.get(entry.row_id, rows[entry.row_id]), images[entry.row_id]
        if not result.ok:
            undo.refused(entry, result, row)
        elif any(not same(row.get(name), image.get(name)) for name in state_columns(table)):
            undo.keep(entry, OTHERWISE, row)
        else:
            continue
        failed.add(entry)
    return [entry for entry in entries if entry not in failed]


async def close_refused(undo: Undoing, table: SchemaTable, entries: Sequence[Entry]) -> None:
    """Close rows that were opened to be changed, and whose change was then refused: these are open, and else as before.

    One that somebody has written since is theirs to close, and listed.
    """
    if not entries or table.logical not in OPEN:
        return
    images = await before.get_many(undo.store, {e.row_id: e.before for e in entries if e.before})
    rows = await read_rows(undo.client, table, [e.row_id for e in entries], ["statecode", *WHO])
    me = await undo.me()
    ours: list[Entry] = []
    for entry in entries:
        row, image = rows.get(entry.row_id), images.get(entry.row_id, {})
        if row is None or not image.get("statecode") or row["statecode"] != OPEN[table.logical][0]:
            continue
        if undo.force or last_writer(row, me) == me:
            ours.append(entry)
        else:
            undo.keep(entry, OTHERS, row)
    ours += [entry for entry in entries if entry not in ours and undo.meant("state", entry)]
    await close_again(undo, table, ours, images)


async def _opened_by_others(undo: Undoing, entries: Sequence[Entry]) -> set[Entry]:
    """Rows that the run closed in the end, and that were open before this rollback came to them."""
    if not entries:
        return set()
    label = f"state-{undo.chunk}"
    run = await undo.log_of(undo.job["of_run"], label)
    own = await undo.log_of(undo.job["run"], f"{undo.job['of_run']}-{label}")
    found: set[Entry] = set()
    for entry in entries:
        key = intent_key("state", entry.source_key)
        closed = run.intents.get(key)
        outcome = run.outcome(closed) if closed else None
        if outcome and outcome.result == "landed" and key not in own.intents and not undo.meant("state", entry):
            found.add(entry)
    return found


async def _set_closed(
    undo: Undoing,
    table: SchemaTable,
    entries: Sequence[Entry],
    images: Mapping[str, Image],
    rows: Mapping[str, dict[str, Any]],
) -> list[RowOutcome]:
    stored = await undo.intents("state", entries)
    changes = []
    for entry in entries:
        body = {name: images[entry.row_id].get(name) for name in state_columns(table)}
        changes.append(Change("PATCH", table, entry.row_id, body, rows[entry.row_id]["@odata.etag"]))
    results = await undo.change(changes)
    await undo.outcomes(stored, results)
    return results


async def _win_or_lose(
    undo: Undoing,
    table: SchemaTable,
    todo: Sequence[Entry],
    done: Sequence[Entry],
    images: Mapping[str, Image],
) -> list[RowOutcome]:
    """Win or lose opportunities as they were, and say which activities that made: ``done``, by an earlier attempt."""
    entries = [*todo, *done]
    kept, references = await keep_states(
        undo.store, undo.client, undo.job, undo.label, table, [entry.row_id for entry in entries]
    )
    stored = (await undo.intents("state", entries, references))[: len(todo)]
    closings = [_as_it_was(entry.row_id, images[entry.row_id]) for entry in todo]
    send = partial(close_opportunities, undo.client, table)
    results = await send_settled(undo.client, closings, send, settings().quiet_seconds)
    closes = await caused_closes(undo.client, kept)
    made = [
        Intent("create", entry.source_id, f"{entry.source_key}~close.{close}", "opportunityclose", close)
        for entry in entries
        for close in closes.get(entry.row_id, ())
    ]
    caused = await undo.log.append_intents(made)
    await undo.log.append_landed(caused)
    undo.result.behind += [undo.line(entry, _BEHIND, {}) for entry in caused]
    await undo.outcomes(stored, results)
    return results


def _as_it_was(row_id: str, image: Image) -> Closing:
    state, status = state_of(image)
    return Closing(
        row_id,
        state == state_values("opportunity", "won")[0],
        "Closed again as it was",
        revenue=image.get("actualvalue"),
        ended=image.get("actualclosedate"),
        status=status,
    )
