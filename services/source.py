"""What the source holds, as far as a page needs it: counts of values, and a few examples of one field."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from activities.resources import workplace
from activities.scope import merged
from ledger import paths
from ledger.chunks import read_records
from ledger.migrations import Migration
from ledger.storage import Storage
from mapping.catalog import build_schema
from mapping.model import ClinicMap, FieldMap
from mapping.objects import ObjectName
from mapping.properties import PREFIX
from mapping.steps import BadMap, Step, read_step, step_of
from mapping.transforms import Refused
from mapping.trim import MARK

#: Examples that are enough, and buckets that are read for them at most.
_ENOUGH: Final = 3
_BUCKETS: Final = 16

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
    """Up to three different values of a field, each with what its transform makes of it. These are patients' data.

    A field that few records have is looked for in further buckets, until it has its examples or _BUCKETS were read.
    """
    found = _Examples(clinic_map, name, table, field)
    names = await store.names("staging", paths.shaped(migration.id, migration.snapshot, name))
    async with workplace("examples") as folder:
        for blob in names[:_BUCKETS]:
            await store.download("staging", blob, folder / "records.gz")
            if await asyncio.to_thread(found.take, folder / "records.gz"):
                break
    return list(found.values.values())


class _Examples:
    """Collects examples of one field."""

    def __init__(self, clinic_map: ClinicMap, name: ObjectName, table: str, field: FieldMap) -> None:
        target = build_schema(clinic_map).tables.get(table)
        column = target.columns.get(field.column) if target and field.column else None
        self._step: Step | None = None
        # The page says what is wrong with a field; its values are shown all the same.
        with suppress(BadMap):
            self._step = step_of(name, field, column, ZoneInfo(clinic_map.time_zone))
        self._field = field
        self._labels = {number: label for label, number in column.options.items()} if column else {}
        self.values: dict[str, Example] = {}

    def take(self, records: Path) -> bool:
        """Looks through a file of records; whether there are enough examples now."""
        for record in read_records(records):
            flat = record | {f"{PREFIX}{key}": value for key, value in (record.get("properties") or {}).items()}
            value = flat.get(self._field.source)
            if value in (None, "", [], MARK) or str(value) in self.values:
                continue
            self.values[str(value)] = (value, self._made(flat))
            if len(self.values) == _ENOUGH:
                return True
        return False

    def _made(self, flat: dict[str, Any]) -> Any:
        if self._step is None or self._field.transform == "lookup":
            return None
        try:
            made = read_step(self._step, flat)
        except Refused as refused:
            return refused
        return self._labels.get(made, made) if isinstance(made, int) else made
