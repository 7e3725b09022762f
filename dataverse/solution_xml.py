"""The parts of ``customizations.xml``: tables, columns, choices, keys, relationships.

Element names and order follow real exports of 9.2 environments and Microsoft's CustomizationsSolution.xsd 9.0; elements
that are newer than that schema are left out, the import takes their defaults.
"""

from typing import Final
from xml.etree.ElementTree import Element, SubElement

from mapping.schema import Schema, SchemaColumn, SchemaTable

LANGUAGE: Final = "1033"
TEXT_LENGTH: Final = 100
MEMO_LENGTH: Final = 1_048_576
NAME_LENGTH: Final = 200
KEY_LENGTH: Final = 400
RELATIONSHIP_NAME: Final = 100

#: Custom options are numbered from 100,000,000: the option prefix times 10,000.
OPTION_PREFIX: Final = 10_000
#: A choice must have an option. One that the source fills with nothing gets the last number, which no other takes.
NO_OPTIONS: Final = {"Other": OPTION_PREFIX * 10_000 + 9_999}

#: Schema names of standard tables that lookups may point at without being part of the schema.
STANDARD: Final = {
    "account": "Account",
    "annotation": "Annotation",
    "appointment": "Appointment",
    "contact": "Contact",
    "opportunity": "Opportunity",
    "systemuser": "SystemUser",
    "task": "Task",
    "team": "Team",
    "transactioncurrency": "TransactionCurrency",
}

_FLAGS_BEFORE: Final = (
    ("IsDuplicateCheckSupported", "1"),
    ("IsBusinessProcessEnabled", "0"),
    ("IsRequiredOffline", "0"),
    ("IsInteractionCentricEnabled", "0"),
    ("IsCollaboration", "0"),
    ("AutoRouteToOwnerQueue", "0"),
    ("IsConnectionsEnabled", "0"),
    ("IsDocumentManagementEnabled", "0"),
    ("AutoCreateAccessTeams", "0"),
    ("IsOneNoteIntegrationEnabled", "0"),
    ("IsKnowledgeManagementEnabled", "0"),
    ("IsSLAEnabled", "0"),
    ("IsBPFEntity", "0"),
    ("OwnershipTypeMask", "UserOwned"),
    ("IsAuditEnabled", "1"),
    ("IsActivity", "0"),
    ("ActivityTypeMask", ""),
    ("IsActivityParty", "0"),
    ("IsReplicated", "0"),
    ("IsReplicationUserFiltered", "0"),
    ("IsMailMergeEnabled", "0"),
    ("IsVisibleInMobile", "0"),
    ("IsVisibleInMobileClient", "0"),
    ("IsReadOnlyInMobileClient", "0"),
    ("IsOfflineInMobileClient", "0"),
    ("DaysSinceRecordLastModified", "0"),
    ("IsMapiGridEnabled", "1"),
    ("IsReadingPaneEnabled", "1"),
    ("IsQuickCreateEnabled", "0"),
)
_FLAGS_AFTER: Final = (
    ("IsCustomizable", "1"),
    ("IsRenameable", "1"),
    ("IsMappable", "1"),
    ("CanModifyAuditSettings", "1"),
    ("CanModifyMobileVisibility", "1"),
    ("CanModifyMobileClientVisibility", "1"),
    ("CanModifyMobileClientReadOnly", "1"),
    ("CanModifyMobileClientOffline", "1"),
    ("CanModifyConnectionSettings", "1"),
    ("CanModifyDuplicateDetectionSettings", "1"),
    ("CanModifyMailMergeSettings", "1"),
    ("CanModifyQueueSettings", "1"),
    ("CanCreateAttributes", "1"),
    ("CanCreateForms", "1"),
    ("CanCreateCharts", "1"),
    ("CanCreateViews", "1"),
    ("CanModifyAdditionalSettings", "1"),
    ("EnforceStateTransitions", "0"),
    ("CanChangeHierarchicalRelationship", "1"),
    ("EntityHelpUrlEnabled", "0"),
    ("ChangeTrackingEnabled", "1"),
)
_TYPES: Final = {
    "text": "nvarchar",
    "memo": "ntext",
    "integer": "int",
    "decimal": "decimal",
    "money": "money",
    "boolean": "bit",
    "date": "datetime",
    "datetime": "datetime",
    "choice": "picklist",
    "choices": "multiselectpicklist",
    "lookup": "lookup",
    "uniqueidentifier": "uniqueidentifier",
}


def custom_columns(table: SchemaTable) -> list[SchemaColumn]:
    """The columns of a table that the solution brings: custom ones, in the schema's order."""
    return [c for c in table.columns.values() if c.custom and c.type in _TYPES]


