"""A source that is read again: what people decided about the map stays, what the new reading proposes is added to it."""

from collections.abc import Mapping
from typing import Any, Final

from mapping.hash import map_hash
from mapping.model import ClinicMap, ColumnType, CustomColumn, FieldMap, ObjectMap, Route
from mapping.objects import ObjectName
from mapping.properties import JOINED, PREFIX
from mapping.propose import TRANSFORM_OF
from mapping.review import unmarked

#: Length of a column whose earlier type had none.
_LENGTH: Final = 200


def carried(current: ClinicMap, last: ClinicMap, proposal: ClinicMap) -> ClinicMap:
    """The new proposal, with what people changed in the current map since the last proposal.

    Fields that nobody touched are as proposed now; choice values and lengths of columns only grow.
    """
    objects = {
        name: _object(current.objects[name], last.objects.get(name), one) if name in current.objects else one
        for name, one in proposal.objects.items()
    }
    added = {name: one for name, one in current.objects.items() if name not in objects and name not in last.objects}
    columns = _columns(current.custom_columns, last.custom_columns, proposal.custom_columns, objects)
    made = proposal.model_copy(
        update={
            "controlled": current.controlled,
            "objects": objects | added,
            "custom_columns": columns,
            "options": {
                key: list(dict.fromkeys([*current.options.get(key, []), *proposal.options.get(key, [])]))
                for key in {**current.options, **proposal.options}
            },
            # What is not in the source any more, and was before, needs no reason.
            "out_of_scope": proposal.out_of_scope
            | {
                key: words
                for key, words in current.out_of_scope.items()
                if last.out_of_scope.get(key) != words
                # What is said of the dataset itself since then is newer.
                and proposal.out_of_scope.get(key, "") in ("", last.out_of_scope.get(key))
                and (key in proposal.out_of_scope or key not in last.out_of_scope)
            },
        }
    )
    return _fitting(made, current, proposal)


def _object(current: ObjectMap, last: ObjectMap | None, proposal: ObjectMap) -> ObjectMap:
    if last is None:
        return current
    changed = {
        name: getattr(current, name)
        for name in type(current).model_fields
        if name != "routes" and getattr(current, name) != getattr(last, name)
    }
    ways = [[(route.table, route.when) for route in one.routes] for one in (current, last, proposal)]
    if ways[0] != ways[1] or ways[0] != ways[2]:
        routes = current.routes if ways[0] != ways[1] else proposal.routes
    else:
        routes = [_route(*three) for three in zip(current.routes, last.routes, proposal.routes, strict=True)]
    return proposal.model_copy(update=changed | {"routes": routes})


def _route(current: Route, last: Route, proposal: Route) -> Route:
    """Fields in the proposal's order, those that people changed in its fields' places; people's further ones, last.

    A field that records do not have any more goes with what was decided about it; a custom property may come back.
    """
    before = _keyed(last)
    gone = {field.source for field in last.fields} - {field.source for field in proposal.fields}
    people = {
        key: field
        for key, field in _keyed(current).items()
        if field != before.get(key) and (field.source not in gone or field.source.startswith(PREFIX))
    }
    fields = {key: people.get(key, field) for key, field in _keyed(proposal).items()}
    return proposal.model_copy(update={"fields": list((fields | people).values())})


def _keyed(route: Route) -> dict[tuple[str, int], FieldMap]:
    """Fields by source and how many of that source come before: one may fill several columns."""
    keyed: dict[tuple[str, int], FieldMap] = {}
    for field in route.fields:
        keyed[field.source, sum(source == field.source for source, _ in keyed)] = field
    return keyed


