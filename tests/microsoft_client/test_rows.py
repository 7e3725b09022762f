"""Rows: one by one, in bulk, upserts by key."""

import uuid

import pytest

pytest.importorskip("PowerPlatform.Dataverse.client", reason="PowerPlatform-Dataverse-Client is not installed")

from PowerPlatform.Dataverse.client import DataverseClient
from PowerPlatform.Dataverse.core.errors import HttpError, MetadataError

from tests.microsoft_client.conftest import Simulator


def last_names(client: DataverseClient) -> list[str]:
    return sorted(row["lastname"] for row in client.records.list("contact", select=["lastname"]))


def test_a_row_is_created_read_changed_and_deleted(client: DataverseClient) -> None:
    identity = client.records.create("contact", {"FirstName": "Ann", "lastname": "Lee", "gendercode": 2})
    assert uuid.UUID(identity)
    row = client.records.retrieve("contact", identity, select=["fullname", "gendercode"])
    assert row is not None
    assert (row["fullname"], row["gendercode"], row.id) == ("Ann Lee", 2, identity)
    assert row.etag is not None
    assert row.etag.startswith("W/")
    client.records.update("contact", identity, {"lastname": "Moe"})
    assert last_names(client) == ["Moe"]
    client.records.delete("contact", identity)
    assert client.records.retrieve("contact", identity) is None


def test_labels_of_choices_become_numbers(client: DataverseClient) -> None:
    identity = client.records.create("contact", {"lastname": "Lee", "gendercode": "female"})
    row = client.records.retrieve(
        "contact", identity, select=["gendercode"], include_annotations="OData.Community.Display.V1.FormattedValue"
    )
    assert row is not None
    assert row["gendercode"] == 2
    assert row["gendercode@OData.Community.Display.V1.FormattedValue"] == "Female"


def test_lookups_are_bound_and_expanded(client: DataverseClient) -> None:
    account = client.records.create("account", {"name": "Clinic"})
    bind = {"parentcustomerid_account@odata.bind": f"/accounts({account})"}
    contact = client.records.create("contact", {"lastname": "Lee", **bind})
    row = client.records.retrieve("contact", contact, select=["lastname"], expand=["parentcustomerid_account"])
    assert row is not None
    assert row["parentcustomerid_account"]["name"] == "Clinic"


def test_rows_in_bulk(client: DataverseClient) -> None:
    ids = client.records.create("contact", [{"lastname": f"L{number}"} for number in range(5)])
    assert len(set(ids)) == 5
    client.records.update("contact", ids, {"jobtitle": "Nurse"})
    client.records.update("contact", ids[:2], [{"lastname": "A"}, {"lastname": "B"}])
    rows = client.records.list("contact", select=["lastname", "jobtitle"], orderby=["lastname"])
    assert [(row["lastname"], row["jobtitle"]) for row in rows][:3] == [("A", "Nurse"), ("B", "Nurse"), ("L2", "Nurse")]


def test_many_deletes_are_a_job(client: DataverseClient) -> None:
    ids = client.records.create("contact", [{"lastname": f"L{number}"} for number in range(4)])
    job = client.records.delete("contact", ids[:3])
    assert job is not None
    states = [client.records.retrieve("asyncoperation", job, select=["statecode", "statuscode"]) for _ in range(2)]
    assert [row["statecode"] for row in states if row is not None] == [2, 3]
    assert last_names(client) == ["L3"]
    client.records.delete("contact", ids[3:], use_bulk_delete=False)
    assert last_names(client) == []


def test_upserts_by_key(client: DataverseClient) -> None:
    client.tables.create("new_Visit", {"new_Code": "string", "new_Minutes": "int"})
    client.tables.create_alternate_key("new_Visit", "new_CodeKey", ["new_code"])
    client.tables.get_alternate_keys("new_Visit")
    item = {"alternate_key": {"new_code": "it's"}, "record": {"new_minutes": 5}}
    client.records.upsert("new_Visit", [item])
    client.records.upsert("new_Visit", [item | {"record": {"new_minutes": 6}}])
    for minutes in (0, 9):
        client.records.upsert(
            "new_Visit",
            [{"alternate_key": {"new_code": f"c{n}"}, "record": {"new_minutes": n + minutes}} for n in range(3)],
        )
    rows = client.records.list("new_Visit", select=["new_code", "new_minutes"], orderby=["new_code"])
    found = {row["new_code"]: row["new_minutes"] for row in rows}
    assert found == {"c0": 9, "c1": 10, "c2": 11, "it's": 6}


def test_a_refusal_is_understood(client: DataverseClient) -> None:
    with pytest.raises(HttpError) as unknown:
        client.records.create("contact", {"nosuchcolumn": 1})
    assert (unknown.value.status_code, unknown.value.details["service_error_code"]) == (400, "0x80048d19")
    assert "nosuchcolumn" in str(unknown.value)
    with pytest.raises(HttpError) as missing:
        client.records.update("contact", str(uuid.uuid4()), {"lastname": "Lee"})
    assert (missing.value.status_code, missing.value.details["service_error_code"]) == (404, "0x80040217")
    with pytest.raises(MetadataError):
        client.records.create("contacts", {"lastname": "Lee"})


def test_throttling_reaches_the_caller(client: DataverseClient, simulator: Simulator) -> None:
    client.records.create("contact", {"lastname": "Lee"})
    simulator.faults({"limits": {"requests": 1}})
    client.records.create("contact", {"lastname": "Moe"})
    with pytest.raises(HttpError) as throttled:
        client.records.create("contact", {"lastname": "Noe"})
    assert throttled.value.status_code == 429
    assert throttled.value.is_transient
    assert throttled.value.details["service_error_code"] == "0x80072322"
    assert 0 < throttled.value.details["retry_after"] <= 300


def test_the_client_goes_on_after_a_cut_connection(client: DataverseClient, simulator: Simulator) -> None:
    """It sends the request again, whatever became of the first: here that makes two rows of one."""
    client.records.list("contact", select=["lastname"], top=1)
    simulator.faults([{"match": {"method": "POST", "path_regex": "contacts"}, "reset": "after"}])
    client.records.create("contact", {"lastname": "Lee"})
    assert last_names(client) == ["Lee", "Lee"]
