"""PUT and DELETE on the metadata: a column's limits changed, and tables, columns, keys and relationships taken away."""

from dataclasses import replace
from typing import Any, Final

from local.dataverse import errors
from local.dataverse.catalog import Catalog, stable_id
from local.dataverse.custom import CustomizationError, Workbench, check_column
from local.dataverse.define import label_of
from local.dataverse.definitions import find_column, find_table
from local.dataverse.errors import ApiError
from local.dataverse.http import Request, Response, no_content
from local.dataverse.model import Column, Key, Relationship, Table
from local.dataverse.values import guid

_DEPENDENT: Final = "0x8004f01f"
_SYSTEM: Final = "0x80047013"
#: Relationships of the service's own, which go with the table they were made for.
_OWN: Final = frozenset({"annotation", "task", "appointment"})


def change(catalog: Catalog, request: Request, segments: list[tuple[str, str | None]]) -> Response:
    """PUT of an attribute's full definition: labels, requirement, length and range are taken over."""
    table_key = segments[0][1]
    if (
        segments[0][0] != "EntityDefinitions"
        or table_key is None
        or len(segments) < 2
        or segments[1][0] != "Attributes"
    ):
        raise errors.not_allowed("PUT")
    bench = Workbench(catalog)
    table = bench.need(find_table(catalog, table_key).name)
    held = find_column(table, segments[1][1] or "")
    changed = _changed(held, request.json())
    try:
        check_column(table, changed)
    except CustomizationError as error:
        raise ApiError(400, "0x80048403", str(error)) from None
    table.columns[held.name] = changed
    bench.commit()
    return no_content()


def _changed(held: Column, body: dict[str, Any]) -> Column:
    form = body.get("FormatName") or {}
    return replace(
        held,
        max_length=body.get("MaxLength", held.max_length),
        minimum=body.get("MinValue", held.minimum),
        maximum=body.get("MaxValue", held.maximum),
        precision=body.get("Precision", held.precision),
        format=form.get("Value") or body.get("Format") or held.format,
        required=(body.get("RequiredLevel") or {}).get("Value", held.required),
        label=label_of(body.get("DisplayName")) or held.label,
    )


def remove(catalog: Catalog, segments: list[tuple[str, str | None]]) -> Response:
    """Takes away what the path names; only what was added to the environment can go, and nothing that is needed."""
    name, key = segments[0]
    if name == "RelationshipDefinitions" and key is not None:
        _remove_relationship(catalog, key)
    elif name == "GlobalOptionSetDefinitions" and key is not None:
        _remove_choice(catalog, key)
    elif name == "EntityDefinitions" and key is not None:
        table = find_table(catalog, key)
        if len(segments) == 1:
            _remove_table(catalog, table)
        elif segments[1][0] == "Attributes":
            _remove_column(catalog, table, find_column(table, segments[1][1] or ""))
        elif segments[1][0] == "Keys":
            _remove_key(catalog, table, segments[1][1] or "")
        else:
            raise errors.no_segment(segments[1][0])
    else:
        raise errors.not_allowed("DELETE")
    return no_content()


def _needed(kind: str, name: str, by: str) -> ApiError:
    return ApiError(
        400, _DEPENDENT, f"The {kind}({name}) component cannot be deleted because it is referenced by {by}."
    )


def _system(name: str) -> ApiError:
    return ApiError(400, _SYSTEM, f"'{name}' is part of the system and cannot be deleted.")


def _remove_table(catalog: Catalog, table: Table) -> None:
    if not table.custom:
        raise _system(table.name)
    bench = Workbench(catalog)
    for other in catalog.tables.values():
        pointing = [r for r in other.relationships if r.referenced == table.name and other.name != table.name]
        if not pointing:
            continue
        if other.name not in _OWN:
            raise _needed("Entity", table.name, pointing[0].schema)
        copy = bench.need(other.name)
        copy.relationships = [r for r in copy.relationships if r.referenced != table.name]
        for relationship in pointing:
            copy.columns[relationship.column].targets.remove(table.name)
            catalog.store.delete_pointing(copy, relationship.column, table.name)
    for name, other in catalog.tables.items():
        if any(table.name in (m.first, m.second) for m in other.many_to_many):
            bench.need(name).many_to_many = [m for m in other.many_to_many if table.name not in (m.first, m.second)]
    bench.tables.pop(table.name, None)
    bench.commit()
    catalog.drop_table(table)


def _remove_column(catalog: Catalog, table: Table, column: Column) -> None:
    if not column.custom:
        raise _system(column.name)
    if table.name_column == column.name:
        raise _needed("Attribute", column.name, table.schema)
    needing = next((k.schema for k in table.keys if column.name in k.columns), None)
    if needing is not None:
        raise _needed("Attribute", column.name, needing)
    names = [column.name, *(c.name for c in table.columns.values() if c.part_of == column.name)]
    bench = Workbench(catalog)
    copy = bench.need(table.name)
    copy.relationships = [r for r in copy.relationships if r.column != column.name]
    for name in names:
        del copy.columns[name]
    bench.commit()
    for name in names:
        catalog.store.drop_column(table, table.columns[name])


def _remove_key(catalog: Catalog, table: Table, text: str) -> None:
    identity = guid(text)
    key: Key | None = next((k for k in table.keys if stable_id("key", table.name, k.name) == identity), None)
    if key is None:
        raise errors.not_found("entitykey", text)
    bench = Workbench(catalog)
    copy = bench.need(table.name)
    copy.keys = [k for k in copy.keys if k.name != key.name]
    bench.commit()
    catalog.store.drop_key(table, key)


def _remove_relationship(catalog: Catalog, text: str) -> None:
    identity = guid(text)
    for table in catalog.tables.values():
        one: Relationship | None = next(
            (r for r in table.relationships if stable_id("relationship", r.schema) == identity), None
        )
        if one is not None:
            _remove_column(catalog, table, table.columns[one.column])
            return
        many = next((m for m in table.many_to_many if stable_id("relationship", m.schema) == identity), None)
        if many is not None:
            bench = Workbench(catalog)
            copy = bench.need(table.name)
            copy.many_to_many = [m for m in copy.many_to_many if m.schema != many.schema]
            bench.commit()
            return
    raise errors.not_found("relationship", text)


def _remove_choice(catalog: Catalog, text: str) -> None:
    identity = guid(text)
    for choice in catalog.choices.values():
        if stable_id("choice", choice.name) == identity or f"Name='{choice.name}'" == text.strip():
            used = [
                t for t in catalog.tables.values() if any(c.global_choice == choice.name for c in t.columns.values())
            ]
            if used:
                raise _needed("OptionSet", choice.name, used[0].schema)
            catalog.drop_choice(choice)
            return
    raise errors.not_found("optionset", text)
