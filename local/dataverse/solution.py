"""Reads a solution zip: solution.xml and customizations.xml as plain objects.

What the structure looks like: Microsoft's CustomizationsSolution.xsd and real exports. Nothing here changes anything.
"""

import io
import zipfile
from dataclasses import dataclass, field
from typing import Final

from lxml import etree

from local.dataverse.custom import CustomizationError
from local.dataverse.model import Choice, Column, Key, Option, Relationship

_MEMBERS: Final = ("[Content_Types].xml", "solution.xml", "customizations.xml")
_TYPES: Final = {
    "nvarchar": "String", "ntext": "Memo", "int": "Integer", "bigint": "BigInt", "decimal": "Decimal",
    "float": "Double", "money": "Money", "datetime": "DateTime", "bit": "Boolean", "picklist": "Picklist",
    "multiselectpicklist": "MultiSelectPicklist", "lookup": "Lookup", "customer": "Customer", "owner": "Owner",
    "primarykey": "Uniqueidentifier", "uniqueidentifier": "Uniqueidentifier", "state": "State", "status": "Status",
}  # fmt: skip
#: Kinds of columns that are accepted and not kept.
_SKIPPED: Final = frozenset({"image", "file", "virtual"})
_LEVELS: Final = {
    "none": "None", "recommended": "Recommended", "required": "ApplicationRequired", "systemrequired": "SystemRequired",
}  # fmt: skip
_BEHAVIORS: Final = {"1": "UserLocal", "2": "DateOnly", "3": "TimeZoneIndependent"}
_CASCADES: Final = frozenset({"NoCascade", "RemoveLink", "Restrict", "Cascade"})


@dataclass(slots=True)
class EntityPart:
    """A table as the solution has it: new, or columns for one that exists."""

    schema: str
    set_name: str | None
    label: str
    plural: str
    notes: bool
    activities: bool
    columns: list[Column]
    primary_name: str | None
    keys: list[Key]
    choice_names: dict[str, str]  #: column -> global choice

    @property
    def name(self) -> str:
        return self.schema.lower()


@dataclass(slots=True)
class Solution:
    unique_name: str
    title: str
    version: str
    managed: bool
    publisher: str
    publisher_title: str
    prefix: str
    option_prefix: int
    entities: list[EntityPart] = field(default_factory=list)
    relationships: list[Relationship] = field(default_factory=list)
    choices: list[Choice] = field(default_factory=list)


def read_solution(package: bytes) -> Solution:
    """The solution in a zip; ``CustomizationError`` says what is wrong with it."""
    try:
        with zipfile.ZipFile(io.BytesIO(package)) as archive:
            names = set(archive.namelist())
            missing = [name for name in _MEMBERS if name not in names]
            if missing:
                raise CustomizationError(f"The solution file has no {', '.join(missing)}.")
            manifest = _xml(archive.read("solution.xml"), "solution.xml")
            customizations = _xml(archive.read("customizations.xml"), "customizations.xml")
    except zipfile.BadZipFile:
        raise CustomizationError("The solution file is not a zip file.") from None
    solution = _manifest(manifest)
    if customizations.tag != "ImportExportXml":
        raise CustomizationError("The root of customizations.xml must be ImportExportXml.")
    solution.choices = [_choice(e) for e in customizations.findall("optionsets/optionset")]
    solution.entities = [_entity(e) for e in customizations.findall("Entities/Entity/EntityInfo/entity")]
    solution.relationships = [
        _relationship(e)
        for e in customizations.findall("EntityRelationships/EntityRelationship")
        if _text(e, "EntityRelationshipType") == "OneToMany"
    ]
    return solution


def _xml(data: bytes, name: str) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError:
        raise CustomizationError(f"{name} is not well-formed XML.") from None


def _text(element: etree._Element, path: str, default: str = "") -> str:
    return (element.findtext(path) or default).strip()


def _label(element: etree._Element, path: str) -> str:
    found = element.find(path)
    return found.get("description", "") if found is not None else ""


def _whole(element: etree._Element, path: str) -> int | None:
    text = _text(element, path)
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        raise CustomizationError(f"{path} must be a whole number.") from None


def _number(element: etree._Element, path: str) -> float | None:
    text = _text(element, path)
    try:
        return float(text) if text else None
    except ValueError:
        raise CustomizationError(f"{path} must be a number.") from None


def _manifest(root: etree._Element) -> Solution:
    manifest = root.find("SolutionManifest")
    publisher = manifest.find("Publisher") if manifest is not None else None
    if manifest is None or publisher is None:
        raise CustomizationError("solution.xml has no SolutionManifest with a Publisher.")
    unique, version = _text(manifest, "UniqueName"), _text(manifest, "Version")
    prefix = _text(publisher, "CustomizationPrefix")
    option_prefix = _whole(publisher, "CustomizationOptionValuePrefix") or 0
    if not unique or not all(part.isdigit() for part in version.split(".")):
        raise CustomizationError("solution.xml must name the solution and a version such as 1.0.0.0.")
    if not (2 <= len(prefix) <= 8 and prefix.isalnum() and prefix[0].isalpha()) or prefix.lower() == "mscrm":
        raise CustomizationError("The publisher's prefix must be 2 to 8 letters and digits and begin with a letter.")
    if not 10_000 <= option_prefix <= 99_999:
        raise CustomizationError("The publisher's option value prefix must be between 10000 and 99999.")
    return Solution(
        unique, _label(manifest, "LocalizedNames/LocalizedName") or unique, version,
        _text(manifest, "Managed") == "1", _text(publisher, "UniqueName"),
        _label(publisher, "LocalizedNames/LocalizedName"), prefix, option_prefix,
    )  # fmt: skip


