"""The reports that end a step: the delta, the rollback."""

from collections import Counter
from typing import Any

import orjson

from activities import jobs
from activities.drift import with_drift
from activities.keep import keep_report
from activities.resources import storage
from activities.scope import merged
from activities.tally import plan_summary
from activities.target import app_clients
from activities.who import users
from ledger import paths
from ledger.chunks import unpack
from mapping.objects import LOAD_ORDER
from reports.steps import delta_report, rollback_report


async def make_delta_report(job: dict[str, Any]) -> dict[str, Any]:
    """What a delta pickup found: new, changed, and gone from the source."""
    store = await storage()
    plans = {name: await plan_summary(store, job["migration"], job["run"], name) for name in LOAD_ORDER}
    made: dict[str, Any] = {name: plan for name, plan in plans.items() if plan}
    report = delta_report(job["migration"], job["run"], made, await _drift(job))
    await keep_report(store, await with_drift(store, job, await merged(store, job), report))
    return {}


async def _drift(job: dict[str, Any]) -> dict[str, int]:
    """Custom properties of this reading that the confirmed map does not know: name -> patients who have one."""
    store = await storage()
    clinic_map, _ = await jobs.map_and_schema(store, job)
    routes = clinic_map.objects["patient"].routes if "patient" in clinic_map.objects else []
    known = {field.source for route in routes for field in route.fields}
    found = (await merged(store, job))["properties"]
    return {name: one.patients for name, one in found.items() if f"properties.{name}" not in known}


async def make_rollback_report(job: dict[str, Any]) -> dict[str, Any]:
    """What was undone, and what was left and why; the outcome of the step."""
    store = await storage()
    listed: list[dict[str, Any]] = []
    behind: list[dict[str, Any]] = []
    counts: dict[str, Counter[str]] = {}
    for blob in await store.names("staging", paths.work(job["migration"], job["run"], "undo/")):
        content = await store.get("staging", blob)
        if blob.endswith(".listed.ndjson.gz"):
            listed += unpack(content)
        elif blob.endswith(".behind.ndjson.gz"):
            behind += unpack(content)
        else:
            result = orjson.loads(content)
            counts.setdefault(result["object"], Counter()).update(result["counts"])
    totals = await jobs.document(store, job["migration"], f"undone-{job['run']}.json")
    listed = list({one["row_id"]: one for one in listed}.values())
    async with app_clients(store) as (client, *_):
        names = await users(client, {one["who"] for one in listed}) if listed else {}
    for one in listed:
        known = names.get(str(one["who"]).lower())
        one["who"] = known.name if known else one["who"]
    solution = await jobs.optional_document(store, job["migration"], f"solution-{job['run']}.json", None)
    await keep_report(store, rollback_report(job["migration"], counts, totals, listed, behind, solution))
    removed = (
        f" {len(solution['removed']):,} tables and columns removed, {len(solution['kept']):,} stay." if solution else ""
    )
    return {
        "undone": job["undone"],
        "kept": totals["kept"] + totals["left"] > 0,
        "counts": {name: dict(one) for name, one in counts.items()},
        "message": (
            f"{totals['deleted']:,} rows deleted, {totals['restored']:,} restored, {totals['kept']:,} kept because others "
            f"changed them, {totals['left']:,} left; read back and proved.{removed}"
        ),
    }
