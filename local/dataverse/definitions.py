"""GET on EntityDefinitions, RelationshipDefinitions and GlobalOptionSetDefinitions."""

import re
from collections.abc import Iterable
from typing import Any, Final

from local.dataverse import describe, errors
from local.dataverse.catalog import Catalog, stable_id
from local.dataverse.describe import PREFIX
from local.dataverse.errors import bad_query
from local.dataverse.filters import Call, Compare, Literal, Logic, Name, Negation, Node, parse
from local.dataverse.http import Request, Response, ok
from local.dataverse.model import Column, Relationship, Table
from local.dataverse.odata import split_list
from local.dataverse.values import guid

Document = dict[str, Any]
_KEY: Final = re.compile(r"(\w+)\s*=\s*'([^']*)'")


def read_definitions(catalog: Catalog, request: Request, segments: list[tuple[str, str | None]]) -> Response:
    name, key = segments[0]
    rest = segments[1:]
    if name == "EntityDefinitions":
        if key is None:
            documents = [_table(catalog, t, request.query) for t in catalog.tables.values()]
            return _list(request, "EntityDefinitions", _refine(documents, request.query))
        table = find_table(catalog, key)
        return _below_table(catalog, request, table, rest)
    if name == "RelationshipDefinitions":
        found = [_relationship(catalog, r) for t in catalog.tables.values() for r in t.relationships]
        found += [describe.many_to_many_document(m) for t in catalog.tables.values() for m in t.many_to_many]
        cast = rest[0][0] if rest and rest[0][0].startswith(PREFIX) else None
        found = [one for one in found if cast is None or one["@odata.type"] == f"#{cast}"]
        return _collection(request, name, found, key, "SchemaName")
    choices = [describe.choice_document(choice) for choice in catalog.choices.values()]
    return _collection(request, name, choices, key, "Name")


def find_table(catalog: Catalog, key: str) -> Table:
    """The table of ``LogicalName='x'`` or a metadata id; 404 when there is none."""
    named = _KEY.fullmatch(key.strip())
    if named is not None and named[1] == "LogicalName":
        table = catalog.tables.get(named[2].lower())
    else:
        identity = guid(key)
        table = next((t for t in catalog.tables.values() if stable_id("table", t.name) == identity), None)
    if table is None:
        shown = named[2] if named is not None else key
        raise errors.ApiError(404, "0x80060888", f"Could not find an entity with name {shown} in the metadata cache.")
    return table


def _collection(request: Request, name: str, documents: list[Document], key: str | None, member: str) -> Response:
    if key is None:
        return _list(request, name, _refine(documents, request.query))
    named = _KEY.fullmatch(key.strip())
    wanted = named[2] if named is not None else guid(key)
    for document in documents:
        if document[member] == wanted or document["MetadataId"] == wanted:
            return _single(request, name, _selected(document, request.query))
    raise errors.ApiError(404, "0x80040217", f"Could not find '{wanted}' in the metadata cache.")


def _table(catalog: Catalog, table: Table, query: dict[str, str]) -> Document:
    """A table's document with what $expand asks for."""
    document = describe.table_document(table)
    for item in split_list(query.get("$expand", "")):
        name, _, inner = item.partition("(")
        options = dict(part.partition("=")[::2] for part in split_list(inner.removesuffix(")"), ";"))
        document[name] = _refine(_children(catalog, table, name), options)
    return document


def _children(catalog: Catalog, table: Table, name: str) -> list[Document]:
    if name == "Attributes":
        return [describe.column_document(table, column) for column in table.columns.values()]
    if name == "Keys":
        documents = [describe.key_document(table, key) for key in table.keys]
        # Who looks finds a new key still pending, once: its index is a background job.
        catalog.settle_keys(table)
        return documents
    if name == "ManyToOneRelationships":
        return [_relationship(catalog, r) for r in table.relationships]
    if name == "OneToManyRelationships":
        return [
            _relationship(catalog, r)
            for other in catalog.tables.values()
            for r in other.relationships
            if r.referenced == table.name
        ]
    if name == "ManyToManyRelationships":
        return [
            describe.many_to_many_document(m)
            for other in catalog.tables.values()
            for m in other.many_to_many
            if table.name in (m.first, m.second)
        ]
    raise errors.no_segment(name)


def _relationship(catalog: Catalog, relationship: Relationship) -> Document:
    return describe.relationship_document(catalog.tables, relationship, catalog.cascade(relationship))


def _below_table(catalog: Catalog, request: Request, table: Table, rest: list[tuple[str, str | None]]) -> Response:
    if not rest:
        return _single(request, "EntityDefinitions", _selected(_table(catalog, table, request.query), request.query))
    name, key = rest[0]
    if name == "Attributes":
        return _attributes(request, table, key, rest[1:])
    documents = _children(catalog, table, name)
    if key is None:
        return _list(request, name, _refine(documents, request.query))
    return _collection(request, name, documents, key, "LogicalName" if name == "Keys" else "SchemaName")


