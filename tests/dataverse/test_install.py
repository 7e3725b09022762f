"""Imports that must wait, fail or lose their answer; and questions whose answers come in pages."""

import re
from typing import Any

import httpx
import pytest

from dataverse.dependents import Relation, find_dependents
from dataverse.errors import Transient
from dataverse.install import ImportJob, InstallFailed, import_solution, import_state, publish, start_import
from dataverse.users import find_users, read_privileges
from mapping.schema import Schema
from tests.dataverse.fake import error, row_ids
from tests.dataverse.samples import VISIT
from tests.dataverse.test_client import Script

ONE, TWO = row_ids(2)
JOB = ImportJob(ONE, TWO)
BUSY = (429, "0x80071151", "Cannot start another [Import] because there is a previous [Import] running")


def document(**members: Any) -> httpx.Response:
    return httpx.Response(200, json=members)


def started() -> httpx.Response:
    return document(AsyncOperationId=ONE, ImportJobKey=TWO)


def keys(status: str) -> httpx.Response:
    return document(value=[{"LogicalName": "k", "KeyAttributes": ["cms_sourcekey"], "EntityKeyIndexStatus": status}])


SCHEMA = Schema("cms", {"Visit": VISIT})


async def test_import_publish_and_keys_in_a_row() -> None:
    script = Script(
        started(),
        document(statecode=2, statuscode=20),
        document(progress=40.5),
        document(statecode=3, statuscode=30),
        document(progress=100),
        httpx.Response(204),
        keys("Pending"),
        httpx.Response(404),
        keys("Active"),
        error(404, "0x8006088a", "Resource not found for the segment 'cms_visits'."),
        error(400, "0x80060888", "Could not find a property named 'cms_sourcekey'."),
        document(value=[]),
    )
    heard: list[tuple[str, int]] = []
    async with script.client() as client:
        await import_solution(client, b"zip", SCHEMA, lambda stage, percent: heard.append((stage, percent)))
    assert heard == [
        ("import", 40), ("import", 100), ("publish", 0), ("publish", 100), ("keys", 0), ("keys", 0), ("keys", 100),
    ]  # fmt: skip
    assert [one.headers.get("Consistency") for one in script.requests[-3:]] == ["Strong"] * 3


async def test_an_import_that_is_in_the_way_is_waited_for() -> None:
    script = Script(*[error(400, *BUSY[1:])] * 20, started())
    async with script.client() as client:
        assert await start_import(client, b"zip") == JOB
    assert len(script.requests) == 21


async def test_a_start_that_was_not_answered_is_repeated() -> None:
    script = Script(httpx.ReadTimeout("slow"), started())
    async with script.client() as client:
        assert await start_import(client, b"zip") == JOB


async def test_waiting_for_another_import_ends() -> None:
    script = Script(*[error(503, *BUSY[1:])] * 1000)
    async with script.client() as client:
        with pytest.raises(Transient):
            await publish(client)
    assert script.clock.time > 1800


async def test_a_failed_import_says_which_parts() -> None:
    data = (
        "<importexportxml><entities><entity id='x'><result result='failure' errorcode='0x80044363' "
        "errortext='The column cms_a is taken.'/></entity><entity><result result='success'/></entity></entities>"
        "</importexportxml>"
    )
    script = Script(document(statecode=3, statuscode=31), document(progress=10, data=data))
    async with script.client() as client:
        state = await import_state(client, JOB)
    assert (state.done, state.ok) == (True, False)
    assert state.message == "The column cms_a is taken. (0x80044363)"


async def test_a_key_that_cannot_be_built_is_told() -> None:
    script = Script(
        started(), document(statecode=3, statuscode=30), document(progress=100), httpx.Response(204), keys("Failed")
    )
    async with script.client() as client:
        with pytest.raises(InstallFailed, match="SourceKey"):
            await import_solution(client, b"zip", SCHEMA)


def batch_answer(*documents: bytes) -> httpx.Response:
    parts = [
        b"--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + d
        for d in documents
    ]
    return httpx.Response(
        200, content=b"\r\n".join([*parts, b"--b--", b""]), headers={"Content-Type": "multipart/mixed; boundary=b"}
    )


async def test_addresses_of_people_stay_out_of_the_url_and_are_quoted() -> None:
    script = Script(batch_answer(b'{"value":[]}', b'{"value":[]}'))
    emails = [f"user{n}@clinic.example" for n in range(20)] + ["o'hara@clinic.example"]
    async with script.client() as client:
        found = await find_users(client, emails)
    assert set(found) == set(emails) and not any(found.values())
    [request] = script.requests
    assert "clinic" not in str(request.url)
    assert b"'o''hara@clinic.example'" in request.content
    assert len(re.findall(rb"GET /api", request.content)) == 2


async def test_privileges_without_names_are_looked_up() -> None:
    held = document(RolePrivileges=[{"Depth": "Global", "PrivilegeId": ONE}, {"Depth": "Basic", "PrivilegeId": TWO}])
    names = document(
        value=[{"privilegeid": ONE, "name": "prvReadContact"}, {"privilegeid": TWO, "name": "prvWriteNote"}]
    )
    script = Script(held, names)
    async with script.client() as client:
        assert await read_privileges(client, ONE) == {"prvreadcontact": "Global", "prvwritenote": "Basic"}


async def test_children_on_later_pages_are_found() -> None:
    relation = Relation("annotation", "annotations", "annotationid", "objectid", "Cascade")
    row = (
        '{"annotationid":"%s","_objectid_value":"'
        + ONE
        + '","_modifiedby_value":null,"modifiedon":"2024-01-01T00:00:00Z"}'
    )
    link = "https://target.example/api/data/v9.2/annotations?$skiptoken=2"
    first = ('{"value":[' + row % TWO + '],"@odata.nextLink":"' + link + '"}').encode()
    third = row_ids(3)[2]
    script = Script(batch_answer(first), httpx.Response(200, content=('{"value":[' + row % third + "]}").encode()))
    async with script.client() as client:
        found = await find_dependents(client, [relation], [ONE], known={TWO})
    assert [(d.id, d.modified_by, d.modified_on) for d in found[ONE]] == [(third, None, "2024-01-01T00:00:00Z")]
