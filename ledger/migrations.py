"""Migrations and their runs in Table Storage: created, read, changed by compare-and-swap, begun and ended.

Rows: table `migrations` (PartitionKey "migration", RowKey the id), table `runs` (PartitionKey the migration's id,
RowKey the run's number in eight digits). The document is JSON in `document`; `state` stands beside it for
people who browse. A row `system.<name>` beside the migrations names the latest one of each system.
"""

import secrets
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.data.tables import TableTransactionError, UpdateMode
from azure.data.tables.aio import TableClient

from ledger import systems, transitions
from ledger.gates import GateClosed, NextStep, Refusal, gate, next_steps
from ledger.paths import MIGRATIONS, RUNS
from ledger.states import STEP_OF, UNDOING, WRITING, Kind, Migration, Run, RunState, State, Step, now
from ledger.storage import Storage
from ledger.systems import SystemTaken

__all__ = [
    "EpochChanged",
    "GateClosed",
    "Kind",
    "Migration",
    "NextStep",
    "NoMigration",
    "NoRun",
    "Refusal",
    "Run",
    "RunState",
    "State",
    "Step",
    "SystemTaken",
    "begin_run",
    "change",
    "change_run",
    "check_epoch",
    "create",
    "end_run",
    "gate",
    "list_all",
    "list_runs",
    "load",
    "load_run",
    "next_steps",
    "stop_run",
]

_LARGEST = 32_000  #: characters that one table property holds (64 KiB of UTF-16), with room to spare

D = TypeVar("D", Migration, Run)


class NoMigration(LookupError):
    """There is no migration with this id."""


class NoRun(LookupError):
    """The migration has no run with this id."""


class EpochChanged(Exception):
    """The run has ended or a rollback took over: the writer must stop before its next write."""


async def create(
    storage: Storage,
    system: str,
    *,
    profile: str | None = None,
    plan: str | None = None,
    options: dict[str, Any] | None = None,
) -> Migration:
    """Create a migration in state `created` with an id of its own.

    The ids and keys of its rows are made of the system's name, so a system has one migration at a time, and none after
    one that was closed with rows in the target. Names that differ in case alone are one: the target's keys ignore case.
    Raises SystemTaken.
    """
    table = storage.table(MIGRATIONS)
    while True:
        held, etag = await systems.holder(table, system)
        before = await load(storage, held) if held else None
        if before is not None and (before.state != "closed" or before.written):
            raise SystemTaken(before)
        migration = Migration(
            id=f"m-{secrets.token_hex(4)}",
            system=system,
            profile=profile,
            plan=plan,
            generation=before.generation if before else 0,
            options=options or {},
        )
        try:
            made = ("create", _row(systems.PARTITION, migration.id, migration))
            await table.submit_transaction([made, systems.claim(system, migration.id, etag)])
        except TableTransactionError as error:
            if error.status_code not in (409, 412):
                raise
            continue  # somebody else was quicker: look at theirs
        return migration


async def load(storage: Storage, id: str) -> Migration:
    """Read a migration. Raises NoMigration."""
    return (await _load(storage, id))[0]


async def list_all(storage: Storage) -> list[Migration]:
    """All migrations, oldest first."""
    rows = storage.table(MIGRATIONS).query_entities(
        "PartitionKey eq @p and RowKey ge 'm-' and RowKey lt 'm.'", parameters={"p": systems.PARTITION}
    )
    found = [Migration.model_validate_json(str(row["document"])) async for row in rows]
    return sorted(found, key=lambda migration: (migration.created, migration.id))


async def change(storage: Storage, id: str, fn: Callable[[Migration], Migration | None]) -> Migration:
    """Change a migration by compare-and-swap and return what was stored.

    `fn` gets a fresh copy and changes it in place (or returns another); it is called again when somebody else was
    quicker, so it must be pure and judge only what it is given. What it raises passes through and nothing is stored.
    """
    while True:
        migration, etag = await _load(storage, id)
        changed = fn(migration) or migration
        if await _swap(storage.table(MIGRATIONS), _row(systems.PARTITION, id, changed), etag):
            return changed


async def check_epoch(storage: Storage, id: str, epoch: int) -> None:
    """Raise EpochChanged when the migration's epoch is no longer `epoch` (one small read; for each batch)."""
    if (await load(storage, id)).epoch != epoch:
        raise EpochChanged(f"migration {id} has moved on: the run ended, or a rollback began")


