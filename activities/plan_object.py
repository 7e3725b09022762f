"""Plan one object: what is new, changed, unchanged, gone, or cannot go; one join, written once per run."""

import asyncio
from pathlib import Path
from typing import Any

import orjson

from activities import jobs
from activities.current import fetch_current
from activities.holding import Chosen
from activities.planning import LANDED, NOT_LANDED, REFUSED, WRITES, Plan, needed
from activities.resources import storage, workplace
from ledger import paths
from ledger.exceptions import ExceptionRow
from ledger.exceptions import write_part as write_exceptions
from ledger.storage import Storage, bounded
from mapping.objects import DERIVED


async def plan_object(job: dict[str, Any]) -> dict[str, Any]:
    """The plan of one object. ``phase`` says what for: load, verify, or plan (nothing will be written).

    Returns ``{"chunks", "links", "states", "read", "excepted"}``. The first attempt's plan stands: load chunks may
    have begun when a second one ends.
    """
    store = await storage()
    name, run, phase = job["object"], job["run"], job["phase"]
    base = f"{name}/{'verify' if phase == 'verify' else 'plan'}"
    summary_name = paths.work(job["migration"], run, f"{base}/summary.json")
    if not await store.exists("staging", summary_name):
        async with workplace("plan") as folder:
            await _make(store, job, folder, base, summary_name)
    summary = orjson.loads(await store.get("staging", summary_name))
    excepted = sum(summary["actions"].get(action, {}).get("records", 0) for action in REFUSED)
    return {
        "chunks": len(summary["chunks"]),
        "links": summary["links"],
        "states": summary["states"],
        "read": summary["read"],
        "excepted": excepted,
    }


async def _make(store: Storage, job: dict[str, Any], folder: Path, base: str, summary_name: str) -> None:
    name, phase = job["object"], job["phase"]
    found = await store.download("staging", _index(job, name), folder / "index")
    if not found:
        empty = {"actions": {}, "read": 0, "fields_excepted": 0, "links": 0, "states": 0, "chunks": [], "gone": []}
        await store.put("staging", summary_name, orjson.dumps(empty), once=True)
        return
    parents, parties = await asyncio.to_thread(needed, folder)
    matches = paths.work(job["migration"], job["run"], f"{name}/match/")
    adopting = name in job["adopting"] and await store.download("staging", matches, folder / "matches")
    await _bring_current(store, job, folder, set(job["objects"]) if parties or adopting else {name, *parents})
    clinic_map, _ = await jobs.map_and_schema(store, job)
    keep_owner = clinic_map.objects[name].match_owner == "keep"
    if phase == "plan":
        for parent in parents - {name}:
            await store.download("staging", _index(job, parent), folder / "planned" / parent)
    number = 0
    wanted: tuple[str, ...] = WRITES
    if phase == "verify":
        # A field-level diff shows what did not land, too.
        wanted = (*LANDED, *NOT_LANDED) if job.get("diff") else LANDED
    merges = name in DERIVED
    chosen = Chosen.of(name, job["causes"]) if job["causes"] else None
    if chosen is not None:
        await store.download("ledger", paths.exceptions(job["migration"], job["listed_by"], name), folder / "listed")
    with Plan(
        folder, name, wanted=wanted, parents=parents - {name}, keep_owner=keep_owner, merges=merges, chosen=chosen
    ) as plan:
        slices = plan.slices()
        while (one := await asyncio.to_thread(next, slices, None)) is not None:
            for path in one.parts.values():
                if phase != "plan":
                    blob = paths.work(job["migration"], job["run"], f"{base}/{paths.chunk(number)}.parquet")
                    await store.put("staging", blob, await asyncio.to_thread(path.read_bytes), once=True)
                path.unlink()
                number += 1
            for kind, excepted in ((name, one.excepted), ("custom_property", one.properties)):
                if phase == "load" and excepted:
                    rows = [ExceptionRow(kind, *row) for row in excepted]
                    await write_exceptions(store, job["migration"], job["run"], kind, f"plan-{one.name}", rows)
        summary = await asyncio.to_thread(plan.summary, gone=not job.get("sample"))
    await store.put("staging", summary_name, orjson.dumps(summary), once=True)


def _index(job: dict[str, Any], name: str) -> str:
    """Prefix of the index of one object's records: all of them, or the sample's."""
    return f"{job['sample']}{name}/" if job.get("sample") else f"{jobs.mapped_prefix(job, name)}index/"


async def _bring_current(store: Storage, job: dict[str, Any], folder: Path, names: set[str]) -> None:
    """The current receipts' keys of these objects; of the planned one also what was written, when it may be changed."""

    async def keys(other: str) -> None:
        await fetch_current(store, job["migration"], other, folder / "current" / f"{other}.parquet", "keys")

    await bounded(keys, sorted(names))
    if job["phase"] == "load":
        await fetch_current(store, job["migration"], job["object"], folder / "old.parquet")
