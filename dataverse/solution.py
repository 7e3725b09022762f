"""The solution zip that brings the target what the map needs.

Three members (``[Content_Types].xml``, ``solution.xml``, ``customizations.xml``), unmanaged, byte for byte the same for
the same schema and version, so that its hash says what was prepared.
"""

import io
import re
import zipfile
from typing import Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from dataverse.solution_xml import LANGUAGE, OPTION_PREFIX, custom_columns, entity, relationships
from mapping.schema import Schema, SchemaTable

UNIQUE_NAME: Final = "CarryoverTarget"
CUSTOMIZATIONS: Final = "customizations.xml"
MANIFEST: Final = "solution.xml"
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
_CONTENT_TYPES: Final = (
    b'<?xml version="1.0" encoding="utf-8"?>'
    b'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    b'<Default Extension="xml" ContentType="application/octet-stream" /></Types>'
)
_ADDRESS: Final = (
    "City", "County", "Country", "Fax", "FreightTermsCode", "ImportSequenceNumber", "Latitude", "Line1", "Line2",
    "Line3", "Longitude", "Name", "PostalCode", "PostOfficeBox", "PrimaryContactName", "ShippingMethodCode",
    "StateOrProvince", "Telephone1", "Telephone2", "Telephone3", "TimeZoneRuleVersionNumber", "UPSZone", "UTCOffset",
    "UTCConversionTimeZoneCode",
)  # fmt: skip


def build_solution(schema: Schema, *, version: str = "1.0.0.0", publisher_name: str = "Carryover") -> bytes:
    """The zip for a schema. ``version`` is four numbers; raise it when the schema grows, an import updates in place.

    ValueError when the version or the schema's prefix is not one Dataverse takes.
    """
    if not re.fullmatch(r"\d+(\.\d+){3}", version):
        raise ValueError("a solution version has four numbers, like 1.0.0.0")
    if not re.fullmatch(r"(?!mscrm)[a-z][a-z0-9]{1,7}", schema.prefix):
        raise ValueError("a publisher prefix has 2 to 8 letters and digits, begins with a letter and is not mscrm…")
    members = {
        "[Content_Types].xml": _CONTENT_TYPES,
        MANIFEST: _write(_manifest(schema, version, publisher_name)),
        CUSTOMIZATIONS: _write(_customizations(schema, version)),
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 0
            archive.writestr(entry, content)
    return out.getvalue()


def brought_tables(schema: Schema) -> list[SchemaTable]:
    """The tables the solution touches: custom ones, and standard ones that get columns; ordered by logical name."""
    return sorted((t for t in schema.tables.values() if t.custom or custom_columns(t)), key=lambda t: t.logical)


def _customizations(schema: Schema, version: str) -> Element:
    root = Element("ImportExportXml", {"xmlns:xsi": _XSI})
    entities = SubElement(root, "Entities")
    entities.extend(entity(table, version) for table in brought_tables(schema))
    for empty in ("Roles", "Workflows", "FieldSecurityProfiles", "Templates", "EntityMaps"):
        SubElement(root, empty)
    SubElement(root, "EntityRelationships").extend(relationships(schema, version))
    for empty in ("OrganizationSettings", "optionsets", "CustomControls", "EntityDataProviders"):
        SubElement(root, empty)
    SubElement(SubElement(root, "Languages"), "Language").text = LANGUAGE
    return root


def _manifest(schema: Schema, version: str, publisher_name: str) -> Element:
    root = Element(
        "ImportExportXml",
        {
            "version": "9.2.0.0",
            "SolutionPackageVersion": "9.2",
            "languagecode": LANGUAGE,
            "generatedBy": "CrmLive",
            "xmlns:xsi": _XSI,
        },
    )
    manifest = SubElement(root, "SolutionManifest")
    SubElement(manifest, "UniqueName").text = UNIQUE_NAME
    _localized(manifest, "Carryover target")
    SubElement(manifest, "Descriptions")
    SubElement(manifest, "Version").text = version
    SubElement(manifest, "Managed").text = "0"
    publisher = SubElement(manifest, "Publisher")
    SubElement(publisher, "UniqueName").text = f"{re.sub(r'[^a-z0-9]', '', publisher_name.lower())}{schema.prefix}"
    _localized(publisher, publisher_name)
    SubElement(publisher, "Descriptions")
    SubElement(publisher, "EMailAddress", {"xsi:nil": "true"})
    SubElement(publisher, "SupportingWebsiteUrl", {"xsi:nil": "true"})
    SubElement(publisher, "CustomizationPrefix").text = schema.prefix
    SubElement(publisher, "CustomizationOptionValuePrefix").text = str(OPTION_PREFIX)
    addresses = SubElement(publisher, "Addresses")
    for number in ("1", "2"):
        address = SubElement(addresses, "Address")
        SubElement(address, "AddressNumber").text = number
        SubElement(address, "AddressTypeCode").text = "1"
        for name in _ADDRESS:
            if name == "ShippingMethodCode":
                SubElement(address, name).text = "1"
            else:
                SubElement(address, name, {"xsi:nil": "true"})
    components = SubElement(manifest, "RootComponents")
    for table in brought_tables(schema):
        # 0: the table with all that belongs to it; 2: a shell, only the columns named in customizations.xml.
        behavior = "0" if table.custom else "2"
        SubElement(components, "RootComponent", type="1", schemaName=table.logical, behavior=behavior)
    SubElement(manifest, "MissingDependencies")
    return root


def _localized(parent: Element, text: str) -> None:
    SubElement(SubElement(parent, "LocalizedNames"), "LocalizedName", description=text, languagecode=LANGUAGE)


def _write(root: Element) -> bytes:
    indent(root)
    text: str = tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'.encode()
