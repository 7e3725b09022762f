"""What the XML schema of a solution does not check, and the import only says late and unclearly.

The rules are Dataverse's: publisher prefixes and option ranges, column limits, keys of at most 900 bytes, lookups that
need their relationship in the same file, names that collide with the key column the platform makes itself.
"""

import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final, TypeVar
from xml.etree.ElementTree import Element, ParseError, fromstring

from dataverse.solution import CUSTOMIZATIONS, MANIFEST

_MEMBERS: Final = ("[Content_Types].xml", MANIFEST, CUSTOMIZATIONS)
_LEVELS: Final = frozenset({"none", "recommended", "required", "systemrequired"})
_MAX_LENGTH: Final = {"nvarchar": 4000, "ntext": 1_048_576}
_ACCURACY: Final = {"decimal": 10, "money": 4}
_BEHAVIORS: Final = frozenset({"1", "2", "3"})
_CASCADES: Final = frozenset({"Cascade", "NoCascade", "RemoveLink", "Restrict"})
#: 900 bytes at two bytes a character.
_KEY_CHARACTERS: Final = 450
_KEY_TYPES: Final = frozenset({"nvarchar", "int", "decimal", "datetime", "lookup", "picklist"})
_LABEL: Final = 200
T = TypeVar("T")


def check_solution(content: bytes) -> list[str]:
    """Problems of a solution zip in words, none when it can be imported as far as can be told without a target."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if missing := [name for name in _MEMBERS if name not in archive.namelist()]:
                return [f"the zip lacks {name}" for name in missing]
            manifest, customizations = fromstring(archive.read(MANIFEST)), fromstring(archive.read(CUSTOMIZATIONS))
    except (zipfile.BadZipFile, ParseError) as error:
        return [f"not a readable solution: {type(error).__name__}"]
    publisher = manifest.find("SolutionManifest/Publisher")
    if publisher is None:
        return ["solution.xml names no publisher"]
    prefix = publisher.findtext("CustomizationPrefix") or ""
    options = int(publisher.findtext("CustomizationOptionValuePrefix") or "0")
    return [
        *_check_manifest(manifest, customizations, prefix, options),
        *(p for e in customizations.iterfind("Entities/Entity") for p in _check_entity(e, prefix, options)),
        *_check_relationships(customizations, prefix),
    ]


def _check_manifest(manifest: Element, customizations: Element, prefix: str, options: int) -> Iterator[str]:
    if not re.fullmatch(r"(?!mscrm)[a-z][a-z0-9]{1,7}", prefix):
        yield f"{prefix!r} is not a publisher prefix"
    if not 10_000 <= options <= 99_999:
        yield f"the option prefix {options} is not between 10,000 and 99,999"
    if not re.fullmatch(r"\d+(\.\d+){3}", manifest.findtext("SolutionManifest/Version") or ""):
        yield "the version does not have four numbers"
    components = manifest.iterfind("SolutionManifest/RootComponents/RootComponent[@type='1']")
    listed = [c.get("schemaName", "") for c in components]
    there = [(e.findtext("Name") or "").lower() for e in customizations.iterfind("Entities/Entity")]
    yield from (f"the table {name} is there twice" for name in _twice(there))
    yield from (f"the root component {name} has no table" for name in sorted(set(listed) - set(there)))
    yield from (f"the table {name} is no root component" for name in sorted(set(there) - set(listed)))


def _check_entity(root: Element, prefix: str, options: int) -> Iterator[str]:
    name = root.findtext("Name") or ""
    info = root.find("EntityInfo/entity")
    if not name or info is None:
        yield f"the table {name!r} has no name or no definition"
        return
    attributes = list(info.iterfind("attributes/attribute"))
    whole = info.get("unmodified") != "1"
    if whole:
        if not name.startswith(f"{prefix}_"):
            yield f"the table {name} lacks the prefix {prefix}_"
        kinds = Counter(a.findtext("Type") for a in attributes)
        if kinds["primarykey"] != 1:
            yield f"the table {name} has {kinds['primarykey']} primary keys"
        named = sum("PrimaryName" in (a.findtext("DisplayMask") or "").split("|") for a in attributes)
        if named != 1:
            yield f"the table {name} has {named} primary names"
        if not re.fullmatch(r"[a-z][a-z0-9_]*", info.findtext("EntitySetName") or ""):
            yield f"the table {name} has no set name"
        if info.findtext("OwnershipTypeMask") not in ("UserOwned", "OrgOwned"):
            yield f"the table {name} has no ownership"
    elif any(a.findtext("Type") == "primarykey" for a in attributes):
        yield f"the shell of {name} must not bring a primary key"
    yield from (
        f"the column {name}.{column} is there twice" for column in _twice(a.findtext("LogicalName") for a in attributes)
    )
    for attribute in attributes:
        yield from (f"the column {name}.{p}" for p in _check_attribute(attribute, name, prefix, options))
    yield from _check_keys(info, name, {a.findtext("LogicalName") or "": a for a in attributes})


def _check_attribute(attribute: Element, table: str, prefix: str, options: int) -> Iterator[str]:
    schema, logical = attribute.get("PhysicalName", ""), attribute.findtext("LogicalName") or ""
    kind = attribute.findtext("Type") or ""
    if schema.lower() != logical or attribute.findtext("Name") != logical:
        yield f"{schema} and its logical name differ"
    if kind == "primarykey":
        return
    if not schema.startswith(f"{prefix}_"):
        yield f"{logical} lacks the prefix {prefix}_"
    if logical == f"{table.lower()}id":
        yield f"{logical} has the name of the table's primary key"
    if (attribute.findtext("RequiredLevel") or "") not in _LEVELS - {"systemrequired"}:
        yield f"{logical} has no valid requirement level"
    if kind in _MAX_LENGTH:
        length = int(attribute.findtext("MaxLength") or "0")
        if not 1 <= length <= _MAX_LENGTH[kind]:
            yield f"{logical} has a length of {length}; {kind} takes 1 to {_MAX_LENGTH[kind]}"
        if kind == "nvarchar" and int(attribute.findtext("Length") or "0") != 2 * length:
            yield f"{logical} has a stored length that is not twice its length"
    if kind in _ACCURACY and not 0 <= int(attribute.findtext("Accuracy") or "-1") <= _ACCURACY[kind]:
        yield f"{logical} has no valid precision"
    if kind == "datetime" and (attribute.findtext("Behavior") or "") not in _BEHAVIORS:
        yield f"{logical} has no date behaviour"
    if kind in ("picklist", "multiselectpicklist", "bit"):
        yield from (f"{logical} {p}" for p in _check_options(attribute.find("optionset"), kind, options))


def _check_options(found: Element | None, kind: str, prefix: int) -> Iterator[str]:
    if found is None:
        yield "has no options"
        return
    values = [int(o.get("value", "-1")) for o in found.iterfind("options/option")]
    labels = [(label.get("description") or "").strip() for label in found.iterfind("options/option/labels/label")]
    if kind == "bit":
        if sorted(values) != [0, 1]:
            yield "is a yes/no column whose options are not 0 and 1"
    else:
        if not values:
            yield "has no options"
        low, high = prefix * 10_000, prefix * 10_000 + 9_999
        yield from (f"has the option value {v} outside {low} to {high}" for v in values if not low <= v <= high)
    yield from (f"has the option value {v} twice" for v in _twice(values))
    if _twice(label.casefold() for label in labels):
        yield "has two options with the same label"
    if any(not 0 < len(label) <= _LABEL for label in labels):
        yield f"has an option label that is empty or longer than {_LABEL}"


def _check_keys(info: Element, table: str, attributes: dict[str, Element]) -> Iterator[str]:
    keys = list(info.iterfind("EntityKeys/EntityKey"))
    if len(keys) > 10:
        yield f"the table {table} has more than 10 keys"
    for key in keys:
        name = key.findtext("Name") or ""
        columns = [c.text or "" for c in key.iterfind("EntityKeyAttributes/AttributeName")]
        if (key.findtext("LogicalName") or "") != name.lower():
            yield f"the key {table}.{name} and its logical name differ"
        if missing := [c for c in columns if c not in attributes]:
            yield f"the key {table}.{name} names {', '.join(missing)}, which is not there"
            continue
        if wrong := [c for c in columns if attributes[c].findtext("Type") not in _KEY_TYPES]:
            yield f"the key {table}.{name} has columns of a type keys do not take: {', '.join(wrong)}"
        characters = sum(int(attributes[c].findtext("MaxLength") or "0") for c in columns)
        if characters > _KEY_CHARACTERS:
            yield f"the key {table}.{name} has {characters} characters; at most {_KEY_CHARACTERS} fit an index"


def _check_relationships(customizations: Element, prefix: str) -> Iterator[str]:
    lookups = {
        ((e.findtext("Name") or "").lower(), a.findtext("LogicalName") or "")
        for e in customizations.iterfind("Entities/Entity")
        for a in e.iterfind("EntityInfo/entity/attributes/attribute")
        if a.findtext("Type") == "lookup"
    }
    ours = {(e.findtext("Name") or "").lower() for e in customizations.iterfind("Entities/Entity")}
    relations = list(customizations.iterfind("EntityRelationships/EntityRelationship"))
    yield from (f"the relationship {name} is there twice" for name in _twice(_lower(r.get("Name")) for r in relations))
    served: set[tuple[str, str]] = set()
    navigation: list[tuple[str, str]] = []
    for relation in relations:
        name = relation.get("Name", "")
        child = _lower(relation.findtext("ReferencingEntityName"))
        parent = _lower(relation.findtext("ReferencedEntityName"))
        column = _lower(relation.findtext("ReferencingAttributeName"))
        if not name.startswith(f"{prefix}_") or len(name) > 100:
            yield f"the relationship {name} lacks the prefix {prefix}_ or is longer than 100"
        if (child, column) not in lookups:
            yield f"the relationship {name} names {child}.{column}, which is no lookup here"
        if parent.startswith(f"{prefix}_") and parent not in ours:
            yield f"the relationship {name} points at {parent}, which is not there"
        if relation.findtext("CascadeDelete") not in _CASCADES:
            yield f"the relationship {name} does not say what a delete does"
        served.add((child, column))
        roles = {r.findtext("RelationshipRoleType"): r for r in relation.iter("EntityRelationshipRole")}
        if set(roles) != {"0", "1"}:
            yield f"the relationship {name} does not have its two roles"
            continue
        navigation.append((child, roles["1"].findtext("NavigationPropertyName") or ""))
    yield from (f"the lookup {table}.{column} has no relationship" for table, column in sorted(lookups - served))
    yield from (f"the navigation property {table}.{nav} is there twice" for table, nav in _twice(navigation))


def _lower(text: str | None) -> str:
    return (text or "").lower()


def _twice(items: Iterable[T]) -> list[T]:
    return [item for item, count in Counter(items).items() if count > 1]
