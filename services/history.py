"""What people did to the fields of the map: one line each of an append blob, so that a field's history can be read without
reading every version of the map."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Literal

import orjson
from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError
from pydantic import BaseModel

from ledger import paths
from ledger.states import now
from ledger.storage import NotStored, Storage
from mapping.model import ClinicMap, FieldMap
from mapping.objects import ObjectName

Action = Literal["confirm", "accept", "reopen", "ignore", "change", "comment", "review"]


class Change(BaseModel):
    """One line of the history. Names of fields, columns and people; never a value of a record."""

    at: datetime
    by: str
    version: int
    field: str
    source: str
    action: Action
    before: str
    after: str
    comment: str = ""


def fields_of(clinic_map: ClinicMap) -> list[tuple[str, ObjectName, str, FieldMap]]:
    """Every field with its place, object and table, in the map's order. A place names a field: ``patient.0.12`` is the
    thirteenth field of the first route of patients."""
    return [
        (f"{name}.{number}.{place}", name, route.table, field)
        for name, one in clinic_map.objects.items()
        for number, route in enumerate(one.routes)
        for place, field in enumerate(route.fields)
    ]


def way_of(field: FieldMap) -> str:
    """A field's way in a few words."""
    if field.status == "ignored":
        return f"left out: {field.reason}"
    way = "redacted" if field.review == "redact" else field.transform
    return f"{field.column or 'no column'} by {way} ({field.status})"


def between(before: ClinicMap, after: ClinicMap, action: Action, *, by: str, version: int) -> Iterator[Change]:
    """A line for each field that two versions do not have alike; a field of only one of them has an empty side."""
    at = now()
    old, new = ({(key, field.source): field for key, _, _, field in fields_of(one)} for one in (before, after))
    for place in dict.fromkeys([*new, *old]):
        was, field = old.get(place), new.get(place)
        if was == field:
            continue
        yield Change(
            at=at, by=by, version=version, field=place[0], source=place[1], action=action,
            before=way_of(was) if was else "", after=way_of(field) if field else "",
            comment=(field.review or "") if field and action == "review" else "",
        )  # fmt: skip


async def append(store: Storage, id: str, lines: Sequence[Change]) -> None:
    """Add lines to the map's history."""
    client = store.blob("ledger", paths.map_changes(id))
    with suppress(ResourceExistsError):
        await client.create_append_blob(match_condition=MatchConditions.IfMissing)
    for start in range(0, len(lines), 1000):
        some = (orjson.dumps(one.model_dump(mode="json")) + b"\n" for one in lines[start : start + 1000])
        await client.append_block(b"".join(some))


async def changes(store: Storage, id: str, field: str | None = None) -> list[Change]:
    """What people did to a field, or to all of them, latest first."""
    try:
        text = await store.get("ledger", paths.map_changes(id))
    except NotStored:
        return []
    found = [Change.model_validate_json(line) for line in text.splitlines()]
    return [one for one in reversed(found) if field in (None, one.field)]
