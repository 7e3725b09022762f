"""The choices a map offers: sends an object to another table than the default, with every field it had."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from mapping.catalog import load_catalog
from mapping.model import ClinicMap, CustomColumn, FieldMap, Route
from mapping.objects import ObjectName

#: Columns of another name in the other table; columns of the same name go over by themselves.
_LOCATION: Final = {
    "name": "Name", "accountnumber": "LocationNumber", "telephone1": "Phone", "fax": "Fax", "emailaddress1": "Email",
    "websiteurl": "Website", "address1_line1": "Street1", "address1_line2": "Street2", "address1_city": "City",
    "address1_stateorprovince": "StateOrProvince", "address1_postalcode": "PostalCode", "address1_county": "County",
    "address1_country": "Country", "address1_latitude": "Latitude", "address1_longitude": "Longitude",
    "description": "Description", "parentaccountid": "ParentLocation",
}  # fmt: skip
_APPOINTMENT: Final = {
    "Name": "subject", "ScheduledDate": "scheduledstart", "Notes": "description", "Patient": "regardingobjectid",
    "Status": "AppointmentStatus",
}  # fmt: skip

#: Statuses of an appointment as states of an activity; the others leave it open.
_ACTIVITY_STATES: Final = {
    "Completed": "completed", "No-show": "canceled", "Cancelled": "canceled", "Rescheduled": "canceled",
}  # fmt: skip
_APPOINTMENT_STATES: Final = {**_ACTIVITY_STATES, "Scheduled": "scheduled", "Confirmed": "scheduled"}

#: Arguments of a duration that the end of an appointment is computed with.
_LENGTH_ARGS: Final = ("unit", "step", "round")
_MOMENT_ARGS: Final = ("format", "zone", "gap", "fold")

#: Longest text that a multi-select may become.
_JOINED_LENGTH: Final = 4_000


@dataclass(frozen=True, slots=True)
class Alternative:
    """A choice with its answers; the first is what a proposal does."""

    name: str
    question: str
    answers: tuple[str, ...]


ALTERNATIVES: Final = (
    Alternative("location", "Where do locations go?", ("account", "ClinicLocation")),
    Alternative("appointment", "Where do appointments go?", ("ClinicAppointment", "task", "appointment")),
    Alternative("referral", "Does a referral with an amount become an opportunity?", ("opportunity", "never")),
    Alternative("multi_select", "What do properties with several values become?", ("choices", "text")),
)


def choose(map: ClinicMap, name: str, answer: str) -> ClinicMap:
    """The map with that choice answered; made from a map that has the default answer.

    Fields for which the other table has no column become ignored, with the reason. ValueError: no such choice or
    answer.
    """
    alternative = next((one for one in ALTERNATIVES if one.name == name), None)
    if alternative is None or answer not in alternative.answers:
        raise ValueError(f"there is no choice {name} with the answer {answer}")
    changed = map.model_copy(deep=True)
    if answer != alternative.answers[0]:
        _CHANGES[name](changed, answer)
    return changed


def _locations(map: ClinicMap, table: str) -> None:
    _move(map, "location", "account", table, _LOCATION)
    for object_map in map.objects.values():
        for route in object_map.routes:
            for place, field in enumerate(route.fields):
                if field.transform != "lookup" or field.args.get("object") != "location":
                    continue
                if route.table == "contact" and field.column == "parentcustomerid":
                    route.fields[place] = field.model_copy(update={"column": "HomeLocation"})
                elif _standard(route.table, field.column):
                    route.fields[place] = _left_out(field, f"{field.column} points at accounts only")


def _appointments(map: ClinicMap, table: str) -> None:
    moved = _move(map, "appointment", "ClinicAppointment", table, _APPOINTMENT)
    states = _APPOINTMENT_STATES if table == "appointment" else _ACTIVITY_STATES
    for route in moved:
        by_column = {field.column: field for field in route.fields if field.column and field.status != "ignored"}
        start, length, status = (by_column.get(c) for c in ("scheduledstart", "Duration", "AppointmentStatus"))
        if start is not None and "scheduledend" not in by_column:
            route.fields.append(_end(start, length))
        if status is not None and not any(field.transform == "state" for field in route.fields):
            route.fields.append(_activity_state(status, states))


def _end(start: FieldMap, length: FieldMap | None) -> FieldMap:
    args: dict[str, Any] = {key: start.args[key] for key in _MOMENT_ARGS if key in start.args}
    common = {"column": "scheduledend", "phi": "date", "reason": "an activity needs an end"}
    if length is not None and length.transform == "duration" and length.args.get("fields"):
        # The duration was worked out from the end that the source has.
        return FieldMap.model_validate(
            {**common, "source": length.args["fields"][0], "transform": "datetime", "args": args}
        )
    if length is not None:
        args |= {key: length.args[key] for key in _LENGTH_ARGS if key in length.args}
        args["fields"] = [length.source]
    return FieldMap.model_validate({**common, "source": start.source, "transform": "end_time", "args": args})


def _activity_state(status: FieldMap, states: Mapping[str, str]) -> FieldMap:
    column = load_catalog().tables["appointment"].columns["AppointmentStatus"]
    values = {label: states.get(label, "active") for label in column.options}
    values |= {value: states.get(label or "", "active") for value, label in (status.values or {}).items()}
    return FieldMap(
        source=status.source,
        transform="state",
        values=dict(values),
        args={"default": states.get(str(status.args.get("default", "")), "active")},
        reason="the activity is closed as its status says",
    )


def _referrals(map: ClinicMap, answer: str) -> None:
    referral = map.objects.get("referral")
    if referral is not None:
        referral.routes = [route for route in referral.routes if route.table != "opportunity"]


def _multi_selects(map: ClinicMap, answer: str) -> None:
    several = {(c.table, c.name) for c in map.custom_columns if c.type == "choices"}
    for place, column in enumerate(map.custom_columns):
        if column.type == "choices":
            changes = {"type": "memo", "options": [], "max_length": _JOINED_LENGTH}
            map.custom_columns[place] = column.model_copy(update=changes)
    for object_map in map.objects.values():
        for route in object_map.routes:
            for place, field in enumerate(route.fields):
                if field.column and (route.table, field.column) in several and field.transform == "choices":
                    plain: dict[str, Any] = {"transform": "text", "args": {}, "values": None}
                    route.fields[place] = field.model_copy(update=plain)


_CHANGES: Final[dict[str, Callable[[ClinicMap, str], None]]] = {
    "location": _locations,
    "appointment": _appointments,
    "referral": _referrals,
    "multi_select": _multi_selects,
}


def _move(map: ClinicMap, name: ObjectName, old: str, new: str, names: Mapping[str, str]) -> list[Route]:
    """Sends the object's routes from one table to another, with the options and column sizes that go along."""
    object_map = map.objects.get(name)
    routes = [route for route in object_map.routes if route.table == old] if object_map else []
    columns = load_catalog().tables[new].columns
    for route in routes:
        route.table = new
        for place, field in enumerate(route.fields):
            if field.column is None:
                continue
            column = names.get(field.column, field.column)
            if column in columns:
                route.fields[place] = field.model_copy(update={"column": column})
            else:
                route.fields[place] = _left_out(field, f"{new} has no column for {field.column}")
    for column in columns:
        labels = map.options.pop(f"{old}.{column}", None) if routes else None
        if labels:
            map.options[f"{new}.{column}"] = labels
    map.custom_columns = [c for one in map.custom_columns if (c := _resized(one, old, new, names)) is not None]
    return routes


def _resized(column: CustomColumn, old: str, new: str, names: Mapping[str, str]) -> CustomColumn | None:
    if column.table != old:
        return column
    name = names.get(column.name, column.name)
    known = load_catalog().column(new, name)
    if known is None or known.standard:
        return None
    return column.model_copy(update={"table": new, "name": name})


def _standard(table: str, column: str | None) -> bool:
    known = load_catalog().column(table, column or "")
    return known is not None and known.standard


def _left_out(field: FieldMap, why: str) -> FieldMap:
    return field.model_copy(update={"column": None, "status": "ignored", "reason": f"{why}."})
