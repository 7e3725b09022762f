"""Choices of the map that give a part of a record a row of its own; ``mapping.derived`` makes the records for them."""

from typing import Any, Final

from mapping.model import ClinicMap, FieldMap, ObjectMap, OwnerRule, PhiClass, Route
from mapping.objects import ObjectName
from mapping.properties import JOINED, PREFIX, ROWS

#: What an account that stands for a carrier is marked as.
CARRIER_KIND: Final = "Insurance carrier"


def live(map: ClinicMap, name: ObjectName, column: str) -> list[tuple[Route, int]]:
    """Where the map fills that column of an object: the route and the field's place in it."""
    object_map = map.objects.get(name)
    return [
        (route, place)
        for route in (object_map.routes if object_map else ())
        for place, field in enumerate(route.fields)
        if field.column == column and field.status != "ignored"
    ]


def left_out(field: FieldMap, why: str) -> FieldMap:
    """The field without a column, and why."""
    return field.model_copy(update={"column": None, "status": "ignored", "reason": f"{why}."})


def notes_apart(map: ClinicMap, answer: str) -> None:
    """The notes of an encounter as annotations that hang on it, at the time of the encounter."""
    for route, place in live(map, "encounter", "ClinicalNotes")[:1]:
        note = route.fields[place]
        by_column = {field.column: field for field in route.fields if field.column and field.status != "ignored"}
        fields = [
            _made("_id", "objectid", "lookup", args={"object": "encounter", "required": True}, phi="id"),
            note.model_copy(update={"column": "notetext", "args": {**note.args}}),
        ]
        if (title := by_column.get("Name")) is not None:
            fields.insert(0, title.model_copy(update={"column": "subject"}))
        when = by_column.get("EncounterDate") or by_column.get("SourceCreatedOn")
        if when is not None:
            fields.append(when.model_copy(update={"column": "overriddencreatedon"}))
        route.fields[place] = left_out(note, "The notes are annotations of their own")
        _add(map, "encounter_note", "encounter", Route(table="annotation", fields=fields))


def carriers_apart(map: ClinicMap, answer: str) -> None:
    """Each carrier as an account that its policies point at. The policy keeps the carrier's name as the source has it."""
    found = live(map, "insurance", "Carrier")
    for route, place in found:
        carrier = route.fields[place]
        if not any(field.column == "CarrierAccount" for field in route.fields):
            args = {"object": "carrier"}
            link = _made(carrier.source, "CarrierAccount", "lookup", args=args, phi="insurance")
            route.fields.insert(place + 1, link)
    if found:
        source = found[0][0].fields[found[0][1]].source
        kind = _made(source, "LocationKind", "constant", args={"value": CARRIER_KIND})
        name = _made(source, "name", "text", phi="insurance", args={"required": True})
        # A carrier is of many patients: it belongs to the fallback owner, and only without one to a policy's.
        _add(map, "carrier", "insurance", Route(table="account", fields=[name, kind]), first="fallback")
        labels = map.options.setdefault("account.LocationKind", [])
        if CARRIER_KIND not in labels:
            labels.append(CARRIER_KIND)


def specializations_apart(map: ClinicMap, answer: str) -> None:
    """Each specialization of a practitioner as a row; the first stays the contact's own, too."""
    for route, place in live(map, "practitioner", "Specialization")[:1]:
        table = "PractitionerSpecialization"
        first = route.fields[place]
        linked = {"object": "practitioner", "required": True}
        fields = [
            _made("specialization", "Name", "text"),
            _made("practitioner", "Practitioner", "lookup", args=linked, phi="id"),
            first.model_copy(update={"source": "specialization", "column": "Specialization"}),
            _made("primary", "Primary", "boolean"),
        ]
        known = [*map.options.get(f"{route.table}.Specialization", []), *map.options.get(f"{table}.Specialization", [])]
        map.options[f"{table}.Specialization"] = list({label.casefold(): label for label in reversed(known)}.values())[
            ::-1
        ]
        _add(map, "specialization", "practitioner", Route(table=table, fields=fields))


def properties_apart(map: ClinicMap) -> None:
    """Each value of a property that has several as a row that names patient, property and value."""
    custom = {(c.table, c.name) for c in map.custom_columns}
    taken: set[tuple[str, str]] = set()
    patient = map.objects.get("patient")
    for route in patient.routes if patient else ():
        for place, field in enumerate(route.fields):
            column = (route.table, field.column or "")
            joined = field.transform == "text" and field.args == JOINED
            if field.source.startswith(PREFIX) and column in custom and (joined or field.transform == "choices"):
                taken.add(column)
                args = {} if joined else {key: text for key, text in field.args.items() if key == "separator"}
                changes = {"column": None, "transform": ROWS, "args": args, "reason": "a row for each value"}
                route.fields[place] = field.model_copy(update=changes)
    map.custom_columns = [c for c in map.custom_columns if (c.table, c.name) not in taken]
    if taken:
        linked = {"object": "patient", "required": True}
        fields = [
            _made("property", "Name", "text"),
            _made("patient", "Patient", "lookup", args=linked, phi="id"),
            _made("property", "Property", "text", phi="clinical", args={"required": True}),
            _made("value", "Value", "text", phi="clinical", args={"required": True}),
        ]
        _add(map, "property_value", "patient", Route(table="PatientPropertyValue", fields=fields))


def _made(source: str, column: str, transform: str, *, phi: PhiClass = "none", args: Any = None) -> FieldMap:
    reason = "part of the rows that this choice makes"
    return FieldMap(source=source, column=column, transform=transform, phi=phi, args=args or {}, reason=reason)


def _add(map: ClinicMap, name: ObjectName, parent: ObjectName, route: Route, *, first: OwnerRule | None = None) -> None:
    """The derived object, owned like its parent; in the map it stands right after it."""
    rules = map.objects[parent].owner
    owner = [first, *(rule for rule in rules if rule != first)] if first else list(rules)
    made = ObjectMap(routes=[route], owner=owner)
    objects: dict[ObjectName, ObjectMap] = {}
    for key, one in map.objects.items():
        if key != name:
            objects[key] = one
        if key == parent:
            objects[name] = made
    map.objects = objects
