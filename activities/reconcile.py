"""Reconciliation: what verify read back, added up by object and class; "not checked" is never shown as good."""

from collections import Counter
from typing import Any

import orjson

from activities import jobs
from activities.drugs import list_drugs
from activities.keep import keep_report
from activities.resources import storage
from activities.standing import last_load, standing
from activities.tally import DERIVED_TALLY, FIGURES
from activities.unstructured import unstructured
from ledger import exceptions, migrations, paths
from ledger.chunks import unpack
from ledger.storage import Storage
from mapping.objects import DERIVED, LOAD_ORDER, OBJECTS
from reports.reconcile import exceptions_report, manual_upload_report, reconciliation_report

#: Figures of derived rows that the report shows.
MADE = ("migrated", "excepted", "fields_verified", "fields_differing")

#: Findings kept for the report; all of them are in the run's work.
LISTED = 5000


async def reconcile(job: dict[str, Any]) -> dict[str, Any]:
    """Sum the comparison, write the reports; the outcome says whether it is clean."""
    store = await storage()
    objects = await jobs.optional_document(
        store, job["migration"], "tally.json", {name: dict.fromkeys(FIGURES, 0) for name in OBJECTS}
    )
    derived = await jobs.optional_document(store, job["migration"], DERIVED_TALLY, {})
    totals, findings = await compared(store, job)
    for one in objects.values():
        one["fields_verified"] = one["fields_differing"] = 0
    for name, found in totals.items():
        for prefix, told in (
            ("", DERIVED[name].told_with if name in DERIVED else name),
            ("properties_", "custom_property"),
        ):
            objects[told]["fields_verified"] += found[f"{prefix}verified"]
            objects[told]["fields_differing"] += found[f"{prefix}differing"]
        if name in derived:
            derived[name] |= {"fields_verified": found["verified"], "fields_differing": found["differing"]}
    rows = {name: totals.get(name, Counter())["rows"] for name in LOAD_ORDER}
    for name in LOAD_ORDER:
        lacking = (derived if name in DERIVED else objects).get(name, {}).get("migrated", 0) - rows[name]
        if lacking:
            findings.append(
                {"object": name, "source_id": None, "column": None, "class": "not checked", "count": lacking}
            )
    await jobs.keep_document(store, job["migration"], "tally.json", objects)
    await jobs.keep_document(store, job["migration"], DERIVED_TALLY, derived)
    made = [
        [DERIVED[name].plural, DERIVED[name].told_with, *(one[key] for key in MADE)] for name, one in derived.items()
    ]
    load = last_load(await migrations.list_runs(store, job["migration"]))
    excepted = [row async for row in exceptions.each(store, job["migration"], run=load.id)] if load else []
    papers = await jobs.optional_document(store, job["migration"], "files.json", {})
    runs = standing(await migrations.list_runs(store, job["migration"]))
    bypassed = {run.id: run.bypassed for run in reversed(runs)}
    await keep_report(store, reconciliation_report(job["migration"], objects, findings, LISTED, made, bypassed))
    await keep_report(store, exceptions_report(job["migration"], excepted, await list_drugs(job)))
    odd = await unstructured(store, job["migration"], job["snapshot"])
    await keep_report(store, manual_upload_report(job["migration"], excepted, papers, odd))
    differing = sum(one["differing"] + one["properties_differing"] + one["missing"] for one in totals.values())
    clean = not findings and differing == 0
    checked = sum(one["verified"] + one["properties_verified"] for one in totals.values())
    words = "nothing differs" if clean else f"findings: {len(findings):,}"
    return {"clean": clean, "message": f"{checked:,} fields of {sum(rows.values()):,} records read back; {words}."}


async def compared(store: Storage, job: dict[str, Any]) -> tuple[dict[str, Counter[str]], list[dict[str, Any]]]:
    """What the verify chunks of a run found: sums by object, and the findings."""
    totals: dict[str, Counter[str]] = {}
    findings: list[dict[str, Any]] = []
    for blob in await store.names("staging", paths.work(job["migration"], job["run"], "verify/")):
        content = await store.get("staging", blob)
        if blob.endswith(".findings.ndjson.gz"):
            findings += unpack(content)
        else:
            result = orjson.loads(content)
            totals.setdefault(result.pop("object"), Counter()).update(result)
    return totals, findings
