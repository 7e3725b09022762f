"""Staged records keep what the confirmed map uses; what is delicate and not needed does not lie about."""

import asyncio
from pathlib import Path
from typing import Any

import orjson

from activities import jobs
from activities.drift import forget_unused
from activities.errors import StepError
from activities.profiles import forget_values
from activities.resources import storage, workplace
from ledger import migrations, paths
from ledger.chunks import read_records, write_records
from ledger.storage import Storage
from mapping.model import ClinicMap
from mapping.properties import PREFIX
from mapping.trim import covers, trimmer, used_fields

Kept = dict[str, list[str]]


async def check_staging(job: dict[str, Any]) -> dict[str, Any]:
    """Whether the staged records suit the confirmed map: ``{"anew", "trim"}``, both False while none is confirmed.

    ``anew``: fields were removed for an earlier map that this one uses, so the source has to be read again. ``trim``:
    fields have to be removed now; what will be left is said before the first of them is.
    """
    store = await storage()
    migration = await migrations.load(store, job["migration"])
    if not migration.map_hash or migration.confirmed_hash != migration.map_hash:
        return {"anew": False, "trim": False}
    clinic_map = await jobs.current_map(store, migration)
    kept, used = await kept_fields(store, migration.id, job["snapshot"]), used_fields(clinic_map)
    if kept is not None and not covers(kept, clinic_map):
        return {"anew": True, "trim": False}
    if kept != used:
        await store.put("staging", _place(migration.id, job["snapshot"]), orjson.dumps(used))
    return {"anew": False, "trim": kept != used}


async def trim_bucket(job: dict[str, Any]) -> dict[str, Any]:
    """Remove from one shaped bucket, and from what was counted of it, what the map does not use. Safe to repeat."""
    store = await storage()
    migration, snapshot, label = job["migration"], job["snapshot"], jobs.bucket_label(job["bucket"])
    kept = await kept_fields(store, migration, snapshot) or {}
    async with workplace("trim") as folder:
        for name, fields in kept.items():
            blob = paths.shaped_chunk(migration, snapshot, name, label)
            if await store.exists("staging", blob):
                await store.download("staging", blob, folder / "whole.gz")
                await asyncio.to_thread(_trim, folder / "whole.gz", folder / "trimmed.gz", fields)
                await store.upload("staging", blob, folder / "trimmed.gz")
    counted = paths.accounts(migration, snapshot, f"inventory-{label}.json")
    found = orjson.loads(await store.get("staging", counted))
    await store.put("staging", counted, orjson.dumps(_without_values(found, kept)))
    if job["bucket"] < 0:
        await forget_values(store, migration)
        await forget_unused(store, migration, await jobs.current_map(store, await migrations.load(store, migration)))
    return {}


async def kept_fields(store: Storage, migration: str, snapshot: int) -> Kept | None:
    """Fields by object that a reading kept; None while it has them all."""
    place = _place(migration, snapshot)
    return dict(orjson.loads(await store.get("staging", place))) if await store.exists("staging", place) else None


async def check_kept(store: Storage, job: dict[str, Any], clinic_map: ClinicMap) -> None:
    """Raise StepError when the map uses a field that was removed: a mark would land in place of its value."""
    kept = await kept_fields(store, job["migration"], job["snapshot"])
    if kept is not None and not covers(kept, clinic_map):
        raise StepError(
            "fields_removed", "The map uses fields that were removed when an earlier one was confirmed.", "prepare"
        )


def _trim(whole: Path, target: Path, fields: list[str]) -> None:
    write_records(target, map(trimmer(fields), read_records(whole)))


def _without_values(found: dict[str, Any], kept: Kept) -> dict[str, Any]:
    """An inventory whose lists of values are those of fields that are kept."""
    for name, fields in found["values"].items():
        for field, counts in fields.items():
            if field not in kept.get(name, ()):
                counts["options"] = None
    for name, counts in found["properties"].items():
        if PREFIX + name not in kept.get("patient", ()):
            counts["options"] = None
    return found


def _place(migration: str, snapshot: int) -> str:
    return paths.accounts(migration, snapshot, "kept.json")