def entity(table: SchemaTable, version: str) -> Element:
    """One ``Entity``: whole for a custom table, a shell with only our columns and key for a standard one."""
    root = Element("Entity")
    _text(root, "Name", table.schema_name, LocalizedName=table.label, OriginalName=table.label)
    info = SubElement(SubElement(root, "EntityInfo"), "entity", Name=table.schema_name)
    if not table.custom:
        info.set("unmodified", "1")
    else:
        _names(info, "LocalizedNames", "LocalizedName", table.label)
        _names(info, "LocalizedCollectionNames", "LocalizedCollectionName", table.label_plural)
        _descriptions(info)
    attributes = SubElement(info, "attributes")
    if table.custom:
        _primary_key(attributes, table, version)
        if all(c.logical != table.name_column for c in custom_columns(table)):
            _name_column(attributes, table, version)
    for column in custom_columns(table):
        _attribute(attributes, table, column, version)
    if table.key_column:
        _key(info, table, version)
    if table.custom:
        _text(info, "EntitySetName", table.set_name)
        for name, value in _FLAGS_BEFORE:
            _text(info, name, value)
        _text(info, "IntroducedVersion", version)
        for name, value in _FLAGS_AFTER:
            _text(info, name, value)
        _text(info, "HasRelatedNotes", "True" if table.has_notes else "False")
        _text(info, "HasRelatedActivities", "False")
    return root


def relationships(schema: Schema, version: str) -> list[Element]:
    """One ``EntityRelationship`` for every target of every custom lookup; deleting a parent is restricted."""
    names = {t.logical: t.schema_name for t in schema.tables.values()}
    found: list[Element] = []
    for table in schema.tables.values():
        for column in custom_columns(table):
            if column.type == "lookup":
                for target, nav in column.nav.items():
                    parent = names.get(target) or STANDARD[target]
                    found.append(_relationship(schema.prefix, table, column, target, parent, nav, version))
    return sorted(found, key=lambda e: e.get("Name", ""))


def relationship_name(prefix: str, table: SchemaTable, column: SchemaColumn, target: str) -> str:
    """``cms_contact_clinicappointment_Patient``: begins with the prefix, one per lookup and target."""
    parts = (target.removeprefix(f"{prefix}_"), table.logical.removeprefix(f"{prefix}_"), column.plain)
    return f"{prefix}_{'_'.join(parts)}"[:RELATIONSHIP_NAME]


def key_name(prefix_and_column: str, table: SchemaTable) -> str:
    """``cms_contact_SourceKey``: the schema name of a table's alternate key, different from its column's."""
    prefix, _, plain = prefix_and_column.partition("_")
    return f"{prefix}_{table.logical.removeprefix(prefix + '_')}_{plain}"


def _relationship(
    prefix: str, table: SchemaTable, column: SchemaColumn, target: str, parent: str, nav: str, version: str
) -> Element:
    name = relationship_name(prefix, table, column, target)
    root = Element("EntityRelationship", Name=name)
    for tag, value in (
        ("EntityRelationshipType", "OneToMany"),
        ("IsCustomizable", "1"),
        ("IntroducedVersion", version),
        ("IsHierarchical", "0"),
        ("ReferencingEntityName", table.schema_name),
        ("ReferencedEntityName", parent),
        ("CascadeAssign", "NoCascade"),
        ("CascadeDelete", "Restrict"),
        ("CascadeReparent", "NoCascade"),
        ("CascadeShare", "NoCascade"),
        ("CascadeUnshare", "NoCascade"),
        ("CascadeRollupView", "NoCascade"),
        ("IsValidForAdvancedFind", "1"),
        ("ReferencingAttributeName", column.schema_name),
    ):
        _text(root, tag, value)
    _descriptions(SubElement(root, "RelationshipDescription"))
    roles = SubElement(root, "EntityRelationshipRoles")
    child = SubElement(roles, "EntityRelationshipRole")
    for tag, value in (
        ("NavPaneDisplayOption", "UseCollectionName"),
        ("NavPaneArea", "Details"),
        ("NavPaneOrder", "10000"),
        ("NavigationPropertyName", nav),
        ("RelationshipRoleType", "1"),
    ):
        _text(child, tag, value)
    whole = SubElement(roles, "EntityRelationshipRole")
    _text(whole, "NavigationPropertyName", name)
    _text(whole, "RelationshipRoleType", "0")
    return root


def _attribute(parent: Element, table: SchemaTable, column: SchemaColumn, version: str) -> None:
    primary = column.logical == table.name_column
    attribute = _common(
        parent,
        column.schema_name,
        _TYPES[column.type],
        column.logical,
        version,
        required="none",
        mask=("PrimaryName|" if primary else "")
        + "ValidForAdvancedFind|ValidForForm|ValidForGrid"
        + ("|RequiredForForm" if primary else ""),
    )
    for tag, value in _type_part(column, is_key=column.logical == table.key_column):
        _text(attribute, tag, value)
    if column.type == "lookup":
        SubElement(attribute, "LookupTypes")
    if column.type == "boolean":
        options = column.options or {"Yes": 1, "No": 0}
        _option_set(attribute, table, column, "bit", options, version)
    if column.type in ("choice", "choices"):
        # A multi-select column's own set is of the plain kind: only the column's type tells them apart.
        _option_set(attribute, table, column, "picklist", column.options or NO_OPTIONS, version)
    _names(attribute, "displaynames", "displayname", column.label)
    _descriptions(attribute, column.description)


