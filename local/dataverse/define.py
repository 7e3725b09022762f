"""POST on the metadata: custom tables, columns, relationships, keys and global choices."""

from typing import Any, Final

from local.dataverse import errors
from local.dataverse.catalog import stable_id
from local.dataverse.custom import CustomizationError, Workbench
from local.dataverse.definitions import find_table
from local.dataverse.describe import PREFIX
from local.dataverse.errors import ApiError
from local.dataverse.http import Request, Response, no_content
from local.dataverse.install import refresh_messages
from local.dataverse.model import Choice, Column, Key, ManyToMany, Option, Relationship, Table
from local.dataverse.session import Session

_KINDS: Final = {
    f"{kind}AttributeMetadata": kind
    for kind in ("String", "Memo", "Integer", "BigInt", "Decimal", "Double", "Money", "DateTime", "Boolean", "Picklist",
                 "MultiSelectPicklist", "Lookup", "File")
}  # fmt: skip
#: Largest file of a file column, unless its definition says otherwise.
FILE_KB: Final = 32_768
_INVALID: Final = "0x80048403"


def write_definitions(session: Session, request: Request, segments: list[tuple[str, str | None]]) -> Response:
    """Creates what the path names; 204 with the URL of the new definition."""
    bench = Workbench(session.catalog)
    body = request.json()
    name, key = segments[0]
    try:
        if name == "GlobalOptionSetDefinitions":
            identity = _choice(bench, body)
        elif name == "RelationshipDefinitions":
            identity = _many_to_many(bench, body) if _is_many_to_many(body) else _relationship(bench, body)
        elif key is None:
            identity = _table(bench, body)
        else:
            table = bench.need(find_table(session.catalog, key).name)
            part, identity = _part(bench, table, segments[1][0] if len(segments) > 1 else "", body)
            name = f"EntityDefinitions({key})/{part}"
        bench.commit()
    except CustomizationError as error:
        raise ApiError(400, _INVALID, str(error)) from None
    refresh_messages(session)
    return no_content({"OData-Version": "4.0", "OData-EntityId": f"{request.base}{name}({identity})"})


def _part(bench: Workbench, table: Table, name: str, body: dict[str, Any]) -> tuple[str, str]:
    if name == "Attributes":
        column = _column(bench, body)
        if column.name in table.columns:
            raise CustomizationError(f"An attribute '{column.name}' of '{table.name}' exists already.")
        bench.put_column(table, column)
        return name, stable_id("column", table.name, column.name)
    if name == "Keys":
        schema = _schema(body)
        bench.add_key(table, Key(schema, schema.lower(), [str(c) for c in body.get("KeyAttributes", [])]))
        return name, stable_id("key", table.name, schema.lower())
    raise errors.no_segment(name)


def _table(bench: Workbench, body: dict[str, Any]) -> str:
    schema = _schema(body)
    plural = label_of(body.get("DisplayCollectionName")) or f"{schema}s"
    set_name = str(body.get("EntitySetName") or f"{schema.lower()}s")
    table = bench.new_table(schema, set_name, label_of(body.get("DisplayName")) or schema, plural)
    for item in body.get("Attributes", []):
        column = _column(bench, item)
        bench.put_column(table, column)
        if item.get("IsPrimaryName"):
            table.name_column = column.name
    if table.name_column is None:
        raise CustomizationError(f"The table '{table.name}' needs an attribute with IsPrimaryName.")
    if body.get("HasNotes"):
        bench.allow_notes(table)
    if body.get("HasActivities"):
        bench.allow_activities(table)
    return stable_id("table", table.name)


def _relationship(bench: Workbench, body: dict[str, Any]) -> str:
    schema = _schema(body)
    lookup = body.get("Lookup") or {}
    lookup_schema = _schema(lookup)
    referencing, referenced = str(body.get("ReferencingEntity")), str(body.get("ReferencedEntity"))
    table = bench.need(referencing)
    column = Column(lookup_schema.lower(), lookup_schema, "Lookup", label=label_of(lookup.get("DisplayName")))
    column.required = (lookup.get("RequiredLevel") or {}).get("Value", "None")
    bench.put_column(table, column)
    bench.relate(
        Relationship(
            schema,
            referenced,
            referencing,
            column.name,
            body.get("ReferencingEntityNavigationPropertyName") or lookup_schema,
            body.get("ReferencedEntityNavigationPropertyName") or schema,
            (body.get("CascadeConfiguration") or {}).get("Delete", "RemoveLink"),
        )
    )
    return stable_id("relationship", schema)


