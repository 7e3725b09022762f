"""Steps: checked, started as an orchestration, and followed. ``client`` is the durable client of the trigger."""

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from activities import jobs
from activities.errors import StepError
from activities.notify import tell_end
from activities.rollback import may_undo
from activities.runs import end_parts
from activities.tally import planned_counts
from ledger import migrations
from ledger.lease import held_leases
from ledger.states import KIND_OF, Run, now
from ledger.storage import Storage
from mapping.objects import LOAD_ORDER
from orchestrators import FLOWS
from services.retrying import chosen


@dataclass(frozen=True, slots=True)
class Asked:
    """What a step is told. ``target``: the target's name as the operator typed it, for a run.

    For a rollback: ``runs`` "all", "last" or a run's id; ``later``: with the runs after that one. For a retry: ``objects``
    and ``causes`` (``services.retrying``); with neither it takes up everything.
    """

    target: str | None = None
    runs: str = "all"
    force: bool = False
    later: bool = False
    pause_percent: float | None = None
    remove_solution: bool = False  #: of a full rollback: tables and columns that hold nothing go, too
    patients: int | None = None  #: the most of a sample
    objects: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()


async def start(store: Storage, client: Any, migration: str, step: str, by: str, asked: Asked) -> Run:
    """Pass the gate and start the step's orchestration. Raises StepError, GateClosed."""
    known(step)
    if step in ("run", "retry"):
        await _target_typed(store, migration, asked.target)
    if asked.remove_solution:
        await _solution_unshared(store, migration, step, asked)
    if step == "rollback":
        known_runs = await migrations.list_runs(store, migration)
        await may_undo(store, migration, known_runs, asked.runs, force=asked.force, later=asked.later)
    told: dict[str, Any] = {
        "runs": asked.runs,
        "force": asked.force,
        "later": asked.later,
        "remove_solution": asked.remove_solution,
    }
    if asked.pause_percent is not None:
        told["pause_percent"] = asked.pause_percent
    if asked.patients is not None:
        told["patients"] = asked.patients
    if asked.objects or asked.causes:
        told |= await _chosen(store, migration, step, asked)
    before = (await migrations.load(store, migration)).active_run
    run = await migrations.begin_run(store, migration, KIND_OF[step], by=by, options=told)  # type: ignore[index]
    await start_run(client, run)
    if before and (stopped := await migrations.load_run(store, migration, before)).state == "stopped":
        await end_parts(store, stopped)
        await tell_end(store, stopped)  # a rollback took its place
    return run


def known(step: str) -> None:
    """Raise StepError unless it is a step that can be started."""
    if step not in FLOWS:
        raise StepError("not_found", f"There is no step {step!r}.", f"Steps: {', '.join(FLOWS)}.")


def instance_of(run: Run) -> str:
    """The orchestration instance of a run."""
    return f"{run.migration}-{run.id}"


async def start_run(client: Any, run: Run) -> None:
    """Start the orchestration of a run that has begun."""
    step = next(step for step, kind in KIND_OF.items() if kind == run.kind)
    await client.start_new(FLOWS[step], instance_of(run), {"migration": run.migration, "run": run.id})


async def _solution_unshared(store: Storage, migration: str, step: str, asked: Asked) -> None:
    """Tables and columns go with a full rollback only, and while no other migration needs them."""
    if step != "rollback" or asked.runs != "all":
        raise StepError(
            "bad_request", "Only a rollback of all runs removes the solution.", "Leave remove_solution out."
        )
    others = [
        one.id
        for one in await migrations.list_all(store)
        if one.id != migration and one.state != "closed" and one.prepared_hash is not None
    ]
    if others:
        words = f"The target was prepared for {', '.join(others)}, too: the tables and columns are needed."
        raise StepError("solution_shared", words, "Roll back without removing the solution.")


async def _chosen(store: Storage, migration: str, step: str, asked: Asked) -> dict[str, Any]:
    """The options of a retry of chosen causes."""
    if step != "retry":
        raise StepError("bad_request", "Only a retry takes objects and causes.", "Leave them out.")
    if asked.pause_percent is not None:
        raise StepError("bad_request", "A retry of chosen causes does not pause.", "Leave pause_percent out.")
    refusal = migrations.gate(await migrations.load(store, migration), "retry")
    if refusal is not None:
        raise migrations.GateClosed(refusal)
    return await chosen(store, migration, asked.objects, asked.causes)


async def _target_typed(store: Storage, migration: str, typed: str | None) -> None:
    """A full run names its target: nobody writes to the wrong environment by habit."""
    limits = await jobs.optional_document(store, migration, "limits.json", {"target_name": ""})
    one = await migrations.load(store, migration)
    if migrations.gate(one, "run") is None and typed != limits["target_name"]:
        raise StepError(
            "wrong_target",
            f"The target is {limits['target_name']!r}; that is not the name you typed.",
            "Type the target's name to start the full run.",
        )


async def follow(store: Storage, client: Any, migration: str, id: str) -> Run:
    """A run as it stands now. Raises NoRun."""
    run = await migrations.load_run(store, migration, id)
    return await reconciled(store, client, run) if run.state == "running" and run.parent is None else run


async def stop(store: Storage, client: Any, migration: str, id: str, by: str) -> Run:
    """Ask the active run to stop; it ends when the batches under way have come to their end. Raises GateClosed, NoRun."""
    run = await migrations.stop_run(store, migration, id, by)
    if run.waiting_until is not None and run.waiting_until > now():
        # It sleeps until the next day's requests: nothing would tell it before. What is under way ends by its epoch.
        await client.terminate(instance_of(run), "a person stopped the run")
    return run


#: What an orchestration is called that does nothing any more.
_OVER: Final = ("Completed", "Failed", "Terminated", "Canceled")


async def reconciled(store: Storage, client: Any, run: Run) -> Run:
    """A run whose orchestration was never started (a crash in between) is started; one that died is ended by name."""
    status = await client.get_status(instance_of(run))
    if not status or status.runtime_status is None:
        await start_run(client, run)
        return run
    if status.runtime_status.name in _OVER:
        # Its last act is to end the run, which it may just have done; where that failed, nobody else does it.
        run = await migrations.load_run(store, run.migration, run.id)
        if run.stop_by and await held_leases(store, run.migration):
            return run
        if run.state == "running":
            words = "The orchestration ended before the run did."
            run = await migrations.end_run(store, run.migration, run.id, "failed", message=words, error="internal")
            await end_parts(store, run)
            await tell_end(store, run)
    return run


async def progress(store: Storage, run: Run) -> dict[str, dict[str, int]]:
    """Records done so far, by object, how many the plan has, and how many were excepted.

    The parts of a sample come to the same records: what they did adds up, what they excepted is that of the latest.
    """
    runs = [run.id]
    if run.kind == "sample":
        runs += [one.id for one in await migrations.list_runs(store, run.migration) if one.parent == run.id]
    found: dict[str, dict[str, int]] = {}
    for one in runs:
        excepted = Counter[str]()
        for chunk in await jobs.all_ended(store, run.migration, one):
            found.setdefault(chunk.object, {"done": 0, "total": 0, "excepted": 0})["done"] += chunk.done
            excepted[chunk.object] += chunk.excepted
        for name, count in excepted.items():
            found[name]["excepted"] = count
    if run.kind in ("migrate", "delta", "retry"):
        for name in LOAD_ORDER:
            if counts := await planned_counts(store, run.migration, run.id, name):
                entry = found.setdefault(name, {"done": 0, "total": 0, "excepted": 0})
                entry["total"], entry["excepted"] = counts[0], entry["excepted"] + counts[1]
    return found
