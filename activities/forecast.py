"""The plan's end: what was planned, added up, and what it would take by what the sample measured."""

from typing import Any

from activities import jobs
from activities.drugs import list_drugs
from activities.keep import keep_report
from activities.planning import WRITES
from activities.resources import storage
from activities.scope import renewal_of, uploaded_bytes
from activities.signin import users
from activities.tally import plan_summary
from dataverse.notes import BLOCKS_ABOVE
from ledger import migrations
from ledger.storage import Storage
from mapping.objects import LOAD_ORDER
from reports.estimates import kept_bytes
from reports.forecast import Measured, Work, forecast_report
from reports.warnings import DAILY_REQUESTS, price_at_renewal
from settings import settings


async def make_forecast(job: dict[str, Any]) -> dict[str, Any]:
    """What the full run would do and take; nothing was written to find out."""
    store = await storage()
    plans = await _plans(store, job["migration"], job["run"])
    actions: dict[str, Any] = {name: plan["actions"] for name, plan in plans.items()}
    papers = await jobs.optional_document(store, job["migration"], "files.json", {})
    work = work_of(plans, [int(paper["size"]) for paper in papers.values()])
    limits = await jobs.optional_document(store, job["migration"], "limits.json", {})
    took = await measured(store, job["migration"])
    day = settings().daily_requests or DAILY_REQUESTS
    drugs = await list_drugs(job)
    migration = await migrations.load(store, job["migration"])
    source = await jobs.optional_document(store, job["migration"], "source.json", {"files": []})
    kept = kept_bytes(sum(plan["read"] for plan in plans.values()), *uploaded_bytes(source, papers))
    _, licences = price_at_renewal(migration.plan, migration.options.get("seats"), renewal_of(migration))
    report = forecast_report(
        job["migration"], actions, work, took, users(), limits, day, drugs, kept, licences, bypass=job["bypass"]
    )
    await keep_report(store, report)
    adopted = _records(plans, ("adopt",))
    found = f", {adopted:,} adopted" if adopted else ""
    return {
        "message": (
            f"{work.created:,} rows would be created{found} and {work.changed - adopted:,} changed. Nothing was written."
        )
    }


def work_of(plans: dict[str, Any], sizes: list[int]) -> Work:
    """What these plans would write. ``sizes``: bytes of the uploaded files; large ones go in blocks."""
    changed = tuple(action for action in WRITES if action != "create")
    return Work(
        created=_records(plans, ("create",)),
        changed=_records(plans, changed),
        linked=sum(plan["links"] for plan in plans.values()),
        closed=sum(plan["states"] for plan in plans.values()),
        documents=_records({name: plan for name, plan in plans.items() if name == "document"}, ("create",)),
        blocks=sum(1 + -(-size // BLOCKS_ABOVE) for size in sizes if size > BLOCKS_ABOVE),
        earlier=_records(plans, ("unchanged",)),
    )


def _records(plans: dict[str, Any], actions: tuple[str, ...]) -> int:
    return sum(plan["actions"].get(action, {}).get("records", 0) for plan in plans.values() for action in actions)


async def _plans(store: Storage, migration: str, run: str) -> dict[str, Any]:
    found = {name: await plan_summary(store, migration, run, name) for name in LOAD_ORDER}
    return {name: plan for name, plan in found.items() if plan}


async def measured(store: Storage, migration: str) -> Measured | None:
    """What the latest sample's rehearsal took: the part that was loaded and read back, and the undo that took it back."""
    runs = await migrations.list_runs(store, migration)
    for undo in reversed(runs):
        rehearsal = next((run for run in runs if run.kind == "sample" and run.undone_by == undo.id), None)
        if rehearsal is None or rehearsal.parent != undo.parent or not (rehearsal.ended and undo.ended):
            continue
        loaded = _records(await _plans(store, migration, rehearsal.id), WRITES)
        totals = await jobs.optional_document(store, migration, f"undone-{undo.id}.json", {})
        return Measured(
            run=undo.parent or rehearsal.id,
            rows=loaded,
            seconds=(rehearsal.ended - rehearsal.started).total_seconds(),
            undone=totals.get("deleted", 0) + totals.get("restored", 0),
            undo_seconds=(undo.ended - undo.started).total_seconds(),
        )
    return None
