"""What differs between two maps, part by part: fields by their source, then what an object, or the whole map, says."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from mapping.model import ClinicMap, FieldMap, ObjectMap, Route

#: Parts of a field that say who decided: a version says that of itself.
_PASSING: Final = frozenset({"source", "by", "at"})
_ROUTED: Final = frozenset({"routes"})
_WHOLE: Final = frozenset({"objects", "custom_columns", "version"})


@dataclass(frozen=True, slots=True)
class Difference:
    """One part that differs. ``field`` is empty where the object is meant, ``object`` where the whole map is;
    ``before`` or ``after`` is empty where there was nothing."""

    object: str
    table: str
    field: str
    what: str
    before: str
    after: str


def compare(before: ClinicMap, after: ClinicMap) -> list[Difference]:
    """Every difference, in the order of the later map."""
    found = [
        Difference("", "", "", what, old, new) for what, old, new in _parts(_plain(before), _plain(after), skip=_WHOLE)
    ]
    columns = [{f"{one.table}.{one.name}": one.model_dump() for one in each.custom_columns} for each in (before, after)]
    for name in dict.fromkeys([*columns[1], *columns[0]]):
        old, new = (_words(one.get(name)) for one in columns)
        if old != new:
            found.append(Difference("", "", "", f"column {name}", old, new))
    for name in dict.fromkeys([*after.objects, *before.objects]):
        found += _object(name, before.objects.get(name), after.objects.get(name))
    return found


def _object(name: str, before: ObjectMap | None, after: ObjectMap | None) -> Iterator[Difference]:
    if before is None or after is None:
        old, new = ("" if one is None else ", ".join(route.table for route in one.routes) for one in (before, after))
        yield Difference(name, "", "", "object", old, new)
    else:
        yield from (
            Difference(name, "", "", what, old, new)
            for what, old, new in _parts(_plain(before), _plain(after), skip=_ROUTED)
        )
        ways = [_words([_way(route) for route in one.routes]) for one in (before, after)]
        if ways[0] != ways[1]:
            yield Difference(name, "", "", "tables", *ways)
    old_fields, new_fields = _fields(before), _fields(after)
    for key in dict.fromkeys([*new_fields, *old_fields]):
        table, source, _ = key
        was, now = old_fields.get(key), new_fields.get(key)
        if was is None or now is None:
            yield Difference(name, table, source, "field", *("" if one is None else _target(one) for one in (was, now)))
            continue
        for what, old, new in _parts(_plain(was), _plain(now), skip=_PASSING):
            yield Difference(name, table, source, what, old, new)


def _fields(one: ObjectMap | None) -> dict[tuple[str, str, int], FieldMap]:
    """Fields by table, source and how many of that source come before: one may fill several columns."""
    found: dict[tuple[str, str, int], FieldMap] = {}
    seen: Counter[tuple[str, str]] = Counter()
    for route in one.routes if one else ():
        for field in route.fields:
            found[route.table, field.source, seen[route.table, field.source]] = field
            seen[route.table, field.source] += 1
    return found


def _parts(
    before: Mapping[str, Any], after: Mapping[str, Any], *, skip: frozenset[str]
) -> Iterator[tuple[str, str, str]]:
    for what in before:
        if what in skip or before[what] == after[what]:
            continue
        old, new = before[what], after[what]
        if isinstance(old, dict | None) and isinstance(new, dict | None):
            # Entry by entry: of a long value map the line that changed is what people look for.
            for key in dict.fromkeys([*(new or {}), *(old or {})]):
                if (key in (old or {}), (old or {}).get(key)) != (key in (new or {}), (new or {}).get(key)):
                    yield f"{what} {key}", _entry(old, key), _entry(new, key)
        else:
            yield what, _words(old), _words(new)


def _plain(one: ClinicMap | ObjectMap | FieldMap) -> dict[str, Any]:
    return one.model_dump(mode="json")


def _entry(one: Mapping[str, Any] | None, key: str) -> str:
    if one is None or key not in one:
        return ""
    return _words(one[key]) or "(empty)"


def _way(route: Route) -> str:
    return f"{route.table} when {route.when.field} is above {route.when.above:g}" if route.when else route.table


def _target(field: FieldMap) -> str:
    return "left out" if field.status == "ignored" else f"{field.column or 'no column'} by {field.transform}"


def _words(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
