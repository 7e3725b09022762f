"""What the target has: tables, columns, keys, lookups, and which tables take bulk messages.

Read with ``Consistency: Strong``, since the answer is wanted right after a solution import.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from dataverse import query
from dataverse.client import DataverseClient
from dataverse.errors import NotFound
from dataverse.together import together

_STRONG: Final = {"Consistency": "Strong"}
_TABLE: Final = (
    "LogicalName,SchemaName,EntitySetName,PrimaryIdAttribute,PrimaryNameAttribute,IsCustomEntity,HasNotes,Privileges"
)
_ATTRIBUTE: Final = "LogicalName,SchemaName,AttributeType,AttributeTypeName,IsValidForCreate,IsValidForUpdate"
#: Members that only a derived attribute type has, by that type.
_CASTS: Final = {
    "String": "MaxLength",
    "Memo": "MaxLength",
    "Decimal": "Precision,MinValue,MaxValue",
    "Money": "Precision,MinValue,MaxValue",
    "Integer": "MinValue,MaxValue",
    "DateTime": "Format,DateTimeBehavior",
    "Lookup": "Targets",
}
_OPTION_CASTS: Final = ("Picklist", "MultiSelectPicklist", "State", "Status")


@dataclass(slots=True)
class ColumnInfo:
    """A column of the target. ``type`` is Dataverse's attribute type without "Type" (``String``, ``Picklist``…)."""

    logical: str
    schema_name: str
    type: str
    creatable: bool
    updatable: bool
    max_length: int | None = None
    precision: int | None = None
    minimum: float | None = None
    maximum: float | None = None
    behavior: str = ""  #: DateTime: UserLocal, DateOnly, TimeZoneIndependent
    targets: tuple[str, ...] = ()
    options: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """An alternate key. ``status`` is Pending, InProgress, Active or Failed."""

    logical: str
    columns: tuple[str, ...]
    status: str


@dataclass(slots=True)
class TableInfo:
    """A table of the target.

    ``lookups`` is column → target table → navigation property; ``privileges`` is action (``read``, ``appendto``…, lower
    case) → the privilege's name, which several tables may share (activities, notes).
    """

    logical: str
    schema_name: str
    set_name: str
    id_column: str
    name_column: str
    custom: bool
    has_notes: bool
    columns: dict[str, ColumnInfo]
    keys: list[KeyInfo]
    lookups: dict[str, dict[str, str]]
    privileges: dict[str, str]


async def read_metadata(client: DataverseClient, tables: Iterable[str]) -> dict[str, TableInfo]:
    """Tables by logical name; those the target does not have are left out."""
    names = list(dict.fromkeys(tables))
    found = await together(_table(client, name) for name in names)
    return {name: info for name, info in zip(names, found, strict=True) if info is not None}


async def existing_tables(client: DataverseClient, tables: Iterable[str]) -> set[str]:
    """Which of the tables (logical names) the target has."""
    names = sorted(set(tables))
    found: set[str] = set()
    for some in query.groups(names, 20):
        wanted = " or ".join(f"LogicalName eq {query.literal(name)}" for name in some)
        address = query.path("EntityDefinitions", select="LogicalName", filter=wanted)
        found |= {str(row["LogicalName"]) for row in (await client.get(address, headers=_STRONG)).rows()}
    return found


async def read_privileges_of(client: DataverseClient, tables: Iterable[str]) -> dict[str, dict[str, tuple[str, str]]]:
    """Table (logical) → action (``read``, ``appendto``…, lower case) → its privilege's name and id; only of tables that are
    there."""
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for some in query.groups(sorted(set(tables)), 20):
        wanted = " or ".join(f"LogicalName eq {query.literal(name)}" for name in some)
        address = query.path("EntityDefinitions", select="LogicalName,Privileges", filter=wanted)
        for row in (await client.get(address, headers=_STRONG)).rows():
            found[str(row["LogicalName"])] = {
                str(p["PrivilegeType"]).lower(): (str(p["Name"]), str(p.get("PrivilegeId") or ""))
                for p in row.get("Privileges") or []
            }
    return found


async def bulk_tables(client: DataverseClient, tables: Iterable[str], message: str = "CreateMultiple") -> set[str]:
    """Which tables take a bulk message."""

    async def asks(name: str) -> bool:
        address = query.path(
            "sdkmessagefilters",
            select="sdkmessagefilterid",
            filter=f"sdkmessageid/name eq '{message}' and primaryobjecttypecode eq '{name}'",
        )
        return bool((await client.get(address)).rows())

    names = list(dict.fromkeys(tables))
    return {name for name, takes in zip(names, await together(map(asks, names)), strict=True) if takes}


async def custom_tables(client: DataverseClient) -> list[str]:
    """Logical names of the custom tables made in this environment; those of managed solutions are not counted."""
    address = query.path(
        "EntityDefinitions", select="LogicalName,IsManaged,IsIntersect", filter="IsCustomEntity eq true"
    )
    rows = [row async for page in client.pages(address) for row in page]
    return sorted(str(r["LogicalName"]) for r in rows if not r.get("IsManaged") and not r.get("IsIntersect"))


