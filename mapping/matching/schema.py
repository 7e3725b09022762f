"""Reads a schema document: the objects of a system with their tables and fields, or plain tables."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mapping.matching.model import Column, Reference, Table
from mapping.objects import OBJECTS, ObjectName

_LINK = re.compile(r"(?:link|reference|fk|foreign key|ref)\b\s*(?:->|to|:|\()\s*([\w .]+?)\)?$", re.IGNORECASE)


class BadSchema(ValueError):
    """The document is no schema; the message says what it should be."""


def read_schema(document: Any) -> list[Table]:
    """The tables of a schema document, each once for every object it is listed under.

    Two forms: ``{"objects": {object: {"table", "fields": [{"name", "type"…}], "more_tables": [same]}}}``, and without
    objects ``{"tables": [{"table" or "name", "fields"…}]}``, a list of such, or ``{table: [fields]}`` under ``tables``.
    Raises BadSchema.
    """
    if isinstance(document, Mapping) and isinstance(document.get("objects"), Mapping):
        found = list(_of_objects(document["objects"]))
        if not found:
            raise BadSchema('No object has a table: {"objects": {"patient": {"table": …, "fields": […]}}}.')
        return found
    tables = document.get("tables", document.get("datasets")) if isinstance(document, Mapping) else document
    if isinstance(tables, Mapping):
        tables = [{"table": name, "fields": fields} for name, fields in tables.items()]
    if not isinstance(tables, list) or not tables:
        raise BadSchema('A schema has "objects", or "tables": [{"table": …, "fields": [{"name": …, "type": …}]}].')
    return [_table(one, (), main=False) for one in tables]


def _of_objects(objects: Mapping[str, Any]) -> Iterator[Table]:
    for name, data in objects.items():
        if name not in OBJECTS:
            raise BadSchema(f"{name} is no object; the objects are {', '.join(OBJECTS)}.")
        if data is not None and not isinstance(data, Mapping):
            raise BadSchema(
                f'{name} is {{"table": name, "fields": [...]}}, or null where the system has no such object.'
            )
        if data and (data.get("table") or data.get("fields")):
            yield _table({**data, "table": data.get("table") or name}, (name,), main=True)
        for more in (data or {}).get("more_tables") or ():
            yield _table(more, (name,), main=False)


def _table(data: Any, objects: tuple[ObjectName, ...], *, main: bool) -> Table:
    if not isinstance(data, Mapping):
        raise BadSchema('A table is {"table": name, "fields": [...]}.')
    name = data.get("table") or data.get("name")
    fields = data.get("fields", data.get("columns"))
    if isinstance(fields, Mapping):
        fields = (
            (fields.get("fields") or fields.get("columns")) if "fields" in fields or "columns" in fields else fields
        )
    if isinstance(fields, Mapping):
        fields = [{"name": column, "type": type_} for column, type_ in fields.items()]
    if not isinstance(name, str) or not isinstance(fields, list):
        raise BadSchema(
            f'A table has a name in "table" and its fields in "fields"; see {name or "the one without a name"}.'
        )
    return Table(
        name=name, columns=tuple(_column(field, f"Field {at} of {name}") for at, field in enumerate(fields, 1)),
        objects=objects, main=main, key=_texts(data.get("key")), description=str(data.get("description") or ""),
    )  # fmt: skip


def _column(data: Any, place: str) -> Column:
    if isinstance(data, str):
        return Column(data)
    if not isinstance(data, Mapping) or not isinstance(data.get("name"), str):
        raise BadSchema(f'{place} has no "name".')
    type_ = str(data.get("type") or "")
    example = data.get("example")
    link = _LINK.search(type_)
    referred = data.get("references") or data.get("reference") or (link[1] if link else None)
    return Column(
        name=data["name"],
        type=type_,
        label=str(data.get("label") or ""),
        description=str(data.get("description") or ""),
        options=_texts(data.get("options")),
        reference=Reference(str(referred).split(".")[0].strip()) if isinstance(referred, str) else None,
        example="" if example is None or isinstance(example, (dict, list)) else str(example),
    )


def _texts(data: Any) -> tuple[str, ...]:
    """One text or several; what is neither counts as none."""
    listed = [data] if isinstance(data, str) else data if isinstance(data, (list, tuple, Mapping)) else []
    return tuple(str(_label(one)) for one in listed)


def _label(option: Any) -> Any:
    if isinstance(option, Mapping):
        return option.get("label") or option.get("name") or option.get("value") or ""
    return option
