"""The map field by field: confirmed, changed, left out or commented by a named person, one at a time or many at once.

A field is named by its place: ``patient.0.12`` is the thirteenth field of the first route of patients. Each change is a
line of an append blob too, so that a field's history can be read without reading every version of the map.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final, Literal

import orjson
from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError
from pydantic import BaseModel, ConfigDict, Field

from activities import jobs
from activities.errors import StepError
from ledger import migrations, paths
from ledger.migrations import Migration
from ledger.states import now
from ledger.storage import NotStored, Storage
from mapping.model import ClinicMap, FieldMap, PhiClass, PhiDecision
from mapping.review import decided
from services.maps import store_map

Action = Literal["confirm", "reopen", "ignore", "change", "comment", "review"]

#: What a change may set.
_CHANGEABLE: Final = ("column", "transform", "args", "values", "phi")
#: Fields at or above this are certain: these, and no others, may be confirmed together unseen.
CERTAIN: Final = 0.95


class FieldEdit(BaseModel):
    """What a person does to one field. ``source`` is what they saw at that place: a map that moved on is noticed."""

    model_config = ConfigDict(extra="forbid")

    field: str = Field(pattern=r"^[a-z_]+\.\d+\.\d+$")
    source: str
    action: Action
    reason: str = ""  #: needed to leave a field out
    comment: str = ""
    column: str | None = None
    transform: str | None = None
    args: dict[str, Any] | None = None
    values: dict[str, str | None] | None = None
    phi: PhiClass | None = None
    review: PhiDecision | None = None  #: for the action of that name


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


async def edit(store: Storage, id: str, by: str, edits: Sequence[FieldEdit]) -> Migration:
    """Apply the edits as the map's next version. Raises StepError (a field that is not there, a map that is wrong)."""
    migration = await migrations.load(store, id)
    current = await jobs.current_map(store, migration)
    at = now()
    changed = current.model_copy(deep=True)
    lines: list[Change] = []
    for one in edits:
        fields, place = _place(changed, one)
        before = fields[place]
        after = fields[place] = _edited(before, one, by, at)
        lines.append(
            Change(
                at=at, by=by, version=migration.map_version + 1, field=one.field, source=one.source, action=one.action,
                before=_way(before), after=_way(after), comment=one.comment or one.reason,
            )
        )  # fmt: skip
    stored = await store_map(store, id, changed, on=migration.map_version, was=current)
    await append(store, id, lines)
    return stored


async def history(store: Storage, id: str, field: str | None = None) -> list[Change]:
    """What people did to a field, or to all of them, latest first."""
    try:
        text = await store.get("ledger", paths.map_changes(id))
    except NotStored:
        return []
    found = [Change.model_validate_json(line) for line in text.splitlines()]
    return [one for one in reversed(found) if field in (None, one.field)]


def fields_of(clinic_map: ClinicMap) -> list[tuple[str, str, str, FieldMap]]:
    """Every field with its place, object and table, in the map's order."""
    return [
        (f"{name}.{number}.{place}", name, route.table, field)
        for name, one in clinic_map.objects.items()
        for number, route in enumerate(one.routes)
        for place, field in enumerate(route.fields)
    ]


def certain(clinic_map: ClinicMap, least: float) -> list[FieldEdit]:
    """The edits that confirm every proposed field of at least this confidence."""
    return [
        FieldEdit(field=key, source=field.source, action="confirm")
        for key, _, _, field in fields_of(clinic_map)
        if field.status == "proposed" and field.confidence >= least
    ]


def _place(clinic_map: ClinicMap, one: FieldEdit) -> tuple[list[FieldMap], int]:
    name, number, place = one.field.split(".")
    routes = clinic_map.objects[name].routes if name in clinic_map.objects else []
    fields = routes[int(number)].fields if int(number) < len(routes) else []
    if int(place) >= len(fields) or fields[int(place)].source != one.source:
        raise StepError("map_changed", f"The map has changed: {one.source} is not there any more.", "Load it again.")
    return fields, int(place)


def _edited(field: FieldMap, one: FieldEdit, by: str, at: datetime) -> FieldMap:
    update: dict[str, Any] = {"by": by, "at": at}
    if one.comment:
        update["comment"] = one.comment
    match one.action:
        case "confirm":
            update["status"] = "confirmed"
            if field.status == "ignored" and field.column is None:
                raise StepError("no_column", f"{one.source} has no column.", "Give it one, then confirm it.")
        case "reopen":
            update["status"] = "proposed"
        case "ignore":
            if not one.reason:
                raise StepError("no_reason", f"Say why {one.source} is left out.", "Give a reason.")
            update |= {"status": "ignored", "reason": one.reason}
        case "change":
            given: Mapping[str, Any] = one.model_dump(include=set(_CHANGEABLE), exclude_none=True)
            update |= dict(given) | {"status": "confirmed", "confidence": 1.0, "reason": f"decided by {by}"}
            if one.values == {}:
                update["values"] = None
        case "comment":
            update = {"comment": one.comment}
        case "review":
            if one.review is None:
                raise StepError("no_decision", f"Say what happens to {one.source}.", "migrate, redact or leave_out.")
            return decided(field.model_copy(update=update), one.review, by, at)
    return FieldMap.model_validate(field.model_dump() | update)


def _way(field: FieldMap) -> str:
    """A field's way in a few words."""
    if field.status == "ignored":
        return f"left out: {field.reason}"
    way = "redacted" if field.review == "redact" else field.transform
    return f"{field.column or 'no column'} by {way} ({field.status})"


async def append(store: Storage, id: str, lines: Sequence[Change]) -> None:
    """Add lines to the map's history."""
    client = store.blob("ledger", paths.map_changes(id))
    with suppress(ResourceExistsError):
        await client.create_append_blob(match_condition=MatchConditions.IfMissing)
    for start in range(0, len(lines), 1000):
        some = (orjson.dumps(one.model_dump(mode="json")) + b"\n" for one in lines[start : start + 1000])
        await client.append_block(b"".join(some))
