"""Builds the schema of one migration: the catalog's tables that its map needs, in the names Dataverse uses."""

from typing import Final

from mapping.catalog.load import load_catalog
from mapping.catalog.model import CatalogColumn, CatalogTable
from mapping.model import ClinicMap, ColumnType, CustomColumn
from mapping.schema import Schema, SchemaColumn, SchemaTable

#: First value of the options of our own choices (the publisher's option prefix 10000 times 10000).
OPTION_BASE: Final = 100_000_000
#: Dataverse's longest single line of text; beyond it a column must be a memo.
MAX_TEXT: Final = 4_000
MAX_MEMO: Final = 1_048_576

#: Always part of a schema: patients hang on contact, and the home clinic on account.
_ALWAYS: Final = ("contact", "account")

_DEFAULT_LENGTH: Final[dict[ColumnType, int]] = {"text": 100, "memo": 2_000}
_DEFAULT_PRECISION: Final[dict[ColumnType, int]] = {"decimal": 5, "money": 2}


def build_schema(map: ClinicMap) -> Schema:
    """The target of this map: its routes' tables plus contact and account, every column with its real names.

    Options of our own choices are numbered by position from 100000000: first the catalog's, then those that
    ``map.options`` adds, in its order. A custom column of the map that the catalog knows too only raises its
    length or adds options. Tables the catalog does not know are left out (``mapping.validate`` names them).
    """
    catalog = load_catalog()
    wanted = [*_ALWAYS, *(route.table for objects in map.objects.values() for route in objects.routes)]
    names = [name for name in dict.fromkeys(wanted) if name in catalog.tables]
    builder = _Builder(map, names)
    return Schema(prefix=map.prefix, tables={name: builder.table(catalog.tables[name]) for name in names})


def table_logical(table: CatalogTable, prefix: str) -> str:
    """Logical name of a table under that prefix."""
    return f"{prefix}_{table.name}".lower() if table.custom else table.name


def column_schema_name(name: str, prefix: str) -> str:
    """Schema name of a column of ours: ``SourceMRN`` -> ``cms_SourceMRN``."""
    return f"{prefix}_{name}"


