"""What hangs on rows that are about to be deleted, and is not ours.

Standard tables cascade: deleting a contact takes its notes and activities along. So before a delete, the tables that
refer to it are asked for children whose ids are not in a given set.
"""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from dataverse import query
from dataverse.answers import rows_of
from dataverse.batch import Operation, Part, run_batch
from dataverse.client import DataverseClient

#: Standard tables whose rows matter to people. ``activitypointer`` stands for every kind of activity.
WATCHED: Final = frozenset(
    {"annotation", "activitypointer", "task", "appointment", "phonecall", "email", "opportunity", "contact", "account"}
)
_ACTIVITIES: Final = frozenset({"task", "appointment", "phonecall", "email"})
_GROUP: Final = 40
_QUERIES: Final = 100


@dataclass(frozen=True, slots=True)
class Relation:
    """A lookup of another table that may point at the rows. Logical names; ``delete`` is the cascade on delete."""

    child: str
    set_name: str
    id_column: str
    column: str
    delete: str


@dataclass(frozen=True, slots=True)
class Dependent:
    """A child row that is not ours, and who changed it last, when."""

    table: str
    id: str
    column: str
    modified_by: str | None
    modified_on: str | None


async def read_relations(client: DataverseClient, table: str, prefix: str) -> list[Relation]:
    """The lookups that may point at a table's rows: of the watched standard tables and of ``prefix``'s custom ones."""
    address = query.path(
        f"EntityDefinitions(LogicalName={query.literal(table)})/OneToManyRelationships",
        select="ReferencingEntity,ReferencingAttribute,CascadeConfiguration",
    )
    rows = (await client.get(address, table=table)).rows()
    wanted: dict[tuple[str, str], str] = {}
    for row in rows:
        child, column = str(row["ReferencingEntity"]), str(row["ReferencingAttribute"])
        if child in WATCHED or child.startswith(f"{prefix}_"):
            wanted[child, column] = str((row.get("CascadeConfiguration") or {}).get("Delete") or "")
    if ("activitypointer", "regardingobjectid") in wanted:
        for child in _ACTIVITIES:  # its rows are the activities' own, by the same ids
            wanted.pop((child, "regardingobjectid"), None)
    names = await _names(client, {child for child, _ in wanted})
    return [
        Relation(child, *names[child], column, delete)
        for (child, column), delete in sorted(wanted.items())
        if child in names
    ]


async def find_dependents(
    client: DataverseClient, relations: Iterable[Relation], ids: Sequence[str], known: Container[str]
) -> dict[str, list[Dependent]]:
    """Children of rows that are not known; parent id → children. Parents without any are left out.

    ``known`` holds the lower-case ids of rows that may go too. Pass at most one chunk of ids.
    """
    parents = list(dict.fromkeys(query.guid(i) for i in ids))
    asked: list[tuple[Relation, Operation]] = []
    for relation in relations:
        lookup = f"_{relation.column}_value"
        for some in query.groups(parents, _GROUP):
            address = query.path(
                relation.set_name,
                select=f"{relation.id_column},{lookup},_modifiedby_value,modifiedon",
                filter=query.any_of(lookup, some),
            )
            asked.append((relation, Operation("GET", address, table=relation.child)))
    found: dict[str, list[Dependent]] = {}
    for batch in query.groups(asked, _QUERIES):
        results = await run_batch(client, [operation for _, operation in batch], repeatable=True)
        for (relation, _), result in zip(batch, results, strict=True):
            if not isinstance(result, Part):
                raise result
            document = result.json()
            _sort_in(relation, rows_of(document), known, found)
            if link := document.get("@odata.nextLink"):
                async for page in client.pages(link, table=relation.child):
                    _sort_in(relation, page, known, found)
    return found


def _sort_in(
    relation: Relation,
    rows: Iterable[dict[str, object]],
    known: Container[str],
    found: dict[str, list[Dependent]],
) -> None:
    for row in rows:
        child = str(row[relation.id_column]).lower()
        if child in known:
            continue
        parent = str(row[f"_{relation.column}_value"]).lower()
        by, on = row.get("_modifiedby_value"), row.get("modifiedon")
        found.setdefault(parent, []).append(
            Dependent(relation.child, child, relation.column, str(by) if by else None, str(on) if on else None)
        )


async def _names(client: DataverseClient, tables: set[str]) -> dict[str, tuple[str, str]]:
    """Set name and id column of each table."""
    names: dict[str, tuple[str, str]] = {}
    for some in query.groups(sorted(tables), 20):
        address = query.path(
            "EntityDefinitions",
            select="LogicalName,EntitySetName,PrimaryIdAttribute",
            filter=" or ".join(f"LogicalName eq {query.literal(name)}" for name in some),
        )
        for row in (await client.get(address)).rows():
            if row.get("EntitySetName"):
                names[str(row["LogicalName"])] = (str(row["EntitySetName"]), str(row["PrimaryIdAttribute"]))
    return names
