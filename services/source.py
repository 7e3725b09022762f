"""What the source holds, as far as a page needs it: counts of values, and a few examples of one field."""

import asyncio
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from activities.scope import merged
from ledger import paths
from ledger.chunks import unpack
from ledger.migrations import Migration
from ledger.storage import Storage
from mapping.catalog import build_schema
from mapping.model import ClinicMap, FieldMap
from mapping.objects import ObjectName
from mapping.properties import PREFIX
from mapping.steps import BadMap, read_step, step_of
from mapping.transforms import Refused

#: An example: the source's value, and what the transform makes of it or why it refuses.
Example = tuple[Any, Any]


async def value_counts(store: Storage, migration: Migration, name: str, field: str) -> Mapping[str, int]:
    """How often each value of a field occurs, where there are few different ones; empty when that was not counted."""
    found = await merged(store, {"migration": migration.id, "snapshot": migration.snapshot})
    properties, values = found["properties"], found["values"]
    counted = properties.get(field.removeprefix(PREFIX)) if field.startswith(PREFIX) else values.get(f"{name}.{field}")
    return dict(sorted((counted.options or {}).items(), key=lambda one: -one[1])) if counted else {}


async def examples(
    store: Storage, migration: Migration, clinic_map: ClinicMap, name: ObjectName, table: str, field: FieldMap
) -> list[Example]:
    """Up to three different values of a field, each with what its transform makes of it. These are patients' data."""
    names = await store.names("staging", paths.shaped(migration.id, migration.snapshot, name))
    if not names:
        return []
    records = list(unpack(await store.get("staging", names[0])))
    return await asyncio.to_thread(_examples, records, clinic_map, name, table, field)


def _examples(
    records: list[dict[str, Any]], clinic_map: ClinicMap, name: ObjectName, table: str, field: FieldMap
) -> list[Example]:
    target = build_schema(clinic_map).tables.get(table)
    column = target.columns.get(field.column) if target and field.column else None
    try:
        step = step_of(name, field, column, ZoneInfo(clinic_map.time_zone))
    except BadMap:
        step = None
    labels = {number: label for label, number in column.options.items()} if column else {}
    found: dict[str, Example] = {}
    for record in records:
        flat = record | {f"{PREFIX}{key}": value for key, value in (record.get("properties") or {}).items()}
        value = flat.get(field.source)
        if value in (None, "", []) or str(value) in found:
            continue
        try:
            made = read_step(step, flat) if step and field.transform != "lookup" else None
        except Refused as refused:
            made = refused
        found[str(value)] = (value, labels.get(made, made) if isinstance(made, int) else made)
        if len(found) == 3:
            break
    return list(found.values())