def _columns(
    current: list[CustomColumn],
    last: list[CustomColumn],
    proposal: list[CustomColumn],
    objects: Mapping[ObjectName, ObjectMap],
) -> list[CustomColumn]:
    """Those of the current map, and of the proposal's those that a field fills: people may have sent a property
    elsewhere. A type that nobody chose widens with the values; nothing ever narrows."""
    found = {_place(one): one for one in current}
    before = {_place(one): one.type for one in last}
    filled = {(route.table, field.column) for one in objects.values() for route in one.routes for field in route.fields}
    for one in proposal:
        if _place(one) not in {*found, *filled}:
            continue
        known = found.setdefault(_place(one), one)
        kind = wider(known.type, one.type) if known.type == before.get(_place(one)) else known.type
        longest = max(known.max_length or 0, one.max_length or 0) or None
        update = {
            "type": kind,
            "options": list(dict.fromkeys([*known.options, *one.options])) if kind in ("choice", "choices") else [],
            "max_length": (longest or _LENGTH) if kind in ("text", "memo") else None,
            "precision": max(known.precision or 0, one.precision or 0) or None
            if kind == "decimal"
            else known.precision,
        }
        found[_place(one)] = known.model_copy(update=update)
    return list(found.values())


def _place(column: CustomColumn) -> tuple[str, str]:
    return column.table, column.name


def wider(one: ColumnType, other: ColumnType) -> ColumnType:
    """The narrowest type that holds the values of both."""
    both = {one, other}
    if len(both) == 1:
        return one
    if both == {"integer", "decimal"}:
        return "decimal"
    if both == {"date", "datetime"}:
        return "datetime"
    if both == {"choice", "choices"}:
        return "choices"
    return "memo" if both & {"memo", "choices"} else "text"


def _fitting(made: ClinicMap, current: ClinicMap, proposal: ClinicMap) -> ClinicMap:
    """The map with fields that fit the columns that were widened; people's own are left as they are."""
    proposed = {_place(one): one.type for one in proposal.custom_columns}
    widened = {_place(one): one.type for one in made.custom_columns if proposed.get(_place(one), one.type) != one.type}
    if not widened:
        return made
    objects = {
        name: one.model_copy(
            update={
                "routes": [_refitted(name, route, current, proposal, widened) for route in one.routes],
            }
        )
        for name, one in made.objects.items()
    }
    return made.model_copy(update={"objects": objects})


def _refitted(
    name: ObjectName,
    route: Route,
    current: ClinicMap,
    proposal: ClinicMap,
    widened: Mapping[tuple[str, str], ColumnType],
) -> Route:
    was, new = _fields_of(current, name, route.table), _fields_of(proposal, name, route.table)
    fields = []
    for field in route.fields:
        kind = widened.get((route.table, field.column or ""))
        untouched = field == new.get(field.source)
        fields.append(_of_type(field, was.get(field.source), kind) if kind and untouched else field)
    return route.model_copy(update={"fields": fields})


def _fields_of(clinic_map: ClinicMap, name: ObjectName, table: str) -> dict[str, FieldMap]:
    routes = clinic_map.objects[name].routes if name in clinic_map.objects else []
    return {field.source: field for route in routes if route.table == table for field in route.fields}


def _of_type(field: FieldMap, was: FieldMap | None, kind: ColumnType) -> FieldMap:
    """A field for a column of that type: as it was where that fits, else by the type's own transform."""
    transform = TRANSFORM_OF[kind]
    if was is not None and was.column == field.column and was.transform == transform:
        return was
    args = dict(JOINED) if kind == "memo" else {}
    return field.model_copy(update={"transform": transform, "args": args, "values": None})


def only_grown(before: ClinicMap, after: ClinicMap) -> bool:
    """Whether a map that was read anew asks people nothing: every field goes where it went, as it did.

    Longer columns, further options and datasets that are gone extend or shrink what is around; a field that is new, gone
    or goes another way does not, nor does a dataset that nobody has marked out of scope.
    """
    return not unmarked(after) and _essence(before, before) == _essence(after, before)


def _essence(one: ClinicMap, base: ClinicMap) -> str:
    known = {_place(column) for column in base.custom_columns}
    bare: dict[str, Any] = {"max_length": None, "precision": None, "options": []}
    columns = [column.model_copy(update=bare) for column in one.custom_columns if _place(column) in known]
    return map_hash(one.model_copy(update={"custom_columns": columns, "options": {}, "out_of_scope": {}}))
