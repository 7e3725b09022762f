"""Reconciliation: what verify read back, added up by object and class; "not checked" is never shown as good."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Final

import orjson

from activities import jobs
from activities.keep import keep_report
from activities.lists import keep_lists
from activities.resources import storage, workplace
from activities.standing import last_load, standing
from activities.tally import DERIVED_TALLY, FIGURES
from ledger import migrations, paths
from ledger.chunks import read_records
from ledger.storage import Storage
from mapping.objects import DERIVED, LOAD_ORDER, OBJECTS
from reports.model import Streamed
from reports.reconcile import reconciliation_report

#: Figures of derived rows that the report shows.
MADE = ("migrated", "excepted", "fields_verified", "fields_differing")

Finding = dict[str, Any]

#: The document that says how many findings of each class the latest verification has; of records not checked, how many.
FINDINGS: Final = "findings.json"


async def reconcile(job: dict[str, Any]) -> dict[str, Any]:
    """Sum the comparison, write the reports; the outcome says whether it is clean."""
    store = await storage()
    objects = await jobs.optional_document(
        store, job["migration"], "tally.json", {name: dict.fromkeys(FIGURES, 0) for name in OBJECTS}
    )
    derived = await jobs.optional_document(store, job["migration"], DERIVED_TALLY, {})
    async with workplace("reconcile") as folder:
        files = await store.download("staging", _verified(job), folder / "verify")
        totals = await asyncio.to_thread(_sums, files)
        lacking = _count(objects, derived, totals)
        classes = await asyncio.to_thread(lambda: Counter(str(one["class"]) for one in _findings(files)))
        findings = Streamed(lambda: chain(_findings(files), lacking), classes.total() + len(lacking))
        classes["not checked"] += sum(one["count"] for one in lacking)
        await jobs.keep_document(store, job["migration"], "tally.json", objects)
        await jobs.keep_document(store, job["migration"], DERIVED_TALLY, derived)
        await jobs.keep_document(store, job["migration"], FINDINGS, +classes)
        made = [
            [DERIVED[name].plural, DERIVED[name].told_with, *(one[key] for key in MADE)]
            for name, one in derived.items()
        ]
        runs = await migrations.list_runs(store, job["migration"])
        bypassed = {run.id: run.bypassed for run in reversed(standing(runs))}
        await keep_report(store, reconciliation_report(job["migration"], objects, findings, made, bypassed))
    load = last_load(runs)
    await keep_lists(store, job, load.id if load else None)
    differing = sum(one["differing"] + one["properties_differing"] + one["missing"] for one in totals.values())
    clean = not findings and differing == 0
    checked = sum(one["verified"] + one["properties_verified"] for one in totals.values())
    records = sum(one["rows"] for one in totals.values())
    words = "nothing differs" if clean else f"findings: {len(findings):,}"
    return {"clean": clean, "message": f"{checked:,} fields of {records:,} records read back; {words}."}


def _count(
    objects: dict[str, dict[str, int]], derived: dict[str, dict[str, int]], totals: dict[str, Counter[str]]
) -> list[Finding]:
    """Put what was compared into the figures; returns a finding for each object of which not all was."""
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
    lacking: list[Finding] = []
    for name in LOAD_ORDER:
        landed = (derived if name in DERIVED else objects).get(name, {}).get("migrated", 0)
        missing = landed - totals.get(name, Counter[str]())["rows"]
        if missing:
            lacking.append(
                {"object": name, "source_id": None, "column": None, "class": "not checked", "count": missing}
            )
    return lacking


async def compared(store: Storage, job: dict[str, Any]) -> tuple[dict[str, Counter[str]], list[Finding]]:
    """What the verify chunks of a sample found: sums by object, and the findings, which are few."""
    async with workplace("compared") as folder:
        files = await store.download("staging", _verified(job), folder)
        return await asyncio.to_thread(lambda: (_sums(files), list(_findings(files))))


def _verified(job: dict[str, Any]) -> str:
    return paths.work(job["migration"], job["run"], "verify/")


def _sums(files: list[Path]) -> dict[str, Counter[str]]:
    """What the chunks counted, by object."""
    totals: dict[str, Counter[str]] = {}
    for file in files:
        if file.suffix == ".json":
            result = orjson.loads(file.read_bytes())
            totals.setdefault(result.pop("object"), Counter()).update(result)
    return totals


def _findings(files: list[Path]) -> Iterator[Finding]:
    """What the chunks found, one after another."""
    for file in files:
        if file.name.endswith(".findings.ndjson.gz"):
            yield from read_records(file)