async def begin_run(
    storage: Storage,
    id: str,
    kind: Kind,
    *,
    by: str = "",
    options: dict[str, Any] | None = None,
    parent: str | None = None,
    number: int | None = None,
) -> Run:
    """Begin a run: pass the gate, become the active run, get a number, in one compare-and-swap.

    A rollback also raises the epoch and takes the place of a run that is active (which is then marked stopped); it and
    an undo raise the generation, so that rows made later get new ids. With `parent` the run is a part of the active run
    `parent`, which stays active (a sample's undo and second pass): no gate, but it needs that parent to be active. With
    `number` it is the run of that number: whoever begins it, and however often, it is one run.
    Raises GateClosed (gate, or `run_active`), NoMigration.
    """
    replaced: list[Run] = []
    made: list[Run] = []

    def begin(migration: Migration) -> None:
        replaced.clear()
        made.clear()
        _admit(migration, kind, parent)
        if parent is None and migration.begun is not None:
            replaced.append(migration.begun)
        if number is None or migration.run_number < number:
            migration.run_number += 1
            migration.epoch += kind == "rollback"
            migration.generation += kind in UNDOING
        own = number or migration.run_number
        run = Run(
            id=f"{kind}-{own:04d}",
            migration=id,
            kind=kind,
            number=own,
            parent=parent,
            by=by,
            epoch=migration.epoch,
            generation=migration.generation,
            snapshot=migration.snapshot,
            map_hash=migration.map_hash or "",
            options=options or {},
        )
        transitions.begun(migration, run)
        if parent is None:
            migration.active_run, migration.begun = run.id, run
        made.append(run)

    await change(storage, id, begin)
    for old in replaced:
        await _stop(storage, old, made[0].id)
    await _insert_run(storage, made[0])
    return await load_run(storage, id, made[0].id) if number else made[0]


async def end_run(
    storage: Storage,
    id: str,
    run_id: str,
    state: RunState,
    *,
    counts: dict[str, dict[str, int]] | None = None,
    message: str = "",
    error: str | None = None,
    changed: bool = True,
    clean: bool = False,
    undone: Mapping[str, bool] | None = None,
    kept: bool = False,
    differences: Mapping[str, int] | None = None,
) -> Run:
    """End a run, in any state but running, and move the migration on when it is done. Safe to repeat.

    Its epoch ends with it: a worker that outlives its run (its activity was delivered twice, and the other delivery's
    answer came first) stops before its next write, so that the next run is the only writer.
    `changed`: a writing run wrote something. `clean`: a verify found no difference. `undone`: a rollback or undo
    names the writing runs it saw and whether each was taken back (True) or still stands (False). Runs taken back get
    `undone_by`. `kept`: it left rows of ours to those who changed them. `differences`: what a sample's diff found, by
    kind. Raises NoMigration, NoRun.
    """
    run = await load_run(storage, id, run_id)
    if run.stop_by and state == "failed":
        state, message, error = "stopped", _stopped(run), None
    left = [await load_run(storage, id, name) for name, gone in (undone or {}).items() if not gone]

    def end(migration: Migration) -> None:
        if migration.active_run != run_id:
            return
        migration.active_run = migration.begun = None
        migration.epoch += 1
        if counts is not None and run.kind in WRITING:
            migration.counts = counts
        if run.kind in WRITING and (changed or state != "done"):
            transitions.wrote(migration)
        if state == "done":
            _onward(migration, run, clean=clean, left=left, kept=kept, differences=differences or {})

    if run.parent is None:
        await change(storage, id, end)
    for name, gone in (undone or {}).items():
        if gone and state == "done":
            await change_run(storage, id, name, lambda other: _mark_undone(other, run_id))

    def finish(stored: Run) -> None:
        if stored.state == "running":
            stored.state, stored.ended = state, now()
            stored.message, stored.error = message, error
            stored.counts = stored.counts if counts is None else counts

    return await change_run(storage, id, run_id, finish)


async def stop_run(storage: Storage, id: str, run_id: str, by: str) -> Run:
    """Ask the active run to stop: the epoch rises, so nothing of it begins any more. Safe to repeat.

    It stays the active run until what is under way has come to its end, and ends then as `stopped`.
    Raises GateClosed, NoMigration, NoRun.
    """
    await load_run(storage, id, run_id)

    def stop(migration: Migration) -> None:
        if migration.active_run != run_id or migration.begun is None:
            raise GateClosed(Refusal("run_ended", f"Run {run_id} is not active.", None))
        migration.epoch += migration.epoch == migration.begun.epoch

    def mark(run: Run) -> None:
        run.stop_by = run.stop_by or by

    # The run first: one that fails because the epoch rose must know why.
    run = await change_run(storage, id, run_id, mark)
    await change(storage, id, stop)
    return run


async def load_run(storage: Storage, id: str, run_id: str) -> Run:
    """Read a run. Raises NoRun, NoMigration."""
    return (await _load_run(storage, id, run_id))[0]


