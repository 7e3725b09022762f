"""What a table is: columns, relationships and keys, as plain objects that go to JSON and back.

The same shape is used for the standard tables (``metadata/*.json``), for what a solution import adds, and for
what the metadata endpoints answer. Nothing here does I/O.
"""

from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final

#: Attribute types that hold text.
TEXT_TYPES: Final = frozenset({"String", "Memo", "EntityName", "MultiSelectPicklist"})
#: Attribute types that point at another row.
LOOKUP_TYPES: Final = frozenset({"Lookup", "Customer", "Owner"})
#: Attribute types whose values come from a list of options.
OPTION_TYPES: Final = frozenset({"Picklist", "State", "Status", "MultiSelectPicklist"})


@dataclass(slots=True)
class Option:
    """One value of a choice. ``state`` is set on status options, ``default_status`` on state options."""

    value: int
    label: str
    state: int | None = None
    default_status: int | None = None


@dataclass(slots=True)
class Column:
    """An attribute. ``type`` is the Web API's AttributeType name, or MultiSelectPicklist."""

    name: str
    schema: str
    type: str
    create: bool = True
    update: bool = True
    read: bool = True
    required: str = "None"
    max_length: int | None = None
    minimum: float | None = None
    maximum: float | None = None
    precision: int | None = None
    format: str | None = None
    behavior: str | None = None  #: UserLocal, DateOnly or TimeZoneIndependent
    options: list[Option] = field(default_factory=list)
    global_choice: str | None = None
    targets: list[str] = field(default_factory=list)
    default: int | bool | None = None  #: what an absent value becomes on create
    label: str = ""
    custom: bool = False
    part_of: str | None = None  #: the column whose companion this one is: the name of a file

    @property
    def is_lookup(self) -> bool:
        return self.type in LOOKUP_TYPES

    @property
    def many_targets(self) -> bool:
        """Whether the row must remember which table the value points at."""
        return len(self.targets) > 1

    @property
    def date_only(self) -> bool:
        return self.type == "DateTime" and self.behavior == "DateOnly"

    @property
    def read_name(self) -> str:
        return f"_{self.name}_value" if self.is_lookup else self.name


@dataclass(slots=True)
class Relationship:
    """One-to-many: ``referencing.column`` points at ``referenced``. ``nav`` is the case-sensitive bind name."""

    schema: str
    referenced: str
    referencing: str
    column: str
    nav: str
    collection: str
    delete: str = "NoCascade"  #: NoCascade, RemoveLink, Restrict or Cascade
    custom: bool = False


@dataclass(slots=True)
class ManyToMany:
    """Rows of ``first`` and ``second`` that go together; kept with the definition of ``first``."""

    schema: str
    first: str
    second: str
    intersect: str
    first_nav: str
    second_nav: str


@dataclass(slots=True)
class Key:
    """An alternate key. Usable once its index is Active."""

    schema: str
    name: str
    columns: list[str]
    status: str = "Active"


@dataclass(slots=True)
class Table:
    """A table as the Web API knows it."""

    name: str
    schema: str
    set_name: str
    id_column: str
    name_column: str | None = None
    label: str = ""
    plural: str = ""
    code: int = 0
    ownership: str = "UserOwned"
    activity: bool = False
    notes: bool = False
    activities: bool = False  #: whether tasks and appointments may be regarding a row of it
    bulk: bool = True
    custom: bool = False
    system: bool = False  #: part of the service's own house (users, solutions…), left out of the row counts
    columns: dict[str, Column] = field(default_factory=dict)
    relationships: list[Relationship] = field(default_factory=list)  #: many-to-one, this table referencing
    keys: list[Key] = field(default_factory=list)
    many_to_many: list[ManyToMany] = field(default_factory=list)

    def add(self, column: Column) -> None:
        self.columns[column.name] = column


@dataclass(slots=True)
class Choice:
    """A global choice."""

    name: str
    label: str
    options: list[Option]


def _compact(value: Any) -> Any:
    """A dataclass as a dict without the members that have their default value."""
    result: dict[str, Any] = {}
    for member in fields(value):
        item = getattr(value, member.name)
        if item in (None, [], {}) or item == member.default:
            continue
        result[member.name] = item
    return result


def column_to_json(column: Column) -> dict[str, Any]:
    document: dict[str, Any] = _compact(column)
    if column.options:
        document["options"] = [
            [o.value, o.label] + ([o.state if o.state is not None else o.default_status] if _third(o) else [])
            for o in column.options
        ]
    return document


def _third(option: Option) -> bool:
    return option.state is not None or option.default_status is not None


def column_from_json(document: dict[str, Any]) -> Column:
    options = [
        Option(
            item[0],
            item[1],
            state=item[2] if len(item) > 2 and document["type"] == "Status" else None,
            default_status=item[2] if len(item) > 2 and document["type"] == "State" else None,
        )
        for item in document.get("options", [])
    ]
    return Column(**{**document, "options": options})


def table_to_json(table: Table) -> dict[str, Any]:
    """The table as a JSON document; ``table_from_json`` reads it back."""
    document: dict[str, Any] = _compact(table)
    document["columns"] = [column_to_json(c) for c in table.columns.values()]
    document["relationships"] = [_compact(r) for r in table.relationships]
    document["keys"] = [asdict(k) for k in table.keys]
    document["many_to_many"] = [asdict(m) for m in table.many_to_many]
    return document


def table_from_json(document: dict[str, Any]) -> Table:
    columns = [column_from_json(c) for c in document["columns"]]
    return Table(
        **{
            **document,
            "columns": {c.name: c for c in columns},
            "relationships": [Relationship(**r) for r in document.get("relationships", [])],
            "keys": [Key(**k) for k in document.get("keys", [])],
            "many_to_many": [ManyToMany(**m) for m in document.get("many_to_many", [])],
        }
    )
