"""What stands between the brackets of ``contacts(…)``: a GUID or alternate key values."""

import re
from typing import Any, Final

from local.dataverse import errors
from local.dataverse.catalog import Catalog
from local.dataverse.model import Column, Key, Table
from local.dataverse.values import guid, parse_moment

_PART: Final = re.compile(r"\s*(\w+)\s*=\s*('(?:[^']|'')*'|[^,']+)\s*(?:,|$)")


def parse_key(catalog: Catalog, table: Table, text: str) -> tuple[Key, dict[str, Any]] | str:
    """The id, or the key and its stored values by column name. 400 when they fit no key of the table."""
    identity = guid(text)
    if identity is not None:
        return identity
    values: dict[str, Any] = {}
    position = 0
    while position < len(text):
        found = _PART.match(text, position)
        if found is None:
            raise errors.bad_key(table.name)
        name, literal = found[1], found[2].strip()
        position = found.end()
        if name == table.id_column and not table.system:
            only = guid(literal)
            if only is None:
                raise errors.bad_key(table.name)
            return only
        column = _column(table, name)
        values[column.name] = _literal(table, column, literal)
    key = catalog.key_of(table, set(values))
    if key is None or not values:
        raise errors.bad_key(table.name)
    if key.status != "Active":
        raise errors.key_not_ready(table.name, key.name)
    return key, {name: values[name] for name in key.columns}


def resolve_key(catalog: Catalog, table: Table, text: str) -> str | None:
    """The id of the row that a key text names; None when no row has these key values."""
    parsed = parse_key(catalog, table, text)
    return parsed if isinstance(parsed, str) else catalog.store.find_key(table, parsed[1])


def _column(table: Table, name: str) -> Column:
    for column in table.columns.values():
        if column.read_name == name:
            return column
    raise errors.bad_key(table.name)


def _literal(table: Table, column: Column, literal: str) -> Any:
    if literal.startswith("'"):
        if column.type not in ("String", "Memo", "EntityName"):
            raise errors.bad_key(table.name)
        return literal[1:-1].replace("''", "'")
    if column.is_lookup or column.type == "Uniqueidentifier":
        value: Any = guid(literal)
    elif column.type == "DateTime":
        value = literal if column.date_only else parse_moment(literal)
    elif column.type in ("Decimal", "Double", "Money"):
        value = _number(literal, float)
    else:
        value = None if column.type in ("String", "Memo") else _number(literal, int)
    if value is None:
        raise errors.bad_key(table.name)
    return value


def _number(literal: str, kind: type[int] | type[float]) -> float | None:
    try:
        return kind(literal)
    except ValueError:
        return None