def _is_many_to_many(body: dict[str, Any]) -> bool:
    return str(body.get("@odata.type", "")).endswith("ManyToManyRelationshipMetadata")


def _many_to_many(bench: Workbench, body: dict[str, Any]) -> str:
    schema = _schema(body)
    first, second = (bench.need(str(body.get(f"Entity{n}LogicalName"))) for n in (1, 2))
    intersect = str(body.get("IntersectEntityName") or schema).lower()
    if any(held.schema == schema for table in bench.catalog.tables.values() for held in table.many_to_many):
        raise CustomizationError(f"A relationship '{schema}' exists already.")
    first.many_to_many.append(ManyToMany(schema, first.name, second.name, intersect, schema, schema))
    return stable_id("relationship", schema)


def create_entities(session: Session, request: Request) -> Response:
    """CreateEntities {Entities: [ComplexEntityMetadata]}: tables with their columns, all or nothing."""
    bench = Workbench(session.catalog)
    entities = request.json().get("Entities")
    if not isinstance(entities, list) or not entities:
        raise errors.bad_payload("", "The parameter 'Entities' must be a collection with at least one item.")
    try:
        for body in entities:
            _table(bench, body)
        bench.commit()
    except CustomizationError as error:
        raise ApiError(400, _INVALID, str(error)) from None
    refresh_messages(session)
    return no_content({"OData-Version": "4.0"})


def _choice(bench: Workbench, body: dict[str, Any]) -> str:
    name = str(body.get("Name") or "")
    if not name or bench.choice(name) is not None:
        raise CustomizationError(f"The choice '{name}' has no name or exists already.")
    bench.choices[name] = Choice(name, label_of(body.get("DisplayName")), _options(body))
    return stable_id("choice", name)


def _column(bench: Workbench, item: dict[str, Any]) -> Column:
    schema = _schema(item)
    kind = _KINDS.get(str(item.get("@odata.type", "")).lstrip("#").removeprefix(PREFIX).removeprefix("Complex"))
    if kind is None or kind == "Lookup":
        raise CustomizationError(f"The attribute '{schema}' is of a type that cannot be created here.")
    column = Column(
        schema.lower(),
        schema,
        kind,
        required=(item.get("RequiredLevel") or {}).get("Value", "None"),
        max_length=item.get("MaxLength"),
        minimum=item.get("MinValue"),
        maximum=item.get("MaxValue"),
        precision=item.get("Precision"),
        label=label_of(item.get("DisplayName")),
        options=_options(item.get("OptionSet") or {}) if kind in ("Picklist", "MultiSelectPicklist") else [],
    )
    if kind in ("String", "Memo"):
        column.format = (item.get("FormatName") or {}).get("Value") or item.get("Format")
    if kind == "File":
        column.create = column.update = False
        column.max_length = int(item.get("MaxSizeInKB") or FILE_KB)
    if kind == "DateTime":
        column.behavior = (item.get("DateTimeBehavior") or {}).get("Value", "UserLocal")
        column.format = item.get("Format", "DateAndTime")
    if kind == "Boolean":
        column.default = bool(item.get("DefaultValue"))
    bound = item.get("GlobalOptionSet@odata.bind")
    if bound is not None:
        choice = next((c for c in bench.catalog.choices.values() if stable_id("choice", c.name) in bound), None)
        if choice is None:
            raise CustomizationError(f"The global choice of '{schema}' does not exist.")
        column.options, column.global_choice = list(choice.options), choice.name
    return column


def _schema(body: dict[str, Any]) -> str:
    schema = str(body.get("SchemaName") or "")
    if "_" not in schema:
        raise CustomizationError(f"The schema name '{schema}' does not carry a publisher's prefix.")
    return schema


def label_of(value: Any) -> str:
    """The first text of a Label."""
    labels = value.get("LocalizedLabels") if isinstance(value, dict) else None
    return str(labels[0].get("Label", "")) if labels else ""


def _options(option_set: dict[str, Any]) -> list[Option]:
    return [Option(int(o["Value"]), label_of(o.get("Label"))) for o in option_set.get("Options", [])]
