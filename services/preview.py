"""What a rollback would do, without doing it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from activities.edits import edited
from activities.forecast import measured
from activities.planning import WRITES
from activities.rollback import may_undo, to_undo
from activities.tally import plan_summary, results
from ledger import migrations
from ledger.states import Run
from ledger.storage import Storage, bounded
from mapping.objects import LOAD_ORDER


async def planned(store: Storage, migration: str, runs: str, *, force: bool = False) -> dict[str, Any]:
    """Which runs would be undone, and how many rows of each object be deleted or restored, by what was planned then.

    Returns ``{"runs": [id], "objects": {object: {"delete", "restore"}}}``, child before parent.
    """
    chosen = await to_undo(store, migration, await migrations.list_runs(store, migration), runs, force=force)
    counts: dict[str, dict[str, int]] = {}
    for name in reversed(LOAD_ORDER):
        for run in chosen:
            plan = await plan_summary(store, migration, run.id, name)
            for action, figures in (plan["actions"] if plan else {}).items():
                if action in WRITES:
                    one = counts.setdefault(name, {"delete": 0, "restore": 0})
                    one["delete" if action == "create" else "restore"] += figures["records"]
    return {"runs": [run.id for run in chosen], "objects": counts}


async def written(store: Storage, migration: str, runs: Sequence[str]) -> dict[str, dict[str, int]]:
    """Rows of each object that these runs created and changed, as "delete" and "restore", child before parent.

    By what their chunks told. A run that failed or was stopped may have written anything of its plan: it counts whole.
    """
    counts: dict[str, dict[str, int]] = {}
    for run in [await migrations.load_run(store, migration, id) for id in runs]:
        for name in reversed(LOAD_ORDER):
            plan = await plan_summary(store, migration, run.id, name)
            if plan is None:
                continue
            if run.state in ("done", "paused"):
                told = await results(store, migration, run.id, name)
                found = {"delete": told["created"], "restore": told["landed"] - told["created"]}
            else:
                whole = {action: plan["actions"].get(action, {}).get("records", 0) for action in WRITES}
                found = {"delete": whole["create"], "restore": sum(whole.values()) - whole["create"]}
            one = counts.setdefault(name, {"delete": 0, "restore": 0})
            one["delete"] += found["delete"]
            one["restore"] += found["restore"]
    return {name: counts[name] for name in reversed(LOAD_ORDER) if any(counts.get(name, {}).values())}


@dataclass(frozen=True, slots=True)
class Undoable:
    """A run that can be taken back. A sample is one run, whatever parts it has."""

    id: str
    by: str
    started: datetime
    rows: int  #: that it created or changed
    later: list[str]  #: the runs that wrote after it, and go with it


async def undoable(store: Storage, migration: str, *, force: bool = False) -> list[Undoable]:
    """The runs that a rollback can take back, newest first. One that wrote nothing is none of them."""
    runs = {run.id: run for run in await migrations.list_runs(store, migration)}
    standing = await to_undo(store, migration, [*runs.values()], "all", force=force)

    async def rows_of(run: Run) -> int:
        return sum(sum(one.values()) for one in (await written(store, migration, [run.id])).values())

    rows: dict[str, int] = {}
    for run, count in zip(standing, await bounded(rows_of, standing), strict=True):
        rows[run.parent or run.id] = rows.get(run.parent or run.id, 0) + count
    wrote = [name for name, count in rows.items() if count]
    return [
        Undoable(name, runs[name].by, runs[name].started, rows[name], wrote[:place]) for place, name in enumerate(wrote)
    ]


async def preview(
    store: Storage, migration: str, runs: str, *, force: bool = False, later: bool = False
) -> dict[str, Any]:
    """What a rollback would take back, and how many of the rows somebody else changed last. Raises StepError.

    ``undoable`` are the runs that may be named. ``edited`` is a count by table, or None when the target was not asked since
    it gave no answer. ``seconds`` is what it would take by the sample's rehearsed undo, None when none was measured.
    """
    await may_undo(store, migration, await migrations.list_runs(store, migration), runs, force=force, later=later)
    chosen = (await planned(store, migration, runs, force=force))["runs"]
    counts = {"runs": chosen, "objects": await written(store, migration, chosen)}
    total = sum(sum(one.values()) for one in counts["objects"].values())
    others = await edited(store, migration, counts["runs"][0]) if counts["runs"] else {}
    if others is None:
        said = "The target gives no answer now, so nobody knows how many of them others changed since."
    else:
        said = f"{sum(others.values()):,} of them were last changed by somebody else."
    took = await measured(store, migration)
    return {
        "preview": True,
        **counts,
        "undoable": [asdict(one) for one in await undoable(store, migration, force=force)],
        "edited": others,
        "seconds": round(total * took.undo_seconds / took.undone) if took and took.undone else None,
        "message": f"{total:,} operations would be taken back. {said} What others changed is kept and listed.",
    }