async def list_runs(storage: Storage, id: str) -> list[Run]:
    """The runs of a migration in the order they began."""
    rows = storage.table(RUNS).query_entities("PartitionKey eq @p", parameters={"p": id})
    return [Run.model_validate_json(str(row["document"])) async for row in rows]


async def change_run(storage: Storage, id: str, run_id: str, fn: Callable[[Run], Run | None]) -> Run:
    """Change a run by compare-and-swap, as `change` does (progress counts, messages). Raises NoRun, NoMigration."""
    while True:
        run, etag = await _load_run(storage, id, run_id)
        changed = fn(run) or run
        if await _swap(storage.table(RUNS), _row(id, _run_key(changed.number), changed), etag):
            return changed


def _admit(migration: Migration, kind: Kind, parent: str | None) -> None:
    if parent is not None:
        if migration.active_run != parent:
            raise GateClosed(Refusal("run_ended", f"Run {parent} is not active any more.", None))
        return
    if kind == "undo":
        raise ValueError("an undo is a part of another run and needs its parent")
    refusal = gate(migration, STEP_OF[kind])
    if refusal is not None:
        raise GateClosed(refusal)


def _onward(
    migration: Migration, run: Run, *, clean: bool, left: list[Run], kept: bool, differences: Mapping[str, int]
) -> None:
    match run.kind:
        case "scope":
            transitions.scoped(migration)
        case "prepare":
            transitions.prepared(migration, run)
        case "sample":
            transitions.sampled(migration, run, differences)
        case "migrate" | "retry":
            if not run.partial:  # else there may be records that no run has come to
                transitions.migrated(migration)
        case "verify":
            transitions.verified(migration, clean=clean)
        case "rollback":
            transitions.rolled_back(migration, left, kept=kept)
        case "probe" | "plan" | "delta" | "undo":
            pass


def _mark_undone(run: Run, by: str) -> None:
    run.undone_by = by


def _stopped(run: Run) -> str:
    onward = (
        f"start {STEP_OF[run.kind]} again to go on from there." if run.kind in STEP_OF else "it goes on with its run."
    )
    return f"Stopped by {run.stop_by}. What was finished is kept: {onward}"


async def _stop(storage: Storage, run: Run, by: str) -> None:
    def stop(stored: Run) -> None:
        if stored.state == "running":
            stored.state, stored.ended, stored.message = "stopped", now(), f"Stopped by {by}."

    await _insert_run(storage, run)
    await change_run(storage, run.migration, run.id, stop)


async def _load(storage: Storage, id: str) -> tuple[Migration, str]:
    try:
        row = await storage.table(MIGRATIONS).get_entity(systems.PARTITION, id)
    except ResourceNotFoundError:
        raise NoMigration(f"no migration {id!r}") from None
    return Migration.model_validate_json(str(row["document"])), str(row.metadata["etag"])


async def _load_run(storage: Storage, id: str, run_id: str) -> tuple[Run, str]:
    number = run_id.rpartition("-")[2]
    if not number.isdecimal():
        raise NoRun(f"migration {id} has no run {run_id!r}")
    try:
        row = await storage.table(RUNS).get_entity(id, _run_key(int(number)))
    except ResourceNotFoundError:
        # The row is written after the migration's; a crash between the two leaves it to the first reader.
        begun = (await load(storage, id)).begun
        if begun is None or begun.id != run_id:
            raise NoRun(f"migration {id} has no run {run_id!r}") from None
        await _insert_run(storage, begun)
        row = await storage.table(RUNS).get_entity(id, _run_key(int(number)))
    run = Run.model_validate_json(str(row["document"]))
    if run.id != run_id:
        raise NoRun(f"migration {id} has no run {run_id!r}")
    return run, str(row.metadata["etag"])


async def _insert_run(storage: Storage, run: Run) -> None:
    try:
        await storage.table(RUNS).create_entity(_row(run.migration, _run_key(run.number), run))
    except ResourceExistsError:
        return


async def _swap(table: TableClient, row: dict[str, Any], etag: str) -> bool:
    try:
        await table.update_entity(
            row, mode=UpdateMode.REPLACE, etag=etag, match_condition=MatchConditions.IfNotModified
        )
    except ResourceModifiedError:
        return False
    return True


def _row(partition: str, key: str, document: Migration | Run) -> dict[str, Any]:
    text = document.model_dump_json()
    if len(text) > _LARGEST:
        raise ValueError(f"{document.id} has outgrown its row ({len(text)} characters): keep large things in blobs")
    return {"PartitionKey": partition, "RowKey": key, "state": document.state, "document": text}


def _run_key(number: int) -> str:
    return f"{number:08d}"