async def key_states(client: DataverseClient, table: str) -> list[KeyInfo]:
    """The alternate keys of a table as they are this moment."""
    address = query.path(f"{_at(table)}/Keys", select="LogicalName,KeyAttributes,EntityKeyIndexStatus")
    return _keys((await client.get(address, headers=_STRONG)).rows())


def _at(table: str) -> str:
    return f"EntityDefinitions(LogicalName={query.literal(table)})"


async def _table(client: DataverseClient, name: str) -> TableInfo | None:
    expand = ",".join(
        (
            f"Attributes($select={_ATTRIBUTE})",
            "Keys($select=LogicalName,KeyAttributes,EntityKeyIndexStatus)",
            "ManyToOneRelationships($select=ReferencingAttribute,ReferencedEntity,"
            "ReferencingEntityNavigationPropertyName)",
        )
    )
    try:
        answer = await client.get(query.path(_at(name), select=_TABLE, expand=expand), table=name, headers=_STRONG)
    except NotFound:
        return None
    document = answer.json()
    columns = {str(a["LogicalName"]): _column(a) for a in document.get("Attributes", [])}
    await together(
        [
            *(_members(client, name, cast, members, columns) for cast, members in _CASTS.items()),
            *(_options(client, name, cast, columns) for cast in _OPTION_CASTS),
        ]
    )
    lookups: dict[str, dict[str, str]] = {}
    for relation in document.get("ManyToOneRelationships", []):
        by_target = lookups.setdefault(str(relation["ReferencingAttribute"]), {})
        by_target[str(relation["ReferencedEntity"])] = str(relation["ReferencingEntityNavigationPropertyName"])
    return TableInfo(
        logical=str(document["LogicalName"]),
        schema_name=str(document["SchemaName"]),
        set_name=str(document["EntitySetName"]),
        id_column=str(document["PrimaryIdAttribute"]),
        name_column=str(document.get("PrimaryNameAttribute") or ""),
        custom=bool(document.get("IsCustomEntity")),
        has_notes=bool(document.get("HasNotes")),
        columns=columns,
        keys=_keys(document.get("Keys", [])),
        lookups=lookups,
        privileges={str(p["PrivilegeType"]).lower(): str(p["Name"]) for p in document.get("Privileges") or []},
    )


def _column(attribute: Mapping[str, Any]) -> ColumnInfo:
    # A multi-select choice and a file are "Virtual" by AttributeType; the type's name tells them apart.
    named = (attribute.get("AttributeTypeName") or {}).get("Value") or f"{attribute.get('AttributeType')}Type"
    return ColumnInfo(
        logical=str(attribute["LogicalName"]),
        schema_name=str(attribute.get("SchemaName") or ""),
        type=str(named).removesuffix("Type"),
        creatable=bool(attribute.get("IsValidForCreate", True)),
        updatable=bool(attribute.get("IsValidForUpdate", True)),
    )


async def _members(
    client: DataverseClient, table: str, cast: str, members: str, columns: Mapping[str, ColumnInfo]
) -> None:
    if not any(c.type == cast for c in columns.values()):
        return
    address = query.path(
        f"{_at(table)}/Attributes/Microsoft.Dynamics.CRM.{cast}AttributeMetadata", select=f"LogicalName,{members}"
    )
    for row in (await client.get(address, table=table, headers=_STRONG)).rows():
        column = columns.get(str(row["LogicalName"]))
        if column is None:
            continue
        column.max_length = row.get("MaxLength", column.max_length)
        column.precision = row.get("Precision", column.precision)
        column.minimum = row.get("MinValue", column.minimum)
        column.maximum = row.get("MaxValue", column.maximum)
        column.behavior = str((row.get("DateTimeBehavior") or {}).get("Value") or column.behavior)
        column.targets = tuple(row.get("Targets") or column.targets)


async def _options(client: DataverseClient, table: str, cast: str, columns: Mapping[str, ColumnInfo]) -> None:
    if not any(c.type == cast for c in columns.values()):
        return
    address = query.path(
        f"{_at(table)}/Attributes/Microsoft.Dynamics.CRM.{cast}AttributeMetadata",
        select="LogicalName",
        expand="OptionSet($select=Options),GlobalOptionSet($select=Options)",
    )
    for row in (await client.get(address, table=table, headers=_STRONG)).rows():
        column = columns.get(str(row["LogicalName"]))
        chosen = row.get("OptionSet") or row.get("GlobalOptionSet") or {}
        if column is not None:
            column.options = {int(o["Value"]): _label(o.get("Label")) for o in chosen.get("Options") or []}


def _label(label: Mapping[str, Any] | None) -> str:
    if not label:
        return ""
    user = label.get("UserLocalizedLabel") or next(iter(label.get("LocalizedLabels") or []), None) or {}
    return str(user.get("Label") or "")


def _keys(rows: Iterable[Mapping[str, Any]]) -> list[KeyInfo]:
    return [
        KeyInfo(str(r["LogicalName"]), tuple(r.get("KeyAttributes") or ()), str(r.get("EntityKeyIndexStatus") or ""))
        for r in rows
    ]
