"""What the source holds, as far as a page needs it: counts of values, and a few examples of one field."""

import asyncio
import zlib
from collections.abc import Iterable, Mapping
from contextlib import aclosing, suppress
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

import orjson

from activities.resources import workplace
from activities.scope import merged
from ledger import paths
from ledger.chunks import read_records
from ledger.migrations import Migration
from ledger.storage import NotStored, Storage, bounded
from mapping.catalog import build_schema
from mapping.model import ClinicMap, FieldMap
from mapping.objects import ObjectName
from mapping.properties import PREFIX
from mapping.schema import Schema
from mapping.steps import BadMap, Step, read_step, step_of
from mapping.transforms import Refused
from mapping.transforms.choices import labelled
from mapping.trim import MARK
from sources.inventory import ValueCounts

#: Examples that are enough, and buckets that are read for them at most.
_ENOUGH: Final = 3
_BUCKETS: Final = 16
#: Records that are looked at for the examples in a field's row, and octets of their text that are read at most.
_FIRST: Final = 50
_MOST: Final = 1024 * 1024

Record = dict[str, Any]
#: An example: the source's value, and what the transform makes of it or why it refuses.
Example = tuple[Any, Any]


async def value_counts(store: Storage, migration: Migration, name: str, field: str) -> Mapping[str, int]:
    """How often each value of a field occurs, where there are few different ones; empty when that was not counted."""
    found = await merged(store, {"migration": migration.id, "snapshot": migration.snapshot})
    return by_count(counted(found, name, field))


def counted(found: Mapping[str, Any], name: str, field: str) -> ValueCounts | None:
    """What was counted of one field, of all that was ``merged``."""
    properties, values = found["properties"], found["values"]
    one = properties.get(field.removeprefix(PREFIX)) if field.startswith(PREFIX) else values.get(f"{name}.{field}")
    return cast("ValueCounts | None", one)


def by_count(counts: ValueCounts | None) -> Mapping[str, int]:
    """The values of a field, most frequent first; empty where there are too many different ones, or none."""
    return dict(sorted((counts.options or {}).items(), key=lambda one: -one[1])) if counts else {}


async def examples(
    store: Storage, migration: Migration, clinic_map: ClinicMap, name: ObjectName, table: str, field: FieldMap
) -> list[Example]:
    """Up to three different values of a field, each with what its transform makes of it. These are patients' data.

    A field that few records have is looked for in further buckets, until it has its examples or _BUCKETS were read.
    """
    found = _Examples(clinic_map.time_zone, build_schema(clinic_map), name, table, field)
    names = await store.names("staging", paths.shaped(migration.id, migration.snapshot, name))
    async with workplace("examples") as folder:
        for blob in names[:_BUCKETS]:
            await store.download("staging", blob, folder / "records.gz")
            if await asyncio.to_thread(found.take, read_records(folder / "records.gz"), _ENOUGH):
                break
    return list(found.values.values())


async def first_records(store: Storage, migration: Migration, names: Iterable[str]) -> dict[str, list[Record]]:
    """The first records of each object, from the beginning of its first chunk: enough to show a value of most fields,
    however large the source is. These are patients' data."""

    async def one(name: str) -> list[Record]:
        for label in ("b0000", "once"):
            blob = paths.shaped_chunk(migration.id, migration.snapshot, name, label)
            with suppress(NotStored):
                if found := await _beginning(store, blob):
                    return found
        return []

    every = list(names)
    return dict(zip(every, await bounded(one, every), strict=True))


async def _beginning(store: Storage, blob: str) -> list[Record]:
    opened, text = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16), b""
    async with aclosing(store.stream("staging", blob)) as pieces:
        async for piece in pieces:
            text += opened.decompress(piece, _MOST - len(text))
            if len(text) >= _MOST or text.count(b"\n") >= _FIRST:
                break
    whole, _, _ = text.rpartition(b"\n")
    return [orjson.loads(line) for line in whole.splitlines()[:_FIRST]]


def examples_in(
    records: Iterable[Record], zone: str, schema: Schema, name: ObjectName, table: str, field: FieldMap
) -> list[Example]:
    """Up to three different values of a field in these records, each with what its transform makes of it."""
    found = _Examples(zone, schema, name, table, field)
    found.take(records, _ENOUGH)
    return list(found.values.values())


class _Examples:
    """Collects examples of one field."""

    def __init__(self, zone: str, schema: Schema, name: ObjectName, table: str, field: FieldMap) -> None:
        target = schema.tables.get(table)
        column = target.columns.get(field.column) if target and field.column else None
        self._step: Step | None = None
        # The page says what is wrong with a field; its values are shown all the same.
        with suppress(BadMap):
            self._step = step_of(name, field, column, ZoneInfo(zone))
        self._field = field
        self._column = column
        self.values: dict[str, Example] = {}

    def take(self, records: Iterable[Record], enough: int) -> bool:
        """Looks through records; whether there are enough examples now."""
        for record in records:
            value = self._value(record)
            if value in (None, "", [], MARK) or str(value) in self.values:
                continue
            self.values[str(value)] = (value, self._made(record | {self._field.source: value}))
            if len(self.values) == enough:
                return True
        return False

    def _value(self, record: Record) -> Any:
        source = self._field.source
        if source.startswith(PREFIX):
            return (record.get("properties") or {}).get(source.removeprefix(PREFIX))
        return record.get(source)

    def _made(self, record: Record) -> Any:
        if self._step is None or self._field.transform == "lookup":
            return None
        try:
            return labelled(self._column, read_step(self._step, record))
        except Refused as refused:
            return refused
