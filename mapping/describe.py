"""Writes the table of names that people look things up in: plain, schema and logical names of what a schema holds."""

from collections.abc import Iterator

from mapping.catalog import load_catalog
from mapping.model import ClinicMap, ObjectMap, Route
from mapping.schema import Schema, SchemaColumn

#: Labels of a choice that are written out; longer lists are counted.
_SHOWN_OPTIONS = 12


def names_markdown(schema: Schema) -> str:
    """Markdown: for each table a heading with its names and a table of its columns. The same schema, the same text."""
    return "\n".join(_lines(schema)) + "\n"


def full_map(prefix: str = "cms") -> ClinicMap:
    """A map that routes to every table of the catalog, for documentation of the whole target."""
    routes = [Route(table=name, fields=[]) for name in load_catalog().tables]
    objects = {"referral": ObjectMap(routes=routes)}
    return ClinicMap.model_validate({"system": "all", "profile": "all", "prefix": prefix, "objects": objects})


def _lines(schema: Schema) -> Iterator[str]:
    yield "# Names of tables and columns"
    yield ""
    yield (
        "The plain name is what maps and reports say. Names of ours carry the publisher's prefix, here "
        f"`{schema.prefix}_`; standard tables and columns keep Dataverse's own names."
    )
    for table in sorted(schema.tables.values(), key=lambda t: (t.custom, t.plain)):
        yield ""
        yield f"## {table.plain}"
        yield ""
        kind = "Custom table" if table.custom else "Standard table"
        key = f", alternate key `{table.key_column}`" if table.key_column else ""
        yield (
            f"{kind} “{table.label}”: schema name `{table.schema_name}`, logical name `{table.logical}`, "
            f"entity set `{table.set_name}`, primary key `{table.id_column}`{key}."
        )
        yield ""
        yield "| plain name | schema name | logical name | type | label |"
        yield "|---|---|---|---|---|"
        for column in table.columns.values():
            cells = (column.plain, column.schema_name, column.logical, _type(column), _cell(column.label))
            yield f"| {' | '.join(cells)} |"


def _type(column: SchemaColumn) -> str:
    if column.type in ("text", "memo"):
        return f"{column.type} {column.max_length:,}" if column.max_length else column.type
    if column.type in ("decimal", "money"):
        return f"{column.type}, {column.precision} places"
    if column.type == "lookup":
        return f"lookup to {', '.join(column.nav)}"
    if column.options and column.type != "boolean":
        if len(column.options) > _SHOWN_OPTIONS:
            return f"{column.type} of {len(column.options)}"
        return f"{column.type}: {_cell(', '.join(column.options))}"
    return column.type


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


__all__ = ["full_map", "names_markdown"]
