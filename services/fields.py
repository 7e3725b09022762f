"""The map field by field: confirmed, changed, left out or commented by a named person, one at a time or many at once.

A field is named by its place (``services.history.fields_of``); each change is a line of the map's history.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from activities import jobs
from activities.errors import StepError
from ledger import migrations
from ledger.states import now
from ledger.storage import Storage
from mapping import review
from mapping.model import ClinicMap, FieldMap, PhiClass, PhiDecision
from services.history import Action, Change, append, changes, fields_of, way_of
from services.maps import Stored, store_map

#: What a change may set.
_CHANGEABLE: Final = ("column", "transform", "args", "values", "phi")
#: Actions that shape the map, and are an operator's; the others are decisions that approvers take, too.
SHAPING: Final[frozenset[Action]] = frozenset({"change", "ignore"})
#: Fields at or above this are certain: the confidence from which the console offers to confirm all at once. Whoever
#: confirms may choose another.
CERTAIN: Final = 0.95


class FieldEdit(BaseModel):
    """What a person does to one field. ``source`` is what they saw at that place: a map that moved on is noticed."""

    model_config = ConfigDict(extra="forbid")

    field: str = Field(pattern=r"^[a-z_]+\.\d+\.\d+$")
    source: str
    action: Action
    reason: str = ""  #: needed to leave a field out; to accept that it is left behind, the proposal's own will do
    comment: str = ""
    column: str | None = None
    transform: str | None = None
    args: dict[str, Any] | None = None
    values: dict[str, str | None] | None = None
    phi: PhiClass | None = None
    review: PhiDecision | None = None  #: for the action of that name


async def edit(store: Storage, id: str, by: str, edits: Sequence[FieldEdit]) -> Stored:
    """Apply the edits as the map's next version. Raises StepError (a field that is not there, a map that is wrong)."""
    migration = await migrations.load(store, id)
    current = await jobs.current_map(store, migration)
    at = now()
    changed = current.model_copy(deep=True)
    lines: list[Change] = []
    for one in edits:
        fields, place = _place(changed, one)
        before = fields[place]
        if one.action == "reopen":
            after = await _as_proposed(store, id, one, before)
        else:
            after = _edited(before, one, by, at)
        fields[place] = after
        lines.append(
            Change(
                at=at, by=by, version=migration.map_version + 1, field=one.field, source=one.source, action=one.action,
                before=way_of(before), after=way_of(after), comment=one.comment or one.reason,
            )
        )  # fmt: skip
    cause = _cause(edits)
    stored = await store_map(store, id, changed, by=by, cause=cause, on=migration.map_version, was=current)
    await append(store, id, lines)
    return stored


def certain(clinic_map: ClinicMap, least: float) -> list[FieldEdit]:
    """The edits that confirm every proposed field of at least this confidence."""
    return [
        FieldEdit(field=key, source=field.source, action="confirm")
        for key, _, _, field in fields_of(clinic_map)
        if field.status == "proposed" and field.confidence >= least
    ]


def left_behind(clinic_map: ClinicMap, name: str | None = None) -> list[FieldEdit]:
    """The edits that accept every field that would be left behind undecided, or those of one object."""
    return [
        FieldEdit(field=key, source=field.source, action="accept")
        for key, object, _, field in fields_of(clinic_map)
        if review.left_behind(field) and name in (None, object)
    ]


def still_undecided(clinic_map: ClinicMap) -> str:
    """How many fields would be left behind undecided, by object, in words; "" for none."""
    by_object = Counter(one.field.partition(".")[0].replace("_", " ") for one in left_behind(clinic_map))
    if not (number := by_object.total()):
        return ""
    fields = "1 source field" if number == 1 else f"{number:,} source fields"
    listed = ", ".join(f"{name} {count:,}" for name, count in by_object.items())
    return f"{fields} would be left behind, and nobody has decided that: {listed}."


def _cause(edits: Sequence[FieldEdit]) -> str:
    if len(edits) == 1:
        return f"{edits[0].action} {edits[0].field.partition('.')[0]}.{edits[0].source}"
    actions = Counter(one.action for one in edits)
    return ", ".join(f"{action} {number} fields" for action, number in actions.items())


def _place(clinic_map: ClinicMap, one: FieldEdit) -> tuple[list[FieldMap], int]:
    name, number, place = one.field.split(".")
    routes = clinic_map.objects[name].routes if name in clinic_map.objects else []
    fields = routes[int(number)].fields if int(number) < len(routes) else []
    if int(place) >= len(fields) or fields[int(place)].source != one.source:
        raise StepError("map_changed", f"The map has changed: {one.source} is not there any more.", "Load it again.")
    return fields, int(place)


async def _as_proposed(store: Storage, id: str, one: FieldEdit, field: FieldMap) -> FieldMap:
    """A field as it stood before anybody decided about it: in the version that the first decision since it was last
    reopened was made on. What people wrote about it stays."""
    first = 0
    for line in await changes(store, id, one.field):
        if line.action == "reopen" or line.source != one.source or not line.before:  # before that it was not there
            break
        if line.action != "comment":
            first = line.version
    if first:
        fields, place = _place(await jobs.map_version(store, id, first - 1), one)
        field = fields[place].model_copy(update={"comment": one.comment or field.comment})
    if field.status == "ignored" and not field.by:
        return field  # it was proposed to leave it out
    return field.model_copy(update={"status": "proposed", "review": None, "by": "", "at": None})


def _edited(field: FieldMap, one: FieldEdit, by: str, at: datetime) -> FieldMap:
    update: dict[str, Any] = {"by": by, "at": at}
    if one.comment:
        update["comment"] = one.comment
    if field.review == "leave_out" and one.action in ("confirm", "change"):
        update["review"] = None  # it is wanted again, and to be decided about anew
    match one.action:
        case "confirm":
            update["status"] = "confirmed"
            if field.status == "ignored" and field.column is None:
                raise StepError("no_column", f"{one.source} has no column.", "Give it one, then confirm it.")
        case "accept":
            if not review.left_behind(field):
                raise StepError("map_changed", f"Somebody decided about {one.source} meanwhile.", "Load it again.")
            update |= {"status": "ignored", "reason": _reason(one, field.reason)}
        case "ignore":
            update |= {"status": "ignored", "reason": _reason(one, "")}
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
            try:
                return review.decided(field.model_copy(update=update), one.review, by, at)
            except ValueError as error:
                raise StepError("no_column", f"{error}.", "Change its column, then decide.") from None
    return FieldMap.model_validate(field.model_dump() | update)


def _reason(one: FieldEdit, proposed: str) -> str:
    """Why a field is left out: as the person says, else as it was proposed."""
    if not (reason := one.reason.strip() or proposed.strip()):
        raise StepError("no_reason", f"Say why {one.source} is left out.", "Give a reason.")
    return reason
