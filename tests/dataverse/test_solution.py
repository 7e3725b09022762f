"""The solution zip: the same octets each time, valid by Microsoft's schema, and by the rules that schema leaves out."""

import io
import os
import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import fromstring

import pytest

from dataverse.solution import build_solution
from dataverse.solution_check import check_solution
from mapping.catalog import build_schema, load_catalog
from mapping.model import ClinicMap, ObjectMap, Route
from mapping.schema import Schema, SchemaTable
from tests.dataverse.samples import ANNOTATION, CONTACT, SCHEMA, VISIT, column

SHARED = Path(os.environ.get("CARRYOVER_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data")) / "dataverse"


def members(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def changed(content: bytes, name: str, edit: Callable[[str], str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for member, octets in members(content).items():
            archive.writestr(member, edit(octets.decode()) if member == name else octets.decode())
    return out.getvalue()


@cache
def xml_schema() -> Any:
    folder = SHARED / "solution-xsd"
    if not folder.is_dir():
        pytest.skip(f"no solution schema under {folder}; set CARRYOVER_SHARED_DATA")
    import xmlschema

    return xmlschema.XMLSchema(str(folder / "CustomizationsSolution.xsd"))


def test_the_same_schema_makes_the_same_octets() -> None:
    assert build_solution(SCHEMA) == build_solution(SCHEMA)
    assert build_solution(SCHEMA) != build_solution(SCHEMA, version="1.0.0.1")
    with zipfile.ZipFile(io.BytesIO(build_solution(SCHEMA))) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_it_has_the_three_members() -> None:
    assert list(members(build_solution(SCHEMA))) == ["[Content_Types].xml", "solution.xml", "customizations.xml"]


def test_it_satisfies_microsofts_schema() -> None:
    errors = list(xml_schema().iter_errors(members(build_solution(SCHEMA))["customizations.xml"].decode()))
    assert [f"{e.path}: {e.reason}" for e in errors] == []


def test_everything_the_catalog_knows_can_be_brought() -> None:
    tables = [name for name in load_catalog().tables if name != "systemuser"]
    # An object that no lookup points at: else its lookups would point at all of these tables.
    routes = [Route(table=name, fields=[]) for name in tables]
    schema = build_schema(ClinicMap(system="s", profile="p", objects={"document": ObjectMap(routes=routes)}))
    content = build_solution(schema)
    assert check_solution(content) == []
    assert list(xml_schema().iter_errors(members(content)["customizations.xml"].decode())) == []


def test_the_schema_is_worth_asking() -> None:
    text = members(build_solution(SCHEMA))["customizations.xml"].decode()
    assert not xml_schema().is_valid(re.sub(r"<MaxLength>\d+<", "<MaxLength>many<", text))


def test_it_passes_its_own_checks() -> None:
    assert check_solution(build_solution(SCHEMA)) == []


@pytest.mark.parametrize("name", ["ColumnLevelSecuritySampleSolution.zip"])
def test_real_exports_pass_the_checks_that_concern_them(name: str) -> None:
    sample = SHARED / "solution-samples" / f"PowerApps-Samples-{name}"
    if not sample.is_file():
        pytest.skip(f"no solution samples under {SHARED}; set CARRYOVER_SHARED_DATA")
    # A whole export also carries the platform's own columns, which have no prefix, and their lookups.
    own = [p for p in check_solution(sample.read_bytes()) if "sample_example.sample_" in p or "sample_" not in p]
    assert [p for p in own if "lacks the prefix" not in p] == []


def test_tables_columns_and_relationships_are_as_the_schema_says() -> None:
    root = fromstring(members(build_solution(SCHEMA))["customizations.xml"])
    entities = {e.findtext("Name"): e for e in root.iterfind("Entities/Entity")}
    assert list(entities) == ["cms_Visit", "Contact", "Opportunity"]
    contact = entities["Contact"].find("EntityInfo/entity")
    assert contact is not None and contact.get("unmodified") == "1"
    assert [a.get("PhysicalName") for a in contact.iter("attribute")] == ["cms_SourceKey", "cms_SourceMRN"]
    assert [k.text for k in contact.iter("AttributeName")] == ["cms_sourcekey"]
    visit = entities["cms_Visit"].find("EntityInfo/entity")
    assert visit is not None
    assert visit.findtext("HasRelatedNotes") == "True" and visit.findtext("EntitySetName") == "cms_visits"
    kinds = {a.findtext("LogicalName"): a for a in visit.iter("attribute")}
    assert {name: a.findtext("Type") for name, a in kinds.items()} == {
        "cms_visitid": "primarykey",
        "cms_name": "nvarchar",
        "cms_sourcekey": "nvarchar",
        "cms_notes": "ntext",
        "cms_startedon": "datetime",
        "cms_visitdate": "datetime",
        "cms_minutes": "int",
        "cms_weight": "decimal",
        "cms_fee": "money",
        "cms_closed": "bit",
        "cms_kind": "picklist",
        "cms_topics": "multiselectpicklist",
        "cms_patient": "lookup",
        "cms_party": "lookup",
    }
    assert (kinds["cms_startedon"].findtext("Behavior"), kinds["cms_visitdate"].findtext("Behavior")) == ("1", "2")
    options = {o.get("value"): o.find("labels/label") for o in kinds["cms_kind"].iter("option")}
    assert {v: label.get("description") for v, label in options.items() if label is not None} == {
        "100000000": "First <visit>",
        "100000001": "Follow-up & more",
    }
    relations = {
        (r.findtext("ReferencingAttributeName"), r.findtext("ReferencedEntityName")): r
        for r in root.iterfind("EntityRelationships/EntityRelationship")
    }
    assert set(relations) == {("cms_Patient", "Contact"), ("cms_Party", "Contact"), ("cms_Party", "Account")}
    assert {r.findtext("CascadeDelete") for r in relations.values()} == {"Restrict"}
    roles = relations["cms_Party", "Account"].iter("EntityRelationshipRole")
    assert next(roles).findtext("NavigationPropertyName") == "cms_Party_account"


def test_the_manifest_lists_whole_tables_and_shells() -> None:
    root = fromstring(members(build_solution(SCHEMA, version="2.1.0.0"))["solution.xml"])
    assert root.findtext("SolutionManifest/Version") == "2.1.0.0"
    assert root.findtext("SolutionManifest/Publisher/CustomizationPrefix") == "cms"
    assert [(c.get("schemaName"), c.get("behavior")) for c in root.iter("RootComponent")] == [
        ("cms_visit", "0"),
        ("contact", "2"),
        ("opportunity", "2"),
    ]


@pytest.mark.parametrize(("version", "prefix"), [("1.0", "cms"), ("1.0.0.0", "CMS"), ("1.0.0.0", "mscrmx")])
def test_refuses_versions_and_prefixes_that_dataverse_refuses(version: str, prefix: str) -> None:
    with pytest.raises(ValueError, match=r"version|prefix"):
        build_solution(Schema(prefix, SCHEMA.tables), version=version)


def with_column(table: SchemaTable, **more: Any) -> Schema:
    extra = column(**more)
    return Schema("cms", {table.plain: replace(table, columns={**table.columns, extra.plain: extra})})


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        (with_column(VISIT, plain="Long", kind="text", max_length=4001), "length of 4001"),
        (with_column(VISIT, plain="VisitId", kind="text"), "name of the table's primary key"),
        (with_column(VISIT, plain="Mood", kind="choice", options={"A": 1}), "outside 100000000"),
        (with_column(VISIT, plain="Mood", kind="choice", options={"A": 10**8, "B": 10**8}), "100000000 twice"),
        (with_column(VISIT, plain="Mood", kind="choice", options={"A": 10**8, "a": 10**8 + 1}), "same label"),
        (with_column(VISIT, plain="Place", kind="lookup"), "has no relationship"),
        (with_column(VISIT, plain="Place", kind="lookup", nav={"contact": "cms_Patient"}), "navigation property"),
        (with_column(VISIT, plain="Depth", kind="decimal", precision=11), "precision"),
        (with_column(CONTACT, plain="SourceKey", kind="text", max_length=451), "451 characters"),
        (with_column(CONTACT, plain="Foreign", kind="text", prefix="abc"), "lacks the prefix"),
    ],
)
def test_a_fault_in_the_schema_is_found(schema: Schema, problem: str) -> None:
    assert any(problem in found for found in check_solution(build_solution(schema)))


@pytest.mark.parametrize(
    ("member", "old", "new", "problem"),
    [
        ("customizations.xml", "<RequiredLevel>none<", "<RequiredLevel>optional<", "requirement level"),
        (
            "customizations.xml",
            "<ReferencingAttributeName>cms_Patient<",
            "<ReferencingAttributeName>cms_X<",
            "no lookup",
        ),
        ("customizations.xml", "<CascadeDelete>Restrict<", "<CascadeDelete>Never<", "what a delete does"),
        ("customizations.xml", "<AttributeName>cms_sourcekey<", "<AttributeName>cms_other<", "which is not there"),
        ("customizations.xml", "PrimaryName|", "", "0 primary names"),
        ("customizations.xml", "optionset", "set", "has no options"),
        ("solution.xml", 'schemaName="contact"', 'schemaName="account"', "the table contact is no root component"),
        ("solution.xml", "<Version>1.0.0.0<", "<Version>1<", "four numbers"),
        ("solution.xml", "ValuePrefix>10000<", "ValuePrefix>9999<", "option prefix"),
        ("solution.xml", "<SolutionManifest>", "<SolutionManifest", "not a readable solution"),
    ],
)
def test_a_fault_in_the_files_is_found(member: str, old: str, new: str, problem: str) -> None:
    content = changed(build_solution(SCHEMA), member, lambda text: text.replace(old, new))
    assert any(problem in found for found in check_solution(content))


def test_a_choice_that_the_source_never_fills_has_one_option() -> None:
    content = build_solution(with_column(VISIT, plain="Mood", kind="choice"))
    assert check_solution(content) == []
    assert members(content)["customizations.xml"].count(b'value="100009999"') == 1


def test_a_zip_without_its_members_is_found() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("solution.xml", "<a/>")
    assert check_solution(out.getvalue()) == ["the zip lacks [Content_Types].xml", "the zip lacks customizations.xml"]
    assert check_solution(b"no zip") == ["not a readable solution: BadZipFile"]


def test_a_schema_that_needs_nothing_brings_nothing() -> None:
    root = fromstring(members(build_solution(Schema("cms", {"annotation": ANNOTATION})))["customizations.xml"])
    assert list(root.iterfind("Entities/Entity")) == []
