"""Solution import: what it makes, what it refuses, and how it is waited for."""

import base64
import os
import uuid
import zipfile
from pathlib import Path

import httpx
import pytest

from tests.simulator import packages
from tests.simulator.conftest import Dataverse, code

SAMPLES = Path(os.environ.get("CARRYOVER_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data")) / "dataverse"


def parameters(package: bytes) -> dict[str, object]:
    return {
        "OverwriteUnmanagedCustomizations": True,
        "PublishWorkflows": True,
        "CustomizationFile": base64.b64encode(package).decode(),
        "ImportJobId": str(uuid.uuid4()),
    }


async def refused(dv: Dataverse, package: bytes) -> str:
    response = await dv.api.post("ImportSolution", json=parameters(package))
    assert response.status_code == 400
    message: str = response.json()["error"]["message"]
    return message


async def test_the_import_makes_the_solution_row(dv: Dataverse) -> None:
    await dv.install(packages.visits())
    (row,) = (await dv.row("solutions", **{"$expand": "publisherid($select=customizationprefix)"}))["value"]
    assert (row["uniquename"], row["version"], row["ismanaged"]) == ("clinic", "1.0.0.0", False)
    assert row["publisherid"]["customizationprefix"] == "cms"
    assert (await dv.api.post("PublishAllXml")).status_code == 204
    assert (await dv.api.post("PublishXml", json={"ParameterXml": "<importexportxml/>"})).status_code == 204


async def test_a_newer_version_adds_columns_and_options_and_keeps_rows(dv: Dataverse) -> None:
    await dv.ready()
    visit = await dv.create("cms_visits", cms_name="v", cms_kind=100000001)
    assert code(await dv.api.patch(f"cms_visits({visit})", json={"cms_kind": 100000002})) == (400, "0x8004431a")
    options = {100000000: "First", 100000002: "Review"}
    await dv.install(packages.visits(version="1.1.0.0", more=packages.text("cms_Room"), options=options))
    row = await dv.row(f"cms_visits({visit})")
    assert (row["cms_kind"], row["cms_room"]) == (100000001, None)
    body = {"cms_kind": 100000002, "cms_room": "2"}
    assert (await dv.api.patch(f"cms_visits({visit})", json=body)).status_code == 204
    assert [s["version"] for s in (await dv.row("solutions"))["value"]] == ["1.1.0.0"]
    assert [k.name for k in dv.environment.catalog.tables["cms_visit"].keys] == ["cms_visitkey"]


async def test_an_asynchronous_import_is_polled(dv: Dataverse) -> None:
    started = (await dv.api.post("ImportSolutionAsync", json=parameters(packages.visits()))).json()
    path = f"asyncoperations({started['AsyncOperationId']})"
    assert (await dv.api.get("cms_visits")).status_code == 404
    assert (await dv.row(path, **{"$select": "statecode,statuscode"}))["statecode"] == 2
    busy = await dv.api.post("ImportSolution", json=parameters(packages.visits()))
    assert code(busy) == (429, "0x80071151")
    done = await dv.row(path, **{"$select": "statecode,statuscode"})
    assert (done["statecode"], done["statuscode"]) == (3, 30)
    assert (await dv.row("cms_visits"))["value"] == []
    assert (await dv.row(f"importjobs({started['ImportJobKey']})"))["progress"] == 100


async def test_a_failed_asynchronous_import_says_why(dv: Dataverse) -> None:
    bad = packages.package(packages.entity("cms_Bad", packages.text("cms_Name")))
    started = (await dv.api.post("ImportSolutionAsync", json=parameters(bad))).json()
    path = f"asyncoperations({started['AsyncOperationId']})"
    await dv.row(path)
    done = await dv.row(path)
    assert (done["statecode"], done["statuscode"]) == (3, 31)
    assert "primary name" in done["message"]
    results = await dv.row(f"RetrieveFormattedImportJobResults(ImportJobId={started['ImportJobKey']})")
    assert 'result="failure"' in results["FormattedResults"]
    assert (await dv.api.get("cms_bads")).status_code == 404


PRIMARY = packages.text("cms_Name", primary=True)


