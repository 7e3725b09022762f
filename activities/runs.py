"""The beginning and the end of a run, as activities."""

from datetime import datetime
from typing import Any

from activities import jobs
from activities.anchor import anchor
from activities.cutover import keep_checklist
from activities.notify import tell_end, tell_wait
from activities.resources import storage
from ledger import migrations
from ledger.states import RunState
from ledger.storage import Storage
from settings import settings


async def open_run(start: dict[str, Any]) -> dict[str, Any]:
    """The job of a run that has begun. ``start``: migration, run (or a job whose snapshot has moved on)."""
    store = await storage()
    migration = await migrations.load(store, start["migration"])
    run = await _noted(store, start["migration"], start["run"])
    job = await jobs.describe(store, migration, run)
    if "pause_percent" not in run.options:
        job["pause_percent"] = settings().pause_percent
    return job


async def open_part(job: dict[str, Any]) -> dict[str, Any]:
    """A run inside the sample's run: ``job["part"]`` is its kind. Delivered twice it begins the same part once."""
    store = await storage()
    root = await migrations.load_run(store, job["migration"], job["root"])
    # While the sample's run is active, nothing but its parts begins: which number a part has is known before.
    number = root.number + 1 + job["part_number"]
    run = await migrations.begin_run(
        store, job["migration"], job["part"], by=job["operator"], parent=root.id, number=number
    )
    migration = await migrations.load(store, job["migration"])
    opened = await jobs.describe(store, migration, await _noted(store, job["migration"], run.id))
    kept: dict[str, Any] = {key: job[key] for key in ("root", "sample", "pause_percent", "mapped") if key in job}
    return {**opened, **kept, "undo": job.get("undo") or "all"}


async def _noted(store: Storage, migration: str, run: str) -> migrations.Run:
    """The run, which says from now on whether the target's plug-ins and flows are left out."""

    def note(stored: migrations.Run) -> None:
        stored.bypassed = settings().bypass_logic

    return await migrations.change_run(store, migration, run, note)


async def note_wait(wait: dict[str, Any]) -> dict[str, Any]:
    """Say that a run waits, and until when: in its document, and once to the people who are told."""
    store = await storage()
    until = datetime.fromisoformat(wait["until"])
    told: list[bool] = []

    def later(run: migrations.Run) -> None:
        told.append(run.waiting_until is not None and run.waiting_until >= until)
        run.waiting_until = max(until, run.waiting_until or until)

    run = await migrations.load_run(store, wait["migration"], wait["run"])
    for id in {run.id, run.parent or run.id}:
        await migrations.change_run(store, run.migration, id, later)
    if not told[-1]:
        words = f"The day's requests are used up; the run goes on at {until:%Y-%m-%d %H:%M} UTC."
        await tell_wait(run, words)
    return {}


async def finish_run(end: dict[str, Any]) -> dict[str, Any]:
    """Record the named end of a run and move the migration on."""
    store = await storage()
    outcome = end["outcome"]
    error = outcome.get("error")
    message = outcome.get("message", "")
    asked = await migrations.load_run(store, end["migration"], end["run"])
    if error and not asked.stop_by:
        await jobs.keep_document(store, end["migration"], f"error-{end['run']}.json", error)
    run = await migrations.end_run(
        store,
        end["migration"],
        end["run"],
        outcome.get("state", "done"),
        counts=outcome.get("counts"),
        message=message,
        error=error["message"] if error else None,
        changed=outcome.get("changed", True),
        clean=outcome.get("clean", False),
        undone=outcome.get("undone"),
        kept=outcome.get("kept", False),
        differences=outcome.get("differences"),
    )
    await anchor(store, run)
    if run.parent is None:
        await end_parts(store, run)
        if run.state != "stopped" or run.stop_by:  # whoever started the rollback that took its place has told so
            await tell_end(store, run, error)
        if run.kind in ("migrate", "retry", "delta", "verify", "rollback"):
            await keep_checklist(store, run.migration)
    return {}


async def end_parts(store: Storage, run: migrations.Run) -> None:
    """A run that ended half-way leaves no part of it running."""
    for part in await migrations.list_runs(store, run.migration):
        if part.parent == run.id and part.state == "running":
            state: RunState = "stopped" if run.state == "stopped" else "failed"
            await anchor(store, await migrations.end_run(store, run.migration, part.id, state))
