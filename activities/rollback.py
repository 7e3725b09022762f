"""Rollback: which runs are undone and in what order, and what the read-back proved."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any, Final

import orjson

from activities import jobs
from activities.errors import StepError
from activities.resources import storage, workplace
from activities.standing import standing
from ledger import duck, migrations, paths
from ledger.audit import partitions
from ledger.lease import LeaseHeld, held_leases
from ledger.migrations import Run
from ledger.storage import Storage
from mapping.objects import LOAD_ORDER

#: Looks at the leases, seconds apart, before the orchestration is told to ask again later.
LOOKS: Final = 30
_POLL: Final = 1.0


async def plan_rollback(job: dict[str, Any]) -> dict[str, Any]:
    """The steps of a rollback, in the order they must be done: newest run first, child before parent.

    Returns ``{"steps": [{"of_run", "of_number", "object", "phase", "chunks"}]}``.
    """
    store = await storage()
    await _quiet(store, job["migration"])
    steps: list[dict[str, Any]] = []
    for run in await _chosen(store, job):
        plans = {name: await _plan_of(store, job["migration"], run.id, name) for name in LOAD_ORDER}
        for name in reversed(LOAD_ORDER):
            plan = plans[name]
            if not plan or not plan["chunks"]:
                continue
            for phase in ("state", "link", "load"):
                if phase == "load" or plan[f"{phase}s"]:
                    steps.append(
                        {
                            "of_run": run.id,
                            "of_number": run.number,
                            "object": name,
                            "phase": phase,
                            "chunks": len(plan["chunks"]),
                        }
                    )
    return {"steps": steps}


async def _quiet(store: Storage, migration: str) -> None:
    """Wait until no worker holds a chunk: the raised epoch stops them before their next write, and in their waits.

    Raises LeaseHeld when one takes longer, as a request does whose answer does not come.
    """
    for _ in range(LOOKS):
        if not await held_leases(store, migration):
            return
        await asyncio.sleep(_POLL)
    raise LeaseHeld(f"a worker still holds a chunk of {migration}")


async def to_undo(store: Storage, migration: str, runs: list[Run], which: str, *, force: bool = False) -> list[Run]:
    """The runs of ``runs`` that a rollback takes back, newest first.

    ``which`` "last": the latest that wrote something, with those after it that wrote nothing; a run's id: that one, with
    those after it; else all of them. With ``force`` those of which an earlier rollback left rows belong to them, too.
    """
    found = standing(runs)
    if force:
        left = [run for run in runs if run.undone_by and await _left_rows(store, migration, run.undone_by)]
        found = sorted([*found, *left], key=lambda run: run.number, reverse=True)
    if which == "all":
        return found
    if which != "last":
        return found[: max((place for place, run in enumerate(found, 1) if _is(run, which)), default=0)]
    for place, run in enumerate(found, 1):
        if await partitions(store, migration, run.id):
            return found[:place]
    return found


async def may_undo(
    store: Storage, migration: str, runs: list[Run], which: str, *, force: bool = False, later: bool = False
) -> None:
    """Raise StepError when ``which`` names a run that cannot be taken back so: its writes do not stand any more, or runs
    after it wrote, which go first and are not to go with it (``later``)."""
    if which in ("all", "last"):
        return
    chosen = await to_undo(store, migration, runs, which, force=force)
    if not chosen:
        raise StepError(
            "nothing_stands",
            f"There is no run {which} of which anything stands in the target.",
            "The migration's page and status name its runs; those that were undone say so.",
        )
    after = [run for run in chosen if not _is(run, which) and await partitions(store, migration, run.id)]
    if after and not later:
        names = ", ".join(dict.fromkeys(run.parent or run.id for run in after))
        raise StepError(
            "later_runs",
            f"{which} cannot be taken back alone: {names} came after it, and may have changed what it wrote.",
            f"Take back {which} and all that came after it (later, or --with-later), or the latest alone (last).",
        )


def _is(run: Run, name: str) -> bool:
    """Whether a run has this name, or is a part of the run that has."""
    return name in (run.id, run.parent)


async def _left_rows(store: Storage, migration: str, rollback: str) -> bool:
    totals = await jobs.optional_document(store, migration, f"undone-{rollback}.json", {})
    return bool(totals.get("kept") or totals.get("left"))


async def _chosen(store: Storage, job: dict[str, Any]) -> list[Run]:
    runs = [run for run in await migrations.list_runs(store, job["migration"]) if run.number < job["number"]]
    await may_undo(store, job["migration"], runs, job["undo"], force=job["force"], later=job["later"])
    return await to_undo(store, job["migration"], runs, job["undo"], force=job["force"])


async def _plan_of(store: Storage, migration: str, run: str, name: str) -> dict[str, Any] | None:
    blob = paths.work(migration, run, f"{name}/plan/summary.json")
    return orjson.loads(await store.get("staging", blob)) if await store.exists("staging", blob) else None


async def prove_undone(job: dict[str, Any]) -> dict[str, Any]:
    """Add up what the chunks undid and read back. Raises StepError when a created row remains that nobody kept.

    Returns ``{"counts": {object: …}, "undone": {run: taken back, or still standing}, "totals": {deleted, …}}``.
    """
    store = await storage()
    counts: dict[str, Counter[str]] = {}
    for result in await jobs.documents(store, paths.work(job["migration"], job["run"], "undo/"), ".json"):
        counts.setdefault(result["object"], Counter()).update(result["counts"])
    totals = Counter[str]()
    for one in counts.values():
        totals.update(one)
    if totals["remaining"]:
        raise StepError(
            "not_undone",
            f"{totals['remaining']} rows that were deleted are still in the target.",
            "Start the rollback again: it takes up what is left.",
        )
    async with workplace("undone") as folder:
        await store.download("staging", paths.work(job["migration"], job["run"], "undone/"), folder)
        sums = {"deleted": totals["deleted"], **await asyncio.to_thread(count_undone, folder)}
    await jobs.keep_document(store, job["migration"], f"undone-{job['run']}.json", sums)
    chosen = {run.id for run in await _chosen(store, job)}
    runs = [run for run in await migrations.list_runs(store, job["migration"]) if run.number < job["number"]]
    undone = dict.fromkeys(chosen, True) | {run.id: False for run in standing(runs) if run.id not in chosen}
    return {"counts": {name: dict(one) for name, one in counts.items()}, "undone": undone, "totals": sums}


#: Of the rows that were not simply deleted: a row that several runs wrote is one row, and has one end.
_ENDS: Final = """
WITH said AS (SELECT row, what FROM read_json($files, format = 'newline_delimited', compression = 'gzip',
                                              columns = {row: 'UUID', what: 'VARCHAR'})),
     ends AS (SELECT bool_or(what = 'deleted') AS gone, bool_or(what = 'restored') AS restored,
                     bool_or(what = 'kept') AS kept, bool_or(what = 'left') AS lying
              FROM said SEMI JOIN (SELECT row FROM said WHERE what <> 'deleted') USING (row) GROUP BY row)
SELECT count(*) FILTER (restored AND NOT gone), count(*) FILTER (kept), count(*) FILTER (lying AND NOT kept) FROM ends
"""


def count_undone(folder: Path) -> dict[str, int]:
    """Rows restored, kept and left, by what the chunks' files of ``Undone.rows`` in ``folder`` say."""
    files = [str(path) for path in sorted(folder.glob("*.ndjson.gz"))]
    if not files:
        return {"restored": 0, "kept": 0, "left": 0}
    with duck.json_cursor() as db:
        found = db.execute(_ENDS, {"files": files}).fetchone() or (0, 0, 0)
    return dict(zip(("restored", "kept", "left"), found, strict=True))
