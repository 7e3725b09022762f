"""A source that is read again: what people decided about the map stays, what the new reading proposes is added to it."""

from collections.abc import Mapping

from mapping.model import ClinicMap, CustomColumn, FieldMap, ObjectMap, Route
from mapping.objects import ObjectName


def carried(current: ClinicMap, last: ClinicMap, proposal: ClinicMap) -> ClinicMap:
    """The new proposal, with what people changed in the current map since the last proposal.

    Fields that nobody touched are as proposed now; choice values and lengths of columns only grow.
    """
    objects = {
        name: _object(current.objects[name], last.objects.get(name), one) if name in current.objects else one
        for name, one in proposal.objects.items()
    }
    added = {name: one for name, one in current.objects.items() if name not in objects and name not in last.objects}
    return proposal.model_copy(
        update={
            "controlled": current.controlled,
            "objects": objects | added,
            "custom_columns": _columns(current.custom_columns, proposal.custom_columns, objects),
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
                and (key in proposal.out_of_scope or key not in last.out_of_scope)
            },
        }
    )


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
    """Fields in the proposal's order, those that people changed in its fields' places; people's further ones, last."""
    before = _keyed(last)
    people = {key: field for key, field in _keyed(current).items() if field != before.get(key)}
    fields = {key: people.get(key, field) for key, field in _keyed(proposal).items()}
    return proposal.model_copy(update={"fields": list((fields | people).values())})


def _keyed(route: Route) -> dict[tuple[str, int], FieldMap]:
    """Fields by source and how many of that source come before: one may fill several columns."""
    keyed: dict[tuple[str, int], FieldMap] = {}
    for field in route.fields:
        keyed[field.source, sum(source == field.source for source, _ in keyed)] = field
    return keyed


def _columns(
    current: list[CustomColumn], proposal: list[CustomColumn], objects: Mapping[ObjectName, ObjectMap]
) -> list[CustomColumn]:
    """Those of the current map, and of the proposal's those that a field fills: people may have sent a property
    elsewhere."""
    found = {(one.table, one.name): one for one in current}
    filled = {(route.table, field.column) for one in objects.values() for route in one.routes for field in route.fields}
    for one in proposal:
        if (one.table, one.name) not in {*found, *filled}:
            continue
        known = found.setdefault((one.table, one.name), one)
        longest = max(known.max_length or 0, one.max_length or 0) or None
        options = list(dict.fromkeys([*known.options, *one.options]))
        found[one.table, one.name] = known.model_copy(update={"options": options, "max_length": longest})
    return list(found.values())