@pytest.mark.parametrize(
    ("package", "word"),
    [
        (b"no zip", "not a zip"),
        (packages.package(packages.entity("oth_Bad", PRIMARY)), "prefix"),
        (packages.package(packages.entity("cms_Bad", PRIMARY + packages.text("cms_Long", 4001))), "maximum length"),
        (packages.package(packages.entity("cms_Bad", PRIMARY + packages.choice("cms_C", {}))), "no options"),
        (packages.package(packages.entity("cms_Bad", PRIMARY + packages.lookup("cms_L"))), "EntityRelationships"),
        (packages.package(packages.entity("Contact", packages.text("plain"))), "prefix"),
        (
            packages.package(packages.entity("Contact", packages.attribute("cms_X", "int", level="must"))),
            "RequiredLevel",
        ),
        (packages.package(packages.entity("Contact", packages.attribute("cms_X", "colour"))), "unknown type"),
        (packages.package(packages.entity("Contact", "", keys=packages.key("cms_K", "cms_none"))), "cms_none"),
        (
            packages.package(
                packages.entity("Contact", packages.text("cms_X", 451), keys=packages.key("cms_K", "cms_x"))
            ),
            "bytes wide",
        ),
        (packages.package("", packages.relationship("cms_r", "Contact", "Account", "cms_None")), "no lookup"),
        (packages.package("", packages.relationship("cms_r", "cms_None", "Account", "cms_L")), "does not exist"),
        (packages.package("", version="one"), "version"),
    ],
)
async def test_packages_that_are_refused_change_nothing(dv: Dataverse, package: bytes, word: str) -> None:
    before = set(dv.environment.catalog.tables["contact"].columns)
    assert word in await refused(dv, package)
    assert set(dv.environment.catalog.tables) == {t for t in dv.environment.catalog.tables if not t.startswith("cms_")}
    assert set(dv.environment.catalog.tables["contact"].columns) == before
    assert (await dv.row("solutions"))["value"] == []


async def test_a_column_keeps_its_type(dv: Dataverse) -> None:
    await dv.ready()
    other = packages.package(packages.entity("Contact", packages.attribute("cms_SourceMRN", "int")))
    assert "of type String" in await refused(dv, other)


async def test_a_lookup_to_two_tables_and_a_global_choice(dv: Dataverse) -> None:
    attributes = PRIMARY + packages.lookup("cms_PartyId")
    attributes += packages.attribute("cms_Channel", "picklist", "<OptionSetName>cms_channel</OptionSetName>")
    optionset = (
        '<optionset Name="cms_channel" localizedName="Channel"><options><option value="100000000"><labels>'
        '<label description="Phone" languagecode="1033"/></labels></option></options></optionset>'
    )
    relationships = packages.relationship("cms_r1", "cms_Deal", "Contact", "cms_PartyId").replace(
        "<NavigationPropertyName>cms_PartyId", "<NavigationPropertyName>cms_PartyId_contact"
    ) + packages.relationship("cms_r2", "cms_Deal", "Account", "cms_PartyId").replace(
        "<NavigationPropertyName>cms_PartyId", "<NavigationPropertyName>cms_PartyId_account"
    )
    await dv.install(
        packages.package(packages.entity("cms_Deal", attributes, set_name="cms_deals"), relationships, optionset)
    )
    account = await dv.create("accounts", name="North")
    bind = {"cms_PartyId_account@odata.bind": f"/accounts({account})"}
    deal = await dv.create("cms_deals", cms_name="d", cms_channel=100000000, **bind)
    assert (await dv.row(f"cms_deals({deal})"))["_cms_partyid_value"] == account
    assert (await dv.row("GlobalOptionSetDefinitions(Name='cms_channel')"))["Options"][0]["Value"] == 100000000


@pytest.mark.skipif(not SAMPLES.exists(), reason=f"no data sets at {SAMPLES}")
@pytest.mark.parametrize("name", ["ColumnLevelSecuritySampleSolution", "polymorphiclookupexamplesolution_managed"])
async def test_real_exports_import(dv: Dataverse, name: str) -> None:
    path = SAMPLES / "solution-samples" / f"PowerApps-Samples-{name}.zip"
    await dv.install(path.read_bytes())
    custom = [t for t in dv.environment.catalog.tables.values() if t.custom]
    assert custom
    for table in custom:
        assert (await dv.row(table.set_name))["value"] == []


@pytest.mark.skipif(not SAMPLES.exists(), reason=f"no data sets at {SAMPLES}")
async def test_the_smallest_valid_customizations_import(dv: Dataverse, tmp_path: Path) -> None:
    target = tmp_path / "solution.zip"
    with zipfile.ZipFile(target, "w") as archive:
        with zipfile.ZipFile(
            SAMPLES / "solution-samples/PowerApps-Samples-ColumnLevelSecuritySampleSolution.zip"
        ) as real:
            archive.writestr("solution.xml", real.read("solution.xml").replace(b">sample<", b">abc<"))
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.write(SAMPLES / "solution-samples/minimal-customizations-example.xml", "customizations.xml")
    response: httpx.Response = await dv.api.post("ImportSolution", json=parameters(target.read_bytes()))
    assert response.status_code == 204, response.text
    contact = await dv.create("contacts", lastname="Lee")
    await dv.create("abc_visits", abc_name="v", **{"abc_ContactId@odata.bind": f"/contacts({contact})"})
