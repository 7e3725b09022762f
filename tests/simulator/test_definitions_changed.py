"""Metadata that is changed and taken away, asked for in one go, and files in columns."""

from typing import Any

import httpx
import orjson
import pytest

from tests.simulator.conftest import Dataverse, code, configure

VISIT = "EntityDefinitions(LogicalName='cms_visit')"
LABEL = {"LocalizedLabels": [{"Label": "x", "LanguageCode": 1033}]}


async def identity(dv: Dataverse, path: str) -> str:
    found: str = (await dv.row(path))["MetadataId"]
    return found


async def test_what_is_needed_or_the_systems_stays(dv: Dataverse) -> None:
    await dv.ready()
    key = await identity(dv, f"{VISIT}/Attributes(LogicalName='cms_sourcekey')")
    name = await identity(dv, f"{VISIT}/Attributes(LogicalName='cms_name')")
    for column in (key, name):
        assert code(await dv.api.delete(f"{VISIT}/Attributes({column})")) == (400, "0x8004f01f")
    surname = await identity(dv, "EntityDefinitions(LogicalName='contact')/Attributes(LogicalName='lastname')")
    path = f"EntityDefinitions(LogicalName='contact')/Attributes({surname})"
    assert code(await dv.api.delete(path)) == (400, "0x80047013")
    assert code(await dv.api.delete("EntityDefinitions(LogicalName='contact')")) == (400, "0x80047013")
    child = {"SchemaName": "cms_Child", "DisplayName": LABEL, "Attributes": [
        {"@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata", "SchemaName": "cms_ChildName", "MaxLength": 9,
         "IsPrimaryName": True}]}  # fmt: skip
    assert (await dv.api.post("EntityDefinitions", json=child)).status_code == 204
    relationship = {"SchemaName": "cms_visit_child", "ReferencedEntity": "cms_visit", "ReferencingEntity": "cms_child",
                    "Lookup": {"SchemaName": "cms_VisitId"}}  # fmt: skip
    made = await dv.api.post("RelationshipDefinitions", json=relationship)
    assert code(await dv.api.delete(VISIT)) == (400, "0x8004f01f")
    assert (await dv.api.delete(made.headers["OData-EntityId"])).status_code == 204
    assert (await dv.api.delete(VISIT)).status_code == 204


async def test_a_table_takes_its_rows_and_notes_along(dv: Dataverse) -> None:
    await dv.ready()
    visit = await dv.create("cms_visits", cms_name="v")
    await dv.create("annotations", subject="s", **{"objectid_cms_visit@odata.bind": f"/cms_visits({visit})"})
    kept = await dv.create("annotations", subject="kept")
    assert (await dv.api.delete(VISIT)).status_code == 204
    assert (await dv.api.get("cms_visits")).status_code == 404
    assert [row["annotationid"] for row in (await dv.row("annotations"))["value"]] == [kept]
    bind = {"objectid_cms_visit@odata.bind": f"/cms_visits({visit})"}
    assert code(await dv.api.post("annotations", json=bind)) == (400, "0x80048d19")
    await dv.ready()
    assert (await dv.row("cms_visits"))["value"] == []


async def test_limits_of_a_column_are_kept_in_a_change(dv: Dataverse) -> None:
    await dv.ready()
    path = f"{VISIT}/Attributes(LogicalName='cms_name')"
    full = await dv.row(f"{path}/Microsoft.Dynamics.CRM.StringAttributeMetadata")
    assert (await dv.api.put(path, json={**full, "MaxLength": 200})).status_code == 204
    await dv.create("cms_visits", cms_name="x" * 200)
    assert code(await dv.api.put(path, json={**full, "MaxLength": 4001})) == (400, "0x80048403")
    await configure(dv, {"import_running": {"times": 1}})
    assert code(await dv.api.put(path, json=full)) == (429, "0x80071151")


async def test_metadata_in_one_answer(dv: Dataverse) -> None:
    await dv.ready()

    def equals(name: str, value: str) -> dict[str, Any]:
        condition = {"PropertyName": name, "ConditionOperator": "Equals", "Value": {"Value": value}}
        return {"Conditions": [condition]}

    query = {
        "Criteria": equals("LogicalName", "cms_visit"),
        "Properties": {"PropertyNames": ["SchemaName", "Attributes"]},
        "AttributeQuery": {"Criteria": equals("AttributeType", "Integer"),
                           "Properties": {"PropertyNames": ["LogicalName", "MaxValue"]}},
    }  # fmt: skip
    answer = await dv.row("RetrieveMetadataChanges(Query=@p1)", **{"@p1": orjson.dumps(query).decode()})
    (table,) = answer["EntityMetadata"]
    assert table["SchemaName"] == "cms_Visit"
    assert "LogicalName" not in table
    minutes = next(column for column in table["Attributes"] if column["LogicalName"] == "cms_minutes")
    assert (minutes["MaxValue"], minutes["@odata.type"]) == (1440, "#Microsoft.Dynamics.CRM.IntegerAttributeMetadata")


async def put_file(dv: Dataverse, path: str, data: bytes, **headers: str) -> httpx.Response:
    return await dv.api.patch(path, content=data, headers={"x-ms-file-name": "a.pdf", **headers})


@pytest.fixture
async def column(dv: Dataverse) -> str:
    """A file column that takes one kilobyte; the path of one account's."""
    file = {"@odata.type": "Microsoft.Dynamics.CRM.FileAttributeMetadata", "SchemaName": "cms_Scan", "DisplayName": LABEL,
            "MaxSizeInKB": 1}  # fmt: skip
    assert (await dv.api.post("EntityDefinitions(LogicalName='account')/Attributes", json=file)).status_code == 204
    return f"accounts({await dv.create('accounts', name='A')})/cms_scan"


async def test_a_file_in_a_column(dv: Dataverse, column: str) -> None:
    assert (await put_file(dv, column, b"content")).status_code == 204
    row = await dv.row(column.partition("/")[0], **{"$select": "cms_scan,cms_scan_name"})
    assert row["cms_scan_name"] == "a.pdf"
    got = await dv.api.get(f"{column}/$value")
    assert (got.content, got.headers["x-ms-file-name"], got.headers["x-ms-file-size"]) == (b"content", "a.pdf", "7")
    assert code(await put_file(dv, column, b"x" * 1025)) == (400, "0x80044a02")
    assert code(await put_file(dv, column, b"x", **{"x-ms-file-name": "a.exe"})) == (400, "0x80043e09")
    assert (await dv.api.delete(column)).status_code == 204
    assert (await dv.api.get(f"{column}/$value")).status_code == 204


async def test_chunks_must_follow_each_other(dv: Dataverse, column: str) -> None:
    begun = await put_file(dv, column, b"", **{"x-ms-transfer-mode": "chunked"})
    place = begun.headers["Location"]
    assert int(begun.headers["x-ms-chunk-size"]) == 4 * 1024 * 1024
    first = await put_file(dv, place, b"abc", **{"Content-Range": "bytes 0-2/5"})
    assert first.status_code == 206
    assert (await put_file(dv, place, b"e", **{"Content-Range": "bytes 4-4/5"})).status_code == 416
    assert (await put_file(dv, place, b"de", **{"Content-Range": "bytes 3-4/5"})).status_code == 204
    assert (await dv.api.get(f"{column}/$value")).content == b"abcde"
    assert code(await put_file(dv, place, b"de", **{"Content-Range": "bytes 3-4/5"})) == (400, "0x80040203")
