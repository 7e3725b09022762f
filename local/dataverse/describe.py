"""Metadata as the Web API shows it: tables, columns, keys, relationships and choices as JSON documents."""

from typing import Any, Final

from local.dataverse.catalog import stable_id
from local.dataverse.model import Choice, Column, Key, ManyToMany, Option, Relationship, Table
from local.dataverse.security import privilege

PREFIX: Final = "Microsoft.Dynamics.CRM."
_LANGUAGE: Final = 1033
_RIGHTS: Final = ("Create", "Read", "Write", "Delete", "Assign", "Share", "Append", "AppendTo")
#: Members that every attribute has; the others can be selected through a cast only.
BASE_MEMBERS: Final = frozenset({
    "@odata.type", "MetadataId", "LogicalName", "SchemaName", "AttributeType", "AttributeTypeName", "AttributeOf",
    "EntityLogicalName", "IsPrimaryId", "IsPrimaryName", "IsValidForCreate", "IsValidForUpdate", "IsValidForRead",
    "IsCustomAttribute", "RequiredLevel", "DisplayName", "Description", "IsLogical", "IsManaged", "IsCustomizable",
    "IsSecured", "SourceType",
})  # fmt: skip


def label(text: str) -> dict[str, Any]:
    one = {"Label": text, "LanguageCode": _LANGUAGE, "IsManaged": False}
    return {"LocalizedLabels": [one], "UserLocalizedLabel": one}


def table_document(table: Table) -> dict[str, Any]:
    return {
        "MetadataId": stable_id("table", table.name),
        "LogicalName": table.name,
        "SchemaName": table.schema,
        "EntitySetName": table.set_name,
        "LogicalCollectionName": table.set_name,
        "CollectionSchemaName": table.plural or table.set_name,
        "PrimaryIdAttribute": table.id_column,
        "PrimaryNameAttribute": table.name_column,
        "ObjectTypeCode": table.code,
        "OwnershipType": table.ownership,
        "TableType": "Standard",
        "IsActivity": table.activity,
        "HasNotes": table.notes,
        "HasActivities": table.activities,
        "IsCustomEntity": table.custom,
        "IsManaged": not table.custom,
        "IsIntersect": False,
        "IsPrivate": False,
        "IsLogicalEntity": False,
        "IsCustomizable": {"Value": True, "CanBeChanged": True, "ManagedPropertyLogicalName": "iscustomizable"},
        "ChangeTrackingEnabled": True,
        "IsOptimisticConcurrencyEnabled": not table.system,
        "DisplayName": label(table.label or table.schema),
        "DisplayCollectionName": label(table.plural or table.label or table.schema),
        "Description": label(""),
        "Privileges": [
            {
                "Name": privilege(right, table),
                "PrivilegeId": stable_id("privilege", privilege(right, table)),
                "PrivilegeType": right,
                "CanBeGlobal": True,
            }
            for right in _RIGHTS
        ],
    }


def cast_of(column: Column) -> str:
    """The attribute's metadata type, without the namespace."""
    if column.type in ("Customer", "Owner"):
        return "LookupAttributeMetadata"
    if column.type == "Uniqueidentifier":
        return "UniqueIdentifierAttributeMetadata"
    return f"{column.type}AttributeMetadata"


def column_document(table: Table, column: Column) -> dict[str, Any]:
    """All of an attribute but its options, which only ``$expand=OptionSet`` shows."""
    document: dict[str, Any] = {
        "@odata.type": f"#{PREFIX}{cast_of(column)}",
        "MetadataId": stable_id("column", table.name, column.name),
        "LogicalName": column.name,
        "SchemaName": column.schema,
        "AttributeType": "Virtual" if column.type in ("MultiSelectPicklist", "File") else column.type,
        "AttributeTypeName": {"Value": f"{column.type}Type"},
        "AttributeOf": column.part_of,
        "EntityLogicalName": table.name,
        "IsPrimaryId": column.name == table.id_column,
        "IsPrimaryName": column.name == table.name_column,
        "IsValidForCreate": column.create,
        "IsValidForUpdate": column.update,
        "IsValidForRead": column.read,
        "IsCustomAttribute": column.custom,
        "IsManaged": not column.custom,
        "IsLogical": False,
        "IsSecured": False,
        "RequiredLevel": {
            "Value": column.required,
            "CanBeChanged": True,
            "ManagedPropertyLogicalName": "canmodifyrequirementlevelsettings",
        },
        "DisplayName": label(column.label or column.schema),
        "Description": label(""),
    }
    document.update(_particulars(column))
    return document


