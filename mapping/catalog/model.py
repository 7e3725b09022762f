"""What the catalog says of a table and a column, as read from the YAML files beside this module."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from mapping.model import ColumnType, PhiClass
from mapping.objects import ObjectName


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class CatalogColumn(_Entry):
    """One column. A ``standard`` one exists in Dataverse already and keeps its own names."""

    name: str  #: plain name
    type: ColumnType
    label: str
    standard_schema: str | None = Field(default=None, alias="schema")  #: schema name of a standard column
    max_length: int | None = Field(default=None, alias="max")
    precision: int | None = None
    options: list[str] | dict[str, int] = Field(default_factory=list)  #: ours by position, Dataverse's with values
    open: bool = False  #: options come from the inventory
    targets: list[str] = Field(default_factory=list)  #: plain tables a lookup may point at
    object: ObjectName | None = None  #: the object whose rows a lookup points at when the map says nothing else
    nav: dict[str, str] = Field(default_factory=dict)  #: standard lookups: table -> navigation property
    nav_pattern: str | None = None  #: navigation property for tables of ours, with ``{table}``
    phi: PhiClass = "none"
    synonyms: list[str] = Field(default_factory=list)
    create_only: bool = False
    description: str = ""

    @property
    def standard(self) -> bool:
        """True when Dataverse has the column out of the box."""
        return self.standard_schema is not None


class CatalogTable(_Entry):
    """One table of the target with all its columns, groups included."""

    name: str = Field(alias="table")  #: plain name
    label: str
    plural: str
    description: str
    custom: bool
    notes: bool  #: notes may point at it
    bulk: bool  #: takes CreateMultiple
    keyed: bool = True  #: carries SourceKey and the provenance columns
    standard_schema: str | None = Field(default=None, alias="schema")
    set_name: str | None = Field(default=None, alias="set")
    id_column: str | None = Field(default=None, alias="id")
    primary_name: str = Field(alias="name")  #: plain name of the primary name column
    required: dict[ObjectName, list[str]] = Field(
        default_factory=dict
    )  #: columns that some field has to fill, by object
    columns: dict[str, CatalogColumn]


class Catalog(_Entry):
    """Every table and column that a migration may write, by plain name."""

    tables: dict[str, CatalogTable]

    def column(self, table: str, column: str) -> CatalogColumn | None:
        """That column, or None when the catalog has no such table or column."""
        found = self.tables.get(table)
        return found.columns.get(column) if found else None


def table_from(data: dict[str, Any], groups: dict[str, dict[str, Any]]) -> CatalogTable:
    """A table from its YAML document, with the groups it includes merged in (its own columns first)."""
    own = dict(data)
    columns: dict[str, Any] = dict(own.pop("columns"))
    for group in own.pop("include"):
        for name, column in groups[group].items():
            columns.setdefault(name, column)
    own["columns"] = {name: {"name": name, **column} for name, column in columns.items()}
    # The alias "name" is the primary name column; pydantic would also read it as the field called name.
    return CatalogTable.model_validate(own, by_alias=True, by_name=False)