class _Builder:
    def __init__(self, map: ClinicMap, names: list[str]) -> None:
        self.map = map
        self.prefix = map.prefix
        self.catalog = load_catalog()
        self.names = names
        self.extra: dict[tuple[str, str], CustomColumn] = {(c.table, c.name): c for c in map.custom_columns}

    def table(self, table: CatalogTable) -> SchemaTable:
        columns: dict[str, SchemaColumn] = {}
        for column in table.columns.values():
            built = self._column(table, column)
            if built is not None:
                columns[column.name] = built
        for (owner, name), extra in self.extra.items():
            if owner == table.name and name not in columns:
                columns[name] = self._extra(extra)
        logical = table_logical(table, self.prefix)
        primary = columns.get(table.primary_name)
        return SchemaTable(
            plain=table.name,
            logical=logical,
            schema_name=f"{self.prefix}_{table.name}" if table.custom else (table.standard_schema or table.name),
            set_name=table.set_name or f"{logical}s",
            id_column=table.id_column or f"{logical}id",
            name_column=primary.logical if primary else table.primary_name,
            label=table.label,
            label_plural=table.plural,
            custom=table.custom,
            has_notes=table.notes,
            bulk=table.bulk,
            columns=columns,
            required={name: tuple(needed) for name, needed in table.required.items()},
            key_column=columns["SourceKey"].logical if table.keyed else None,
        )

    def _column(self, table: CatalogTable, column: CatalogColumn) -> SchemaColumn | None:
        nav = self._nav(column) if column.type in ("lookup", "owner", "parties") else {}
        if column.type == "lookup" and not nav:
            return None  # points at a table that this migration does not have
        extra = self.extra.get((table.name, column.name)) if not column.standard else None
        type_, length = _sized(column.type, column.max_length, extra.max_length if extra else None)
        return SchemaColumn(
            plain=column.name,
            logical=column.name if column.standard else self._own_name(column).lower(),
            schema_name=column.standard_schema or self._own_name(column),
            type=type_,
            label=column.label,
            custom=not column.standard,
            phi=column.phi,
            max_length=length,
            precision=column.precision if column.precision is not None else _DEFAULT_PRECISION.get(column.type),
            options=self._options(table.name, column, extra),
            nav=nav,
            create_only=column.create_only,
            description=column.description,
        )

    def _extra(self, extra: CustomColumn) -> SchemaColumn:
        schema_name = column_schema_name(extra.name, self.prefix)
        type_, length = _sized(extra.type, _DEFAULT_LENGTH.get(extra.type), extra.max_length)
        more = self.map.options.get(f"{extra.table}.{extra.name}", [])
        options = list(dict.fromkeys([*extra.options, *more]))
        return SchemaColumn(
            plain=extra.name,
            logical=schema_name.lower(),
            schema_name=schema_name,
            type=type_,
            label=extra.label or extra.name,
            custom=True,
            phi="clinical",
            max_length=length,
            precision=extra.precision if extra.precision is not None else _DEFAULT_PRECISION.get(extra.type),
            options={label: OPTION_BASE + n for n, label in enumerate(options)},
            description="Custom property of the source",
        )

    def _options(self, table: str, column: CatalogColumn, extra: CustomColumn | None) -> dict[str, int]:
        if isinstance(column.options, dict):
            return dict(column.options)
        if column.type not in ("choice", "choices"):
            return {}
        more = self.map.options.get(f"{table}.{column.name}", [])
        labels = dict.fromkeys([*column.options, *more, *(extra.options if extra else [])])
        return {label: OPTION_BASE + n for n, label in enumerate(labels)}

    def _nav(self, column: CatalogColumn) -> dict[str, str]:
        """Logical target table -> navigation property."""
        if column.nav:
            nav = dict(column.nav)
            if column.nav_pattern:
                for name in self.names:
                    table = self.catalog.tables[name]
                    if table.custom and name in column.targets:
                        logical = table_logical(table, self.prefix)
                        nav[logical] = column.nav_pattern.format(table=logical)
            return nav
        if column.standard:
            return dict.fromkeys(column.targets, column.name)
        targets = [
            table_logical(self.catalog.tables[name], self.prefix)
            for name in self._targets(column)
            if name in self.names
        ]
        schema_name = self._own_name(column)
        if len(targets) == 1:
            return {targets[0]: schema_name}
        # Dataverse tells the relationships of a lookup with several targets apart by the target's name.
        return {target: f"{schema_name}_{target}" for target in targets}

    def _own_name(self, column: CatalogColumn) -> str:
        """The schema name of a column of ours. A lookup that the map points at another table than the catalog does is
        another column: what a lookup points at cannot be changed once it is there."""
        targets = self._targets(column) if column.type == "lookup" else column.targets
        other = "" if set(targets) == set(column.targets) else "".join(t[:1].upper() + t[1:] for t in targets)
        return column_schema_name(f"{column.name}{other}", self.prefix)

    def _targets(self, column: CatalogColumn) -> list[str]:
        """A lookup of ours points where the map sends its object, else where the catalog says."""
        chosen = self.map.objects.get(column.object) if column.object else None
        if chosen is None:
            return column.targets
        return list(dict.fromkeys(route.table for route in chosen.routes))


def _sized(type_: ColumnType, length: int | None, wanted: int | None) -> tuple[ColumnType, int | None]:
    """The column's type and length once the inventory had its say: never shorter, a memo beyond 4,000."""
    if type_ not in ("text", "memo"):
        return type_, length
    longest = max(length or 0, wanted or 0)
    if type_ == "text" and longest > MAX_TEXT:
        return "memo", min(longest, MAX_MEMO)
    return type_, min(longest, MAX_MEMO) or None
