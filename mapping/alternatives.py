"""The choices a map offers: sends an object to another table than the default, with every field it had."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mapping.apart import carriers_apart, left_out, live, notes_apart, properties_apart, specializations_apart
from mapping.catalog import load_catalog
from mapping.model import ClinicMap, CustomColumn, FieldMap, Route
from mapping.objects import ObjectName
from mapping.properties import JOINED, PREFIX, ROWS
from mapping.transforms.choices import ROW_OWNER

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
#: Characters of its name that stay, with room for what is put behind.
_ROOM: Final = 36


@dataclass(frozen=True, slots=True)
class Alternative:
    """A choice with its answers, each with what it means to the clinic; the first is what a proposal does."""

    name: str
    question: str
    object: ObjectName  #: without this object in the map there is nothing to choose
    means: Mapping[str, str]

    @property
    def answers(self) -> tuple[str, ...]:
        """The answers by name, the default first."""
        return tuple(self.means)


ALTERNATIVES: Final = (
    Alternative(
        "location", "Where do locations go?", "location",
        {
            "account": "Accounts: beside the organizations that are there, in the standard views.",
            "ClinicLocation": "A table of their own: accounts stay free of them, and of external referrers.",
        },
    ),
    Alternative(
        "appointment", "Where do appointments go?", "appointment",
        {
            "ClinicAppointment": "A table of their own, with every field; nothing shows in the timeline's activities.",
            "task": "Tasks in the patient's timeline, closed as their status says; nobody is invited.",
            "appointment": "Appointment activities with attendees. Exchange may send invitations where it synchronizes them.",
        },
    ),
    Alternative(
        "encounter_notes", "Where do the notes of an encounter go?", "encounter",
        {
            "memo": "A long text on the encounter, found by searching it.",
            "annotation": "A note that hangs on the encounter, at its time; longer than 100,000 characters it is an exception.",
        },
    ),
    Alternative(
        "multi_select", "What do properties with several values become?", "patient",
        {
            "choices": "A choice with several answers on the patient, to filter and segment by.",
            "PatientPropertyValue": "A row for each value in a table of its own, for lists too long for a choice.",
            "text": "One text with “; ” between the values: read by people, filtered by nobody.",
        },
    ),
    Alternative(
        "specializations", "What do a practitioner's specializations become?", "practitioner",
        {
            "choice": "A choice on the practitioner: the first one counts.",
            "PractitionerSpecialization": "A row for each, the first marked as the primary; the choice keeps the first.",
        },
    ),
    Alternative(
        "carrier", "What does an insurance carrier become?", "insurance",
        {
            "text": "Its name on each policy.",
            "account": "One account for each carrier, and a link from each of its policies; the name stays beside it.",
        },
    ),
    Alternative(
        "referral", "Does a referral with an amount become an opportunity?", "referral",
        {
            "opportunity": "Yes: with an amount above zero it is in the sales pipeline, won or lost as its status says.",
            "never": "No: every referral is a row of the clinic's own table.",
        },
    ),
)  # fmt: skip


#: Answers that may be taken from another one than the default: values that stand in a text can be told apart.
_ONWARD: Final = (("text", "PatientPropertyValue"),)


def alternative(name: str) -> Alternative:
    """The choice of that name; ValueError when there is none."""
    found = next((one for one in ALTERNATIVES if one.name == name), None)
    if found is None:
        raise ValueError(f"there is no choice {name}; choices: {', '.join(one.name for one in ALTERNATIVES)}")
    return found


def answer_of(map: ClinicMap, name: str) -> str | None:
    """How the map answers a choice; None where it has nothing that the choice is about."""
    one = alternative(name)
    object_map = map.objects.get(one.object)
    return _ANSWERS[name](map, object_map.routes) if object_map else None


def choose(map: ClinicMap, name: str, answer: str) -> ClinicMap:
    """The map with that choice answered; made from a map that has the default answer, or this one already.

    Fields for which the other table has no column become ignored, with the reason. ValueError: no such choice or
    answer, or nothing in the map that it is about.
    """
    one = alternative(name)
    if answer not in one.answers:
        raise ValueError(f"there is no choice {name} with the answer {answer}; answers: {', '.join(one.answers)}")
    changed = map.model_copy(deep=True)
    current = answer_of(map, name)
    if answer == (current or one.answers[0]):
        return changed
    if current is None:
        raise ValueError(f"the map has nothing that the choice {name} is about")
    if current != one.answers[0] and (current, answer) not in _ONWARD:
        raise ValueError(f"{name} is {current} already; it goes back to {one.answers[0]} first")
    _CHANGES[name](changed, answer)
    return changed


def take_back(map: ClinicMap, before: ClinicMap, name: str) -> ClinicMap:
    """The map with the choice back at its default: what the choice touches is as it stands in ``before``, an earlier
    version of the map that had the default; other choices stay as they are. ValueError: ``before`` does not fit."""
    answer, one = answer_of(map, name), alternative(name)
    if answer is None or answer_of(before, name) != one.answers[0]:
        raise ValueError(f"no earlier version of the map has {one.answers[0]} for {name}")
    chosen = choose(before, name, answer)
    touched = [one for one, object_map in chosen.objects.items() if object_map != before.objects.get(one)]
    back = map.model_copy(deep=True)
    for object_name in touched:
        if object_name in before.objects:
            back.objects[object_name] = before.objects[object_name].model_copy(deep=True)
        else:
            back.objects.pop(object_name, None)
    was, made = ({(c.table, c.name): c for c in one.custom_columns} for one in (before, chosen))
    moved = {key for key in {*was, *made} if was.get(key) != made.get(key)}
    back.custom_columns = [c for c in back.custom_columns if (c.table, c.name) not in moved]
    back.custom_columns += [column for key, column in was.items() if key in moved]
    for key in {*before.options, *chosen.options}:
        if before.options.get(key) != chosen.options.get(key):
            back.options.pop(key, None)
            if key in before.options:
                back.options[key] = list(before.options[key])
    for other in ALTERNATIVES:
        kept = answer_of(map, other.name)
        if other is not one and kept not in (None, other.answers[0]):
            # Changes nothing where the choice is answered already; what was put back gets its answer again.
            _CHANGES[other.name](back, kept)
    return back


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
                    route.fields[place] = left_out(field, f"{field.column} points at accounts only")


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
        if table == "appointment":
            route.fields += _parties(by_column)


def _parties(by_column: Mapping[str, FieldMap]) -> list[FieldMap]:
    """Who takes part: patient and practitioner are expected, the owner of the row invites."""
    reason = "a party of the appointment"
    attendees = [
        FieldMap(
            source=one.source, column="requiredattendees", transform="lookup", phi="id", reason=reason,
            args={key: value for key, value in one.args.items() if key != "required"},
        )
        for column in ("regardingobjectid", "Practitioner")
        if (one := by_column.get(column)) is not None and one.transform == "lookup"
    ]  # fmt: skip
    return [*attendees, FieldMap(source="_owner", column="organizer", transform=ROW_OWNER, reason=reason)]


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
    if answer != "text":
        properties_apart(map)
        return
    several: dict[tuple[str, str | None], str] = {}
    for place, column in enumerate(map.custom_columns):
        if column.type == "choices":
            # Another column, since the type of one that is there cannot be changed.
            name = several[column.table, column.name] = f"{column.name[:_ROOM]}Text"
            changes = {"name": name, "type": "memo", "options": [], "max_length": _JOINED_LENGTH}
            map.custom_columns[place] = column.model_copy(update=changes)
    for object_map in map.objects.values():
        for route in object_map.routes:
            for place, field in enumerate(route.fields):
                name = several.get((route.table, field.column), "")
                if name and field.transform == "choices":
                    plain: dict[str, Any] = {"column": name, "transform": "text", "args": dict(JOINED), "values": None}
                    route.fields[place] = field.model_copy(update=plain)


_CHANGES: Final[dict[str, Callable[[ClinicMap, str], None]]] = {
    "location": _locations,
    "appointment": _appointments,
    "encounter_notes": notes_apart,
    "multi_select": _multi_selects,
    "specializations": specializations_apart,
    "carrier": carriers_apart,
    "referral": _referrals,
}


def _table(map: ClinicMap, routes: Sequence[Route]) -> str | None:
    return routes[0].table if routes else None


def _notes_answer(map: ClinicMap, routes: Sequence[Route]) -> str | None:
    if "encounter_note" in map.objects:
        return "annotation"
    return "memo" if live(map, "encounter", "ClinicalNotes") else None


def _several_answer(map: ClinicMap, routes: Sequence[Route]) -> str | None:
    fields = [field for route in routes for field in route.fields if field.source.startswith(PREFIX)]
    if any(field.transform == ROWS for field in fields):
        return "PatientPropertyValue"
    if any(field.transform == "choices" for field in fields):
        return "choices"
    return "text" if any(field.transform == "text" and field.args == JOINED for field in fields) else None


def _specializations_answer(map: ClinicMap, routes: Sequence[Route]) -> str | None:
    if "specialization" in map.objects:
        return "PractitionerSpecialization"
    return "choice" if live(map, "practitioner", "Specialization") else None


def _carrier_answer(map: ClinicMap, routes: Sequence[Route]) -> str | None:
    if "carrier" in map.objects:
        return "account"
    return "text" if live(map, "insurance", "Carrier") else None


def _referral_answer(map: ClinicMap, routes: Sequence[Route]) -> str | None:
    return "opportunity" if any(route.table == "opportunity" for route in routes) else "never"


_ANSWERS: Final[dict[str, Callable[[ClinicMap, Sequence[Route]], str | None]]] = {
    "location": _table,
    "appointment": _table,
    "encounter_notes": _notes_answer,
    "multi_select": _several_answer,
    "specializations": _specializations_answer,
    "carrier": _carrier_answer,
    "referral": _referral_answer,
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
                route.fields[place] = left_out(field, f"{new} has no column for {field.column}")
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
