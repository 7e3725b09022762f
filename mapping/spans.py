"""From when to when records are: by the date that places a record of its object in time, however the source writes it."""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo

from mapping.model import FieldMap
from mapping.objects import ObjectName
from mapping.steps import BadMap, Refused, Step, step_of, transform_value

#: Columns whose date places a record in time. Of other objects it is when the source made the record.
_WHEN: Final[Mapping[str, tuple[str, ...]]] = {
    "insurance": ("CoverageStart",), "appointment": ("ScheduledDate", "scheduledstart"), "encounter": ("EncounterDate",),
    "prescription": ("PrescribedDate",), "referral": ("ReferralDate",),
}  # fmt: skip
_MADE: Final = "_created"
#: Claims leave as files: no map says what their fields are.
_CLAIM: Final = FieldMap(source="service_date", transform="date")


def dated_by(name: ObjectName, routes: Iterable[Mapping[str, Any]]) -> FieldMap:
    """The field of an object's records that says when they were. ``routes``: as a profile's map has them."""
    if name == "claim":
        return _CLAIM
    fields = [FieldMap.model_validate(field) for route in routes for field in route["fields"]]
    wanted = _WHEN.get(name, ())
    found = next((one for one in fields if one.column in wanted), None)
    args = next((one.args for one in fields if one.source == _MADE), {})
    made = found or FieldMap(source=_MADE, args=args)
    return FieldMap(source=made.source, transform="date", args=_how(made.args))


def _how(args: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in args.items() if key in ("format", "none")}


def span(name: ObjectName, field: FieldMap, texts: Iterable[str], time_zone: str) -> tuple[str, str] | None:
    """The first and the last day of these dates; None when none can be read."""
    try:
        step = step_of(name, field, None, ZoneInfo(time_zone))
    except BadMap:
        return None
    days = [day for text in texts if (day := _day(step, text))]
    return (min(days), max(days)) if days else None


def _day(step: Step, text: str) -> str | None:
    try:
        return str(transform_value(step, text) or "") or None
    except Refused:
        return None