def _type_part(column: SchemaColumn, *, is_key: bool) -> list[tuple[str, str]]:
    match column.type:
        case "text":
            length = column.max_length or (KEY_LENGTH if is_key else TEXT_LENGTH)
            return [("Format", "text"), ("MaxLength", str(length)), ("Length", str(2 * length))]
        case "memo":
            return [("Format", "textarea"), ("MaxLength", str(column.max_length or MEMO_LENGTH))]
        case "integer":
            return [("Format", "none"), ("MinValue", "-2147483648"), ("MaxValue", "2147483647")]
        case "decimal":
            accuracy = str(2 if column.precision is None else column.precision)
            return [("MinValue", "-100000000000"), ("MaxValue", "100000000000"), ("Accuracy", accuracy)]
        case "money":
            accuracy = str(2 if column.precision is None else column.precision)
            limits = [("MinValue", "-922337203685477"), ("MaxValue", "922337203685477")]
            return [*limits, ("Accuracy", accuracy), ("AccuracySource", "0")]
        case "date":
            return [("Format", "date"), ("CanChangeDateTimeBehavior", "0"), ("Behavior", "2")]
        case "datetime":
            return [("Format", "datetime"), ("CanChangeDateTimeBehavior", "1"), ("Behavior", "1")]
        case "boolean":
            return [("AppDefaultValue", "0")]
        case "choice" | "choices":
            return [("AppDefaultValue", "-1")]
        case "lookup":
            return [("LookupStyle", "polymorphic" if len(column.nav) > 1 else "single")]
    return []


def _option_set(
    parent: Element, table: SchemaTable, column: SchemaColumn, kind: str, options: dict[str, int], version: str
) -> None:
    root = SubElement(parent, "optionset", Name=f"{table.logical}_{column.logical}")
    _text(root, "OptionSetType", kind)
    _text(root, "IntroducedVersion", version)
    _text(root, "IsCustomizable", "1")
    _names(root, "displaynames", "displayname", column.label)
    _descriptions(root)
    listed = SubElement(root, "options")
    for label, value in options.items():
        labels = SubElement(SubElement(listed, "option", value=str(value)), "labels")
        SubElement(labels, "label", description=label, languagecode=LANGUAGE)


def _key(info: Element, table: SchemaTable, version: str) -> None:
    column = next(c for c in table.columns.values() if c.logical == table.key_column)
    key = SubElement(SubElement(info, "EntityKeys"), "EntityKey")
    name = key_name(column.schema_name, table)
    _text(key, "Name", name)
    _text(key, "LogicalName", name.lower())
    _text(key, "IntroducedVersion", version)
    _text(key, "IsCustomizable", "1")
    _text(SubElement(key, "EntityKeyAttributes"), "AttributeName", column.logical)
    _names(key, "displaynames", "displayname", f"{column.label} key")


def _primary_key(parent: Element, table: SchemaTable, version: str) -> None:
    attribute = _common(
        parent,
        f"{table.schema_name}Id",
        "primarykey",
        table.id_column,
        version,
        required="systemrequired",
        mask="ValidForAdvancedFind|RequiredForGrid",
        custom=False,
    )
    _names(attribute, "displaynames", "displayname", table.label)
    _descriptions(attribute)


def _name_column(parent: Element, table: SchemaTable, version: str) -> None:
    """A primary name for a table whose map has none: the platform insists on one."""
    prefix, _, rest = table.name_column.partition("_")
    column = SchemaColumn(
        plain="Name",
        logical=table.name_column,
        schema_name=f"{prefix}_{rest.capitalize()}",
        type="text",
        label="Name",
        custom=True,
        max_length=NAME_LENGTH,
    )
    _attribute(parent, table, column, version)


def _common(
    parent: Element,
    schema_name: str,
    kind: str,
    logical: str,
    version: str,
    *,
    required: str,
    mask: str,
    custom: bool = True,
) -> Element:
    root = SubElement(parent, "attribute", PhysicalName=schema_name)
    for tag, value in (
        ("Type", kind),
        ("Name", logical),
        ("LogicalName", logical),
        ("RequiredLevel", required),
        ("DisplayMask", mask),
        ("ImeMode", "auto"),
        ("ValidForUpdateApi", "1" if custom else "0"),
        ("ValidForReadApi", "1"),
        ("ValidForCreateApi", "1"),
        ("IsCustomField", "1" if custom else "0"),
        ("IsAuditEnabled", "1"),
        ("IsSecured", "0"),
        ("IntroducedVersion", version),
        ("IsCustomizable", "1"),
        ("IsRenameable", "1"),
        ("CanModifySearchSettings", "1"),
        ("CanModifyRequirementLevelSettings", "1" if custom else "0"),
        ("CanModifyAdditionalSettings", "1"),
        ("SourceType", "0"),
    ):
        _text(root, tag, value)
    return root


def _names(parent: Element, group: str, one: str, text: str) -> None:
    SubElement(SubElement(parent, group), one, description=text, languagecode=LANGUAGE)


def _descriptions(parent: Element, text: str = "") -> None:
    _names(parent, "Descriptions", "Description", text)


def _text(parent: Element, tag: str, text: str, **attributes: str) -> None:
    SubElement(parent, tag, attributes).text = text
