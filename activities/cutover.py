"""The cutover checklist's facts, from what the migration has on record."""

from typing import Any, Final

import orjson

from activities import jobs
from activities.keep import keep_report
from activities.signin import users
from activities.standing import last_load
from ledger import exceptions, migrations, notes, paths
from ledger.gates import window_open
from ledger.states import STATES, Migration, Run
from ledger.storage import NotStored, Storage
from reports.cutover import Cutover, Tick, cutover_report
from settings import Settings, settings

#: Codes of exceptions that somebody else's change in the target brought about.
CONFLICTS: Final = ("conflict", "gone_from_target", "shared_row")

#: An object, a source id, and what happened to the record.
Conflict = tuple[str, str, str]


async def keep_checklist(store: Storage, id: str) -> None:
    """Make the checklist anew, from the full run on; one that was made before is kept up to date whatever happens."""
    migration = await migrations.load(store, id)
    begun = STATES.index(migration.state) >= STATES.index("migrated")
    if begun or await store.exists("reports", paths.report(id, "cutover-checklist", "json")):
        await keep_report(store, cutover_report(id, await cutover(store, migration)))


async def cutover(store: Storage, migration: Migration) -> Cutover:
    """How everything stands that the checklist asks for."""
    runs = await migrations.list_runs(store, migration.id)
    pickups = [run for run in runs if run.kind == "delta" and run.state == "done" and not run.undone_by]
    causes, uploads = await _exceptions(store, migration.id, last_load(runs))
    asked = await conflicts(store, migration.id, runs)
    decided, corrected, uploaded = [
        await notes.read(store, migration.id, kind) for kind in ("conflict", "correction", "upload")
    ]
    ticks = await notes.read(store, migration.id, "cutover")
    tally = await jobs.optional_document(store, migration.id, "tally.json", {})
    return Cutover(
        migrated=STATES.index(migration.state) >= STATES.index("migrated"),
        pickup=pickups[-1].started if pickups else None,
        window_until=migration.delta_until,
        window_open=window_open(migration),
        conflicts=len(asked),
        conflicts_decided=sum(1 for name, source_id, _ in asked if f"{name}/{source_id}" in decided),
        reconciliation=migration.reconciliation or "",
        accepted_by=migration.accepted_by or "",
        causes=len(causes),
        causes_dealt_with=len(causes & corrected.keys()),
        excepted=sum(one["excepted"] for one in tally.values()),
        uploads=len(uploads),
        uploads_done=len(uploads & uploaded.keys()),
        rebuild=await _rows(store, migration.id, "rebuild-inventory", "Rows"),
        drugs=await _rows(store, migration.id, "drugs", "Prescriptions"),
        secret=_secret(settings()),
        users=users(),
        closed_by=migration.closed_by or "",
        closed_at=migration.closed_at,
        ticked={
            item: Tick("done" if said[0].what == "Done" else "not applicable", said[0].by, said[0].at, said[0].reason)
            for item, said in ticks.items()
        },
    )


async def conflicts(store: Storage, id: str, runs: list[Run]) -> list[Conflict]:
    """What a person has to decide after the last pickup."""
    pickups = [run.id for run in runs if run.kind == "delta" and run.parent is None]
    if not pickups:
        return []
    gone = await jobs.optional_document(store, id, f"gone-{pickups[-1]}.json", {})
    words = "gone from the source; its row stays in the target"
    found = [(name, source_id, words) for name, ids in gone.items() for source_id in ids]
    async for row in exceptions.each(store, id, run=pickups[-1]):
        if row.code in CONFLICTS:
            found.append((row.object, row.source_id, row.message))
    return found


async def _exceptions(store: Storage, id: str, run: Run | None) -> tuple[set[str], set[str]]:
    """The causes of the exceptions that hold now, and the documents that have to be uploaded by hand."""
    causes: set[str] = set()
    uploads: set[str] = set()
    if run is not None:
        async for row in exceptions.each(store, id, run=run.id):
            causes.add(row.group)
            if row.object == "document" and row.field is None:
                uploads.add(row.source_id)
    return causes, uploads


async def _rows(store: Storage, id: str, report: str, counting: str) -> int:
    """How many rows the first table of a report has that count something."""
    try:
        found: dict[str, Any] = orjson.loads(await store.get("reports", paths.report(id, report, "json")))
    except NotStored:
        return 0
    return sum(1 for row in found["tables"][0]["rows"] if row[counting])


def _secret(one: Settings) -> str:
    """What the app signs in at Dataverse with that somebody could use after it: nothing with a managed identity."""
    if one.client_secret or one.application_users:
        return "the client secrets of the app's registrations"
    return "the certificate of the app's registration" if one.certificate_path else ""
