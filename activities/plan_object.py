"""Plan one object: what is new, changed, unchanged, gone, or cannot go; one join, written once per run."""

import asyncio
from pathlib import Path
from typing import Any

import orjson

from activities import jobs
from activities.current import fetch_current
from activities.planning import WRITES, make_plan, read_exceptions
from activities.resources import storage, workplace
from ledger import paths
from ledger.exceptions import ExceptionRow
from ledger.exceptions import write_part as write_exceptions
from ledger.storage import Storage, bounded
from mapping.objects import LOAD_ORDER, ObjectName
from settings import settings


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
    excepted = sum(
        summary["actions"].get(action, {}).get("records", 0)
        for action in ("excepted", "duplicate", "orphan", "rerouted")
    )
    return {
        "chunks": len(summary["chunks"]),
        "links": summary["links"],
        "states": summary["states"],
        "read": summary["read"],
        "excepted": excepted,
    }


async def _make(store: Storage, job: dict[str, Any], folder: Path, base: str, summary_name: str) -> None:
    name, phase = job["object"], job["phase"]
    found = await store.download("staging", f"{jobs.mapped_prefix(job, name)}index/", folder / "index")
    if not found:
        empty = {"actions": {}, "read": 0, "fields_excepted": 0, "links": 0, "states": 0, "chunks": [], "gone": []}
        await store.put("staging", summary_name, orjson.dumps(empty), once=True)
        return

    async def bring(other: ObjectName) -> None:
        await fetch_current(store, job["migration"], other, folder / "current" / f"{other}.parquet")

    await bounded(bring, LOAD_ORDER)
    if phase == "plan":
        for parent in LOAD_ORDER[: LOAD_ORDER.index(name)]:
            await store.download("staging", f"{jobs.mapped_prefix(job, parent)}index/", folder / "parents" / parent)
    selection = None
    if job.get("sample"):
        selection = folder / "selection.parquet"
        await store.download("staging", job["sample"], selection)
    summary = await asyncio.to_thread(
        make_plan,
        folder,
        name,
        wanted=("unchanged", "update") if phase == "verify" else WRITES,
        selection=selection,
        planned_parents=phase == "plan",
        memory_mb=settings().memory_mb,
    )
    if phase != "plan":
        for part in sorted(folder.glob("part-*.parquet")):
            number = paths.chunk(int(part.stem.removeprefix("part-")))
            content = await asyncio.to_thread(part.read_bytes)
            await store.put(
                "staging", paths.work(job["migration"], job["run"], f"{base}/{number}.parquet"), content, once=True
            )
    if phase == "load":
        rows = [ExceptionRow(name, *row) for row in await asyncio.to_thread(read_exceptions, folder)]
        await write_exceptions(store, job["migration"], job["run"], name, "plan", rows)
    await store.put("staging", summary_name, orjson.dumps(summary), once=True)
