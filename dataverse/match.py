"""Rows of the target that are the same thing as rows to come: found by a rule, never guessed.

A rule is a list of columns that together tell one thing from another (e-mail and birth date of a contact, the columns
of an alternate key). What has an empty column matches nothing. Whether a match is without doubt is for the caller to
say, who knows all the rows to come. The values travel in the bodies of ``$batch`` requests, since addresses are written
into logs.
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
#: Active, open and scheduled: a row that was closed or retired is nothing to go on with. No table means anything else by 3.
_LIVE: Final = "(statecode eq 0 or statecode eq 3)"
_BARE: Final = re.compile(r"[-+.:0-9A-Za-z]{1,40}")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Matches:
    """Ids of rows of the target by key of the wanted row, sorted. ``taken`` carry another's mark, ``free`` do not.

    Keys without any row are in neither; ``incomplete`` are those that lack a value of the rule.
    """

    free: dict[str, list[str]] = field(default_factory=dict)
    taken: dict[str, list[str]] = field(default_factory=dict)
    incomplete: list[str] = field(default_factory=list)


def match_rows(
    id_column: str, columns: Sequence[str], mark: str, wanted: Mapping[str, Row], candidates: Iterable[Row]
) -> Matches:
    """Match wanted rows (key → row) with candidates by the read names in ``columns``.

    ``mark`` names the column that says whose a row is: a row with the wanted row's own mark, or none, is free.
    Texts are equal without regard to case and to blanks around them, as the service compares them; numbers by value,
    instants by the second.
    """
    there: dict[tuple[Hashable, ...], dict[str, Hashable]] = {}
    for row in candidates:
        if (values := _values(row, columns)) is not None:
            there.setdefault(values, {})[str(row[id_column]).lower()] = _fold(row.get(mark))
    matches = Matches()
    for key, row in wanted.items():
        values = _values(row, columns)
        if values is None:
            matches.incomplete.append(key)
            continue
        own = _fold(row.get(mark))
        for row_id, marked in sorted(there.get(values, {}).items()):
            (matches.free if marked in (None, own) else matches.taken).setdefault(key, []).append(row_id)
    return matches


async def find_matches(
    client: DataverseClient, table: SchemaTable, columns: Sequence[str], rows: Mapping[str, Row]
) -> Matches:
    """Match rows to come (key → row by read names) with the live rows of the target, by the rule's ``columns``.

    The table's key column is the mark. Pass at most one chunk.
    """
    if not columns or not table.key_column:
        raise ValueError("a rule needs at least one column, and a table with a key of ours")
    filters = {
        values: _filter(table, columns, row) for row in rows.values() if (values := _values(row, columns)) is not None
    }
    select = ",".join(dict.fromkeys([table.id_column, table.key_column, *columns]))
    queries = [
        Operation("GET", query.path(table.set_name, select=select, filter=_live(some)), table=table.logical)
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
    return match_rows(table.id_column, columns, table.key_column, rows, candidates)


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


def _live(filters: list[str]) -> str:
    return f"({' or '.join(filters)}) and {_LIVE}"


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