def _attributes(request: Request, table: Table, key: str | None, rest: list[tuple[str, str | None]]) -> Response:
    cast = rest[0][0] if rest and rest[0][0].startswith(PREFIX) else None
    rest = rest[1:] if cast else rest
    columns: Iterable[Column] = table.columns.values()
    if key is not None:
        column = find_column(table, key)
        columns = [column]
        if cast and PREFIX + describe.cast_of(column) != cast:
            raise errors.ApiError(404, "0x80060888", f"The attribute '{column.name}' is not of type '{cast}'.")
        if rest and rest[0][0] == "OptionSet":
            return _single(request, "OptionSet", describe.option_set(table, column) or {})
    elif cast:
        columns = [column for column in columns if PREFIX + describe.cast_of(column) == cast]
    documents = [_attribute(table, column, request.query, cast) for column in columns]
    if key is not None:
        return _single(request, "Attributes", _selected(documents[0], request.query))
    return _list(request, "Attributes", _refine(documents, request.query))


def find_column(table: Table, key: str) -> Column:
    """The column of ``LogicalName='x'`` or a metadata id; 404 when the table has none such."""
    named = _KEY.fullmatch(key.strip())
    identity = guid(key)
    for column in table.columns.values():
        if (named and column.name == named[2]) or stable_id("column", table.name, column.name) == identity:
            return column
    raise errors.ApiError(404, "0x80060888", f"Could not find an attribute of '{table.name}' in the metadata cache.")


def _attribute(table: Table, column: Column, query: dict[str, str], cast: str | None) -> Document:
    document = describe.column_document(table, column)
    if cast is None:
        for member in _names(query.get("$select", "")):
            if member not in describe.BASE_MEMBERS:
                raise errors.unknown_property(member, "AttributeMetadata")
    for item in split_list(query.get("$expand", "")):
        name = item.partition("(")[0]
        if cast is None:
            raise errors.unknown_property(name, "AttributeMetadata")
        options = describe.option_set(table, column)
        document[name] = options if name == "OptionSet" or column.global_choice else None
    return document


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _selected(document: Document, query: dict[str, str]) -> Document:
    """The document reduced to $select, with its id and what was expanded."""
    names = _names(query.get("$select", ""))
    if not names:
        return document
    for name in names:
        if name not in document and name not in describe.BASE_MEMBERS and "@odata.type" not in document:
            raise errors.unknown_property(name, "EntityMetadata")
    kept = {*names, "MetadataId", "@odata.type"}
    kept |= {item.partition("(")[0] for item in split_list(query.get("$expand", ""))}
    return {name: value for name, value in document.items() if name in kept}


def _refine(documents: list[Document], query: dict[str, str]) -> list[Document]:
    text = query.get("$filter")
    if text:
        node = parse(text, {name: value for name, value in query.items() if name.startswith("@")})
        documents = [document for document in documents if _holds(node, document)]
    return [_selected(document, query) for document in documents]


def _holds(node: Node, document: Document) -> bool:
    """Whether a filter is true of a metadata document."""
    if isinstance(node, Logic):
        results = (_holds(part, document) for part in node.parts)
        return all(results) if node.operator == "and" else any(results)
    if isinstance(node, Negation):
        return not _holds(node.part, document)
    if isinstance(node, Name):
        return _value(node, document) is True
    if isinstance(node, Compare) and node.operator in ("eq", "ne"):
        same = _value(node.left, document) == _value(node.right, document)
        return same if node.operator == "eq" else not same
    if isinstance(node, Call) and node.function == PREFIX + "In":
        named = dict(node.named)
        name, values = named.get("PropertyName"), named.get("PropertyValues")
        if isinstance(name, Literal) and isinstance(values, tuple):
            members = {member.lower(): value for member, value in document.items()}
            return members.get(str(name.value).lower()) in [item.value for item in values]
    raise bad_query("The filter is not supported on metadata.")


def _value(node: Node, document: Document) -> Any:
    if isinstance(node, Literal):
        return node.value
    if not isinstance(node, Name):
        raise bad_query("The filter is not supported on metadata.")
    value: Any = document
    for step in node.path:
        if not isinstance(value, dict) or step not in value:
            raise errors.unknown_property(step, "EntityMetadata")
        value = value[step]
    return value


def _list(request: Request, name: str, documents: list[Document]) -> Response:
    return ok({"@odata.context": f"{request.base}$metadata#{name}", "value": documents})


def _single(request: Request, name: str, document: Document) -> Response:
    return ok({"@odata.context": f"{request.base}$metadata#{name}/$entity", **document})