def _particulars(column: Column) -> dict[str, Any]:
    """The members of the attribute's own kind."""
    kind = column.type
    if kind in ("String", "Memo"):
        form = column.format or "Text"
        return {"MaxLength": column.max_length, "Format": form, "FormatName": {"Value": form}}
    if kind in ("Integer", "BigInt"):
        return {"MinValue": _whole(column.minimum), "MaxValue": _whole(column.maximum), "Format": "None"}
    if kind in ("Decimal", "Double", "Money"):
        values = {"MinValue": column.minimum, "MaxValue": column.maximum, "Precision": column.precision}
        return {**values, "PrecisionSource": 0} if kind == "Money" else values
    if kind == "DateTime":
        return {"Format": column.format, "DateTimeBehavior": {"Value": column.behavior}}
    if kind == "Boolean":
        return {"DefaultValue": bool(column.default)}
    if kind == "File":
        return {"MaxSizeInKB": column.max_length}
    if column.is_lookup:
        return {"Targets": column.targets, "Format": "None"}
    if column.options:
        return {"DefaultFormValue": -1 if column.default is None else column.default}
    return {}


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def option_set(table: Table, column: Column) -> dict[str, Any] | None:
    """The OptionSet of a choice or yes/no column."""
    if column.type == "Boolean":
        return {
            "@odata.type": f"#{PREFIX}BooleanOptionSetMetadata",
            "Name": f"{table.name}_{column.name}",
            "IsGlobal": False,
            "OptionSetType": "Boolean",
            "TrueOption": _option(Option(1, "Yes")),
            "FalseOption": _option(Option(0, "No")),
        }
    if not column.options:
        return None
    return {
        "@odata.type": f"#{PREFIX}OptionSetMetadata",
        "MetadataId": stable_id("choice", column.global_choice or f"{table.name}_{column.name}"),
        "Name": column.global_choice or f"{table.name}_{column.name}",
        "IsGlobal": column.global_choice is not None,
        "OptionSetType": column.type if column.type in ("State", "Status") else "Picklist",
        "Options": [_option(option) for option in column.options],
    }


def _option(option: Option) -> dict[str, Any]:
    document: dict[str, Any] = {"Value": option.value, "Label": label(option.label)}
    if option.state is not None:
        document["State"] = option.state
    if option.default_status is not None:
        document["DefaultStatus"] = option.default_status
    return document


def choice_document(choice: Choice) -> dict[str, Any]:
    return {
        "@odata.type": f"#{PREFIX}OptionSetMetadata",
        "MetadataId": stable_id("choice", choice.name),
        "Name": choice.name,
        "IsGlobal": True,
        "OptionSetType": "Picklist",
        "DisplayName": label(choice.label),
        "Options": [_option(option) for option in choice.options],
    }


def key_document(table: Table, key: Key) -> dict[str, Any]:
    return {
        "MetadataId": stable_id("key", table.name, key.name),
        "SchemaName": key.schema,
        "LogicalName": key.name,
        "EntityLogicalName": table.name,
        "KeyAttributes": list(key.columns),
        "EntityKeyIndexStatus": key.status,
        "DisplayName": label(key.schema),
        "IsManaged": False,
    }


def many_to_many_document(relationship: ManyToMany) -> dict[str, Any]:
    return {
        "@odata.type": f"#{PREFIX}ManyToManyRelationshipMetadata",
        "MetadataId": stable_id("relationship", relationship.schema),
        "SchemaName": relationship.schema,
        "RelationshipType": "ManyToManyRelationship",
        "Entity1LogicalName": relationship.first,
        "Entity2LogicalName": relationship.second,
        "IntersectEntityName": relationship.intersect,
        "Entity1NavigationPropertyName": relationship.first_nav,
        "Entity2NavigationPropertyName": relationship.second_nav,
        "IsCustomRelationship": True,
    }


def relationship_document(tables: dict[str, Table], relationship: Relationship, delete: str) -> dict[str, Any]:
    """A one-to-many relationship; ``delete`` is what deleting the referenced row does."""
    referenced = tables.get(relationship.referenced)
    kept = dict.fromkeys(("Assign", "Merge", "Reparent", "Share", "Unshare", "Archive", "RollupView"), "NoCascade")
    return {
        "@odata.type": f"#{PREFIX}OneToManyRelationshipMetadata",
        "MetadataId": stable_id("relationship", relationship.schema),
        "SchemaName": relationship.schema,
        "RelationshipType": "OneToManyRelationship",
        "ReferencedEntity": relationship.referenced,
        "ReferencedAttribute": referenced.id_column if referenced else "ownerid",
        "ReferencingEntity": relationship.referencing,
        "ReferencingAttribute": relationship.column,
        "ReferencingEntityNavigationPropertyName": relationship.nav,
        "ReferencedEntityNavigationPropertyName": relationship.collection,
        "IsCustomRelationship": relationship.custom,
        "IsHierarchical": False,
        "CascadeConfiguration": {**kept, "Delete": delete},
    }
