"""Match rules: by which columns a record is known to be a row that is in the target already.

The rules of an object hold for each of its tables that fills all their columns. Nothing here does I/O.
"""

from collections.abc import Iterator
from typing import Final

from mapping.model import ObjectMap, Route
from mapping.schema import Schema, SchemaTable

#: Types whose values can be asked for; a rule needs one of those that tell one thing from another.
ASKED: Final = frozenset({"text", "integer", "decimal", "date", "datetime", "choice", "boolean"})
_TELLING: Final = frozenset({"text", "integer"})


def match_rules(object_map: ObjectMap, schema: Schema) -> dict[str, list[list[str]]]:
    """The rules of each table (plain name), in read names of its columns; tables without a rule are left out."""
    found: dict[str, list[list[str]]] = {}
    for route in object_map.routes:
        table, columns = schema.table(route.table), filled(route)
        rules = [rule for rule in object_map.match if columns.issuperset(rule)]
        if rules and table.key_column:
            found[route.table] = [[table.columns[name].read_name for name in rule] for rule in rules]
    return found


def rule_problems(object_map: ObjectMap, schema: Schema) -> Iterator[tuple[str, str]]:
    """What is wrong with the rules: the rule's columns, and words for people."""
    homes = [(route, table) for route in object_map.routes if (table := schema.tables.get(route.table))]
    for rule in object_map.match:
        yield from ((", ".join(rule), words) for words in _problems(rule, homes))


def _problems(rule: list[str], homes: list[tuple[Route, SchemaTable]]) -> Iterator[str]:
    if not rule:
        yield "A match rule needs at least one column."
        return
    if len(set(rule)) != len(rule):
        yield "The match rule names a column twice."
        return
    keyed = [(route, table) for route, table in homes if table.key_column]
    if not keyed:
        yield "Rows of this table take no key of ours, so none can be adopted."
        return
    fitting = [table for route, table in keyed if filled(route).issuperset(rule)]
    if not fitting:
        for name in rule:
            if not any(name in table.columns for _, table in keyed):
                yield f"There is no column {name} to match by."
            elif not any(name in filled(route) for route, _ in keyed):
                yield f"No field fills {name}, so there is nothing to match by."
        if all(any(name in filled(route) for route, _ in keyed) for name in rule):
            yield "No table of the object has all the columns of the match rule filled."
    for table in fitting:
        columns = [table.columns[name] for name in rule]
        for column in columns:
            if column.type not in ASKED or column.create_only:
                yield f"Rows cannot be matched by {column.plain}."
        if not any(column.type in _TELLING for column in columns):
            yield "The match rule needs a text or whole-number column beside these: they would match strangers."


def filled(route: Route) -> set[str]:
    """Columns that a field of the route fills with a value of its own."""
    return {
        field.column
        for field in route.fields
        if field.column and field.status != "ignored" and field.transform not in ("lookup", "state")
    }
