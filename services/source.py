"""What the source holds, as far as a page needs it: counts of values, and a few examples of one field."""

import zlib
from collections.abc import Iterable, Mapping
from contextlib import aclosing, suppress
from typing import Any, Final
from zoneinfo import ZoneInfo

import orjson

from activities.scope import merged
from ledger import paths
from ledger.migrations import Migration
from ledger.storage import NotStored, Storage, bounded
from mapping.model import FieldMap
from mapping.objects import ObjectName
from mapping.properties import PREFIX
from mapping.schema import Schema
from mapping.steps import BadMap, read_step, step_of
from mapping.transforms import Refused

#: An example: the source's value, and what the transform makes of it or why it refuses.
Example = tuple[Any, Any]

#: Records that are looked at for examples, and octets of their text that are read at most.
_FIRST: Final = 50
_MOST: Final = 1024 * 1024


async def value_counts(store: Storage, migration: Migration, name: str, field: str) -> Mapping[str, int]:
    """How often each value of a field occurs, where there are few different ones; empty when that was not counted."""
    found = await merged(store, {"migration": migration.id, "snapshot": migration.snapshot})
    properties, values = found["properties"], found["values"]
    counted = properties.get(field.removeprefix(PREFIX)) if field.startswith(PREFIX) else values.get(f"{name}.{field}")
    return dict(sorted((counted.options or {}).items(), key=lambda one: -one[1])) if counted else {}


async def first_records(store: Storage, migration: Migration, names: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """The first records of each object, from the beginning of its first chunk: enough to show a value of most fields,
    however large the source is. These are patients' data."""

    async def one(name: str) -> list[dict[str, Any]]:
        for label in ("b0000", "once"):
            blob = paths.shaped_chunk(migration.id, migration.snapshot, name, label)
            with suppress(NotStored):
                if found := await _beginning(store, blob):
                    return found
        return []

    every = list(names)
    return dict(zip(every, await bounded(one, every), strict=True))


async def _beginning(store: Storage, blob: str) -> list[dict[str, Any]]:
    opened, text = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16), b""
    async with aclosing(store.stream("staging", blob)) as pieces:
        async for piece in pieces:
            text += opened.decompress(piece, _MOST - len(text))
            if len(text) >= _MOST or text.count(b"\n") >= _FIRST:
                break
    whole, _, _ = text.rpartition(b"\n")
    return [orjson.loads(line) for line in whole.splitlines()[:_FIRST]]


def examples(
    records: Iterable[dict[str, Any]],
    zone: str,
    schema: Schema,
    name: ObjectName,
    table: str,
    field: FieldMap,
    most: int,
) -> list[Example]:
    """Different values of a field in these records, each with what its transform makes of it. These are patients' data."""
    target = schema.tables.get(table)
    column = target.columns.get(field.column) if target and field.column else None
    try:
        step = step_of(name, field, column, ZoneInfo(zone))
    except BadMap:
        step = None
    labels = {number: label for label, number in column.options.items()} if column else {}
    prefixed = field.source.startswith(PREFIX)
    found: dict[str, Example] = {}
    for record in records:
        value = (
            (record.get("properties") or {}).get(field.source.removeprefix(PREFIX))
            if prefixed
            else record.get(field.source)
        )
        if value in (None, "", []) or str(value) in found:
            continue
        try:
            made = read_step(step, record | {field.source: value}) if step and field.transform != "lookup" else None
        except Refused as refused:
            made = refused
        found[str(value)] = (value, labels.get(made, made) if isinstance(made, int) else made)
        if len(found) == most:
            break
    return list(found.values())