def _entity(element: etree._Element) -> EntityPart:
    schema = element.get("Name", "")
    if not schema:
        raise CustomizationError("An entity in customizations.xml has no name.")
    columns: list[Column] = []
    primary: str | None = None
    choice_names: dict[str, str] = {}
    for item in element.findall("attributes/attribute"):
        kind = _text(item, "Type").lower()
        if kind in _SKIPPED:
            continue
        column = _column(schema, item, kind)
        columns.append(column)
        if "PrimaryName" in _text(item, "DisplayMask").split("|"):
            primary = column.name
        named = _text(item, "OptionSetName")
        if named:
            choice_names[column.name] = named
    return EntityPart(
        schema, _text(element, "EntitySetName") or None, _label(element, "LocalizedNames/LocalizedName"),
        _label(element, "LocalizedCollectionNames/LocalizedCollectionName"),
        _text(element, "HasRelatedNotes").lower() in ("true", "1"),
        _text(element, "HasRelatedActivities").lower() in ("true", "1"),
        columns, primary, [_key(e) for e in element.findall("EntityKeys/EntityKey")], choice_names,
    )  # fmt: skip


def _column(entity: str, item: etree._Element, kind: str) -> Column:
    schema = item.get("PhysicalName", "")
    name = _text(item, "LogicalName") or schema.lower()
    if kind not in _TYPES or not schema or name != schema.lower():
        raise CustomizationError(f"The attribute '{schema}' of '{entity}' has an unknown type or a name that differs.")
    level = _LEVELS.get(_text(item, "RequiredLevel", "none"))
    if level is None:
        raise CustomizationError(f"RequiredLevel of '{name}' must be none, recommended, required or systemrequired.")
    default = _text(item, "AppDefaultValue")
    column = Column(
        name, schema, _TYPES[kind],
        create=_text(item, "ValidForCreateApi", "1") == "1", update=_text(item, "ValidForUpdateApi", "1") == "1",
        read=_text(item, "ValidForReadApi", "1") == "1", required=level,
        max_length=_whole(item, "MaxLength"), minimum=_number(item, "MinValue"), maximum=_number(item, "MaxValue"),
        precision=_whole(item, "Accuracy"), label=_label(item, "displaynames/displayname"),
        options=_options(item, kind),
    )  # fmt: skip
    if kind == "datetime":
        column.behavior = _BEHAVIORS.get(_text(item, "Behavior", "1"), "UserLocal")
        column.format = "DateOnly" if _text(item, "Format") == "date" else "DateAndTime"
    elif kind in ("nvarchar", "ntext"):
        column.format = _text(item, "Format", "text").capitalize()
    elif kind == "bit":
        column.default, column.options = default == "1", []
    elif kind == "picklist" and default.isdigit():
        column.default = int(default)
    return column


def _options(item: etree._Element, kind: str) -> list[Option]:
    found = [Option(_value(o), _label(o, "labels/label")) for o in item.findall("optionset/options/option")]
    if kind == "state":
        for element in item.findall("optionset/states/state"):
            status = int(element.get("defaultstatus", "0"))
            found.append(Option(_value(element), _label(element, "labels/label"), default_status=status))
    if kind == "status":
        for element in item.findall("optionset/statuses/status"):
            found.append(Option(_value(element), _label(element, "labels/label"), state=int(element.get("state", "0"))))
    return found


def _value(element: etree._Element) -> int:
    try:
        return int(element.get("value", ""))
    except ValueError:
        raise CustomizationError("An option has a value that is no whole number.") from None


def _key(element: etree._Element) -> Key:
    schema = _text(element, "Name")
    columns = [(e.text or "").strip() for e in element.findall("EntityKeyAttributes/AttributeName")]
    return Key(schema, _text(element, "LogicalName") or schema.lower(), columns)


def _choice(element: etree._Element) -> Choice:
    name = element.get("Name", "")
    options = [Option(_value(o), _label(o, "labels/label")) for o in element.findall("options/option")]
    return Choice(name, element.get("localizedName") or _label(element, "displaynames/displayname"), options)


def _relationship(element: etree._Element) -> Relationship:
    schema = element.get("Name", "")
    attribute = _text(element, "ReferencingAttributeName")
    delete = _text(element, "CascadeDelete", "NoCascade")
    if delete not in _CASCADES:
        raise CustomizationError(f"CascadeDelete of '{schema}' must be NoCascade, RemoveLink, Restrict or Cascade.")
    nav, collection = attribute, schema
    for role in element.findall("EntityRelationshipRoles/EntityRelationshipRole"):
        name = _text(role, "NavigationPropertyName")
        if name and _text(role, "RelationshipRoleType") == "1":
            nav = name
        elif name:
            collection = name
    return Relationship(
        schema, _text(element, "ReferencedEntityName").lower(), _text(element, "ReferencingEntityName").lower(),
        attribute.lower(), nav, collection, delete,
    )  # fmt: skip
