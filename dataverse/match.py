"""Rows of the target that are the same thing as rows to come: found by a rule, never guessed.

A rule is a list of columns that together tell one thing from another (e-mail and birth date of a contact, the columns
of an alternate key). What has an empty column matches nothing; what matches more than one thing is ambiguous. The
values travel in the bodies of ``$batch`` requests, since addresses are written into logs.
"""

import re
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote

from dataverse import query
from dataverse.batch import Operation, Part, run_batch
from dataverse.client import API, DataverseClient
from mapping.schema import SchemaColumn, SchemaTable

#: Rows a query, octets of a query's filter (an address in a batch may have 64 KB), and queries a batch.
_GROUP: Final = 20
_OCTETS: Final = 24_000
_QUERIES: Final = 50
_QUOTED: Final = frozenset({"text", "memo"})
_BARE: Final = re.compile(r"[-+.:0-9A-Za-z]{1,40}")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Matches:
    """``unique``: key of a wanted row → the one row of the target. ``ambiguous``: key → ids of rows it may be.

    A row of the target that several wanted rows claim is ambiguous for all of them. Keys without any row are in
    neither; ``incomplete`` are those that lack a value of the rule.
    """

    unique: dict[str, dict[str, Any]] = field(default_factory=dict)
    ambiguous: dict[str, list[str]] = field(default_factory=dict)
    incomplete: list[str] = field(default_factory=list)


def match_rows(id_column: str, columns: Sequence[str], wanted: Mapping[str, Row], candidates: Iterable[Row]) -> Matches:
    """Match wanted rows (key → row) with candidates by the read names in ``columns``.

    Texts are equal without regard to case and to blanks around them, as the service compares them; numbers by value,
    instants by the second.
    """
    there: dict[tuple[Hashable, ...], dict[str, Row]] = {}
    for row in candidates:
        if (values := _values(row, columns)) is not None:
            there.setdefault(values, {})[str(row[id_column]).lower()] = row
    found: dict[str, dict[str, Row]] = {}
    incomplete: list[str] = []
    for key, row in wanted.items():
        values = _values(row, columns)
        if values is None:
            incomplete.append(key)
        elif values in there:
            found[key] = there[values]
    claims: dict[str, int] = {}
    for rows in found.values():
        for row_id in rows:
            claims[row_id] = claims.get(row_id, 0) + 1
    unique: dict[str, dict[str, Any]] = {}
    ambiguous: dict[str, list[str]] = {}
    for key, rows in found.items():
        if len(rows) == 1 and all(claims[row_id] == 1 for row_id in rows):
            unique[key] = dict(next(iter(rows.values())))
        else:
            ambiguous[key] = sorted(rows)
    return Matches(unique, ambiguous, incomplete)


async def find_matches(
    client: DataverseClient, table: SchemaTable, columns: Sequence[str], rows: Mapping[str, Row]
) -> Matches:
    """Match rows to come (key → row by read names) with what the target has, by the rule's ``columns``.

    The rows found carry their id, the rule's columns and ``@odata.etag``. Pass at most one chunk, but all rows that
    might claim the same thing together: across calls, a row of the target may be claimed twice.
    """
    if not columns:
        raise ValueError("a rule needs at least one column")
    filters = {
        values: _filter(table, columns, row) for row in rows.values() if (values := _values(row, columns)) is not None
    }
    select = ",".join(dict.fromkeys([table.id_column, *columns]))
    queries = [
        Operation("GET", query.path(table.set_name, select=select, filter=" or ".join(some)), table=table.logical)
        for some in _packed(filters.values())
    ]
    candidates: list[dict[str, Any]] = []
    while queries:
        batch, queries = queries[:_QUERIES], queries[_QUERIES:]
        for result in await run_batch(client, batch, repeatable=True):
            if not isinstance(result, Part):
                raise result
            candidates += result.rows()
            if link := result.json().get("@odata.nextLink"):
                # The link repeats the filter, and with it the values: so it goes into a body too.
                queries.append(Operation("GET", str(link).partition(f"{API}/")[2], table=table.logical))
    return match_rows(table.id_column, columns, rows, candidates)


def _values(row: Row, columns: Sequence[str]) -> tuple[Hashable, ...] | None:
    """What is compared; None when a value is missing."""
    values = tuple(_fold(row.get(name)) for name in columns)
    return None if None in values else values


def _fold(value: Any) -> Hashable:
    if isinstance(value, str):
        text = value.strip()
        return _instant(text) or text.casefold() or None
    if isinstance(value, bool) or value is None:
        return None if value is None else ("yes" if value else "no")
    return Decimal(str(value)).normalize()


def _instant(text: str) -> str | None:
    if len(text) < 16 or text[10] not in "Tt ":
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).replace(microsecond=0).isoformat()


def _filter(table: SchemaTable, columns: Sequence[str], row: Row) -> str:
    known = {column.read_name: column for column in table.columns.values()}
    return "(" + " and ".join(f"{name} eq {_literal(known.get(name), row[name])}" for name in columns) + ")"


def _literal(column: SchemaColumn | None, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return str(value)
    if column is None or column.type in _QUOTED:
        return query.literal(value.strip())
    if not _BARE.fullmatch(value.strip()):
        raise ValueError(f"a value of {column.logical} is not one of type {column.type}")
    return value.strip()


def _packed(filters: Iterable[str]) -> Iterator[list[str]]:
    """Filters in groups that stay well within the length an address may have."""
    group: list[str] = []
    length = 0
    for one in filters:
        octets = len(quote(one))
        if group and (len(group) >= _GROUP or length + octets > _OCTETS):
            yield group
            group, length = [], 0
        group.append(one)
        length += octets
    if group:
        yield group
