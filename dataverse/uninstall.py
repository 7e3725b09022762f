"""Taking the solution out of the target again: columns and tables of ours that hold nothing, then the solution's own row.

An unmanaged solution leaves its components behind when it is deleted, so each is deleted by itself: columns of standard
tables with their keys first, then tables, those that point before those that are pointed at. What holds values or rows
stays, since somebody else's work may be in it; so does what the target refuses to give up. Safe to repeat: what is gone
already is not looked for.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from dataverse import query
from dataverse.client import DataverseClient
from dataverse.errors import NotFound, Refused
from dataverse.install import in_turn
from dataverse.solution import UNIQUE_NAME
from mapping.schema import SchemaColumn, SchemaTable


@dataclass(slots=True)
class Uninstalled:
    """What is not there any more, and what stays and why; names of tables, and of columns as ``table.column``."""

    removed: list[str] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)


async def uninstall(client: DataverseClient, tables: Iterable[SchemaTable]) -> Uninstalled:
    """Remove what these tables brought to the target. Raises what the client raises, but for refusals: these are told."""
    every = sorted(tables, key=lambda table: table.logical)
    found = Uninstalled()
    for table in every:
        if not table.custom:
            await _columns(client, table, found)
    await _tables(client, [table for table in every if table.custom], found)
    if not found.kept:
        await _solution(client)
    return found


async def _columns(client: DataverseClient, table: SchemaTable, found: Uninstalled) -> None:
    ours = [column for column in table.columns.values() if column.custom]
    expand = (
        "Attributes($select=LogicalName),Keys($select=MetadataId,KeyAttributes),"
        "ManyToOneRelationships($select=MetadataId,ReferencingAttribute)"
    )
    try:
        has = (await client.get(query.path(_at(table), select="LogicalName", expand=expand))).json() if ours else {}
    except NotFound:
        has = {}
    there = {str(one["LogicalName"]) for one in has.get("Attributes", [])}
    for column in ours:
        name = f"{table.logical}.{column.logical}"
        if column.logical not in there:
            found.removed.append(name)
        elif await _any(client, table, f"{column.read_name} ne null"):
            found.kept[name] = "rows hold values in it"
        else:
            await _delete(client, name, _parts(table, column, has), found)


def _parts(table: SchemaTable, column: SchemaColumn, has: dict[str, Any]) -> list[str]:
    """What has to be deleted for a column to go: keys that are made of it, and the relationships of a lookup."""
    keys = [str(one["MetadataId"]) for one in has.get("Keys", []) if column.logical in one["KeyAttributes"]]
    relations = [
        str(one["MetadataId"])
        for one in has.get("ManyToOneRelationships", [])
        if one["ReferencingAttribute"] == column.logical
    ]
    last = [f"{_at(table)}/Attributes(LogicalName={query.literal(column.logical)})"] if not relations else []
    return [
        *(f"{_at(table)}/Keys({query.guid(key)})" for key in keys),
        *(f"RelationshipDefinitions({query.guid(one)})" for one in relations),
        *last,
    ]


async def _tables(client: DataverseClient, tables: list[SchemaTable], found: Uninstalled) -> None:
    left = list(tables)
    while left:
        free = [one for one in left if not any(_points(other, one) for other in left if other is not one)]
        for table in free or left[:1]:  # of tables that point at each other, the target says which can go
            left.remove(table)
            await _table(client, table, found)


async def _table(client: DataverseClient, table: SchemaTable, found: Uninstalled) -> None:
    try:
        full = await _any(client, table)
    except NotFound:
        found.removed.append(table.logical)
        return
    if full:
        found.kept[table.logical] = "rows are in it"
    else:
        await _delete(client, table.logical, [_at(table)], found)


def _points(one: SchemaTable, other: SchemaTable) -> bool:
    return any(other.logical in column.nav for column in one.columns.values())


async def _any(client: DataverseClient, table: SchemaTable, filter: str = "") -> bool:
    """Whether there is a row of the table, one that meets the filter."""
    address = query.path(table.set_name, select=table.id_column, filter=filter, top="1")
    return bool((await client.get(address, table=table.logical)).rows())


async def _delete(client: DataverseClient, name: str, parts: list[str], found: Uninstalled) -> None:
    try:
        for part in parts:
            await _gone(client, part)
        found.removed.append(name)
    except Refused as error:
        found.kept[name] = f"the target does not give it up ({error.code or error.status}): {error.message}"


async def _gone(client: DataverseClient, part: str) -> None:
    async def delete() -> None:
        try:
            await client.request("DELETE", part, repeatable=True)
        except NotFound:
            return

    await in_turn(client, delete)


async def _solution(client: DataverseClient) -> None:
    address = query.path("solutions", select="solutionid", filter=f"uniquename eq {query.literal(UNIQUE_NAME)}")
    for row in (await client.get(address)).rows():
        await _gone(client, query.row("solutions", str(row["solutionid"])))


def _at(table: SchemaTable) -> str:
    return f"EntityDefinitions(LogicalName={query.literal(table.logical)})"
