"""Batches with changesets, file columns, and the client's asynchronous twin."""

import os
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("PowerPlatform.Dataverse.client", reason="PowerPlatform-Dataverse-Client is not installed")

import httpx
from PowerPlatform.Dataverse.client import DataverseClient
from PowerPlatform.Dataverse.core.errors import HttpError

from tests.microsoft_client.conftest import Simulator


def test_a_batch_of_everything(client: DataverseClient) -> None:
    batch = client.batch.new()
    batch.tables.create("new_Visit", {"new_Code": "string"})
    batch.tables.get("contact")
    batch.records.create("contact", {"lastname": "Lee"})
    batch.records.create("contact", [{"lastname": "Moe"}, {"lastname": "Noe"}])
    batch.records.list("contact", select=["lastname"], filter="lastname eq 'Moe'", orderby=["lastname"])
    batch.query.sql("SELECT lastname FROM contact ORDER BY lastname")
    done = batch.execute()
    assert not done.has_errors
    assert [item.status_code for item in done.responses] == [204, 200, 204, 200, 200, 200]
    assert len(done.entity_ids) == 1
    values = [item.data["value"] for item in done.responses[4:] if item.data is not None]
    assert [[row["lastname"] for row in rows] for rows in values] == [["Moe"], ["Lee", "Moe", "Noe"]]


def test_a_changeset_refers_to_its_own_rows(client: DataverseClient) -> None:
    batch = client.batch.new()
    with batch.changeset() as changes:
        account = changes.records.create("account", {"name": "Clinic"})
        changes.records.create("contact", {"lastname": "Lee", "parentcustomerid_account@odata.bind": account})
        changes.records.update("account", account, {"websiteurl": "clinic.example"})
    done = batch.execute()
    assert [item.status_code for item in done.responses] == [204, 204, 204]
    (row,) = client.records.list("contact", select=["lastname"], expand=["parentcustomerid_account"])
    assert row["parentcustomerid_account"]["websiteurl"] == "clinic.example"


def test_a_changeset_is_all_or_nothing(client: DataverseClient) -> None:
    batch = client.batch.new()
    with batch.changeset() as changes:
        changes.records.create("contact", {"lastname": "Lee"})
        changes.records.create("contact", {"nosuchcolumn": 1})
    batch.records.create("contact", {"lastname": "Moe"})
    done = batch.execute(continue_on_error=True)
    assert [(item.status_code, item.error_code) for item in done.responses] == [(400, "0x80048d19"), (204, None)]
    assert [row["lastname"] for row in client.records.list("contact", select=["lastname"])] == ["Moe"]


def test_a_batch_stops_at_its_first_error(client: DataverseClient) -> None:
    batch = client.batch.new()
    batch.records.create("contact", {"nosuchcolumn": 1})
    batch.records.create("contact", {"lastname": "Moe"})
    done = batch.execute()
    assert [item.error_code for item in done.responses] == ["0x80048d19"]
    assert not client.records.list("contact", select=["lastname"])


def content(simulator: Simulator, path: str) -> bytes:
    trust = ssl.create_default_context(cafile=simulator.trust)
    url = f"{simulator.url}/api/data/v9.2/{path}/$value"
    return httpx.get(url, headers={"Authorization": "Bearer t"}, verify=trust).content


@pytest.mark.parametrize(("mode", "size"), [("small", 1000), ("chunk", 5 * 1024 * 1024), ("chunk", 10)])
def test_files(client: DataverseClient, simulator: Simulator, tmp_path: Path, mode: str, size: int) -> None:
    data = bytes(number % 251 for number in range(size))
    (tmp_path / "a scan.pdf").write_bytes(data)
    account = client.records.create("account", {"name": "Clinic"})
    client.files.upload("account", account, "new_Contract", str(tmp_path / "a scan.pdf"), mode=mode)
    row = client.records.retrieve("account", account, select=["new_contract", "new_contract_name"])
    assert row is not None
    assert row["new_contract_name"] == "a scan.pdf"
    assert content(simulator, f"accounts({account})/new_contract") == data
    (tmp_path / "b.txt").write_bytes(b"new")
    client.files.upload("account", account, "new_Contract", str(tmp_path / "b.txt"), if_none_match=False)
    assert content(simulator, f"accounts({account})/new_contract") == b"new"
    (tmp_path / "c.exe").write_bytes(b"new")
    with pytest.raises(HttpError) as blocked:
        client.files.upload("account", account, "new_Contract", str(tmp_path / "c.exe"))
    assert blocked.value.details["service_error_code"] == "0x80043e09"


ASYNCHRONOUS = """
import asyncio, sys, time
from azure.core.credentials import AccessToken
from azure.core.credentials_async import AsyncTokenCredential
from PowerPlatform.Dataverse.aio.async_client import AsyncDataverseClient

class Token(AsyncTokenCredential):
    async def get_token(self, *scopes, **more):
        return AccessToken("local", int(time.time()) + 3600)
    async def close(self):
        pass
    async def __aexit__(self, *_):
        pass

async def main():
    async with AsyncDataverseClient(sys.argv[1], Token()) as client:
        ids = await client.records.create("contact", [{"lastname": "Lee"}, {"lastname": "Moe"}])
        row = await client.records.retrieve("contact", ids[1], select=["lastname"])
        print(row["lastname"])

asyncio.run(main())
"""


def test_the_asynchronous_client(simulator: Simulator) -> None:
    """In a process of its own: aiohttp decides whom to trust when it is imported."""
    environment = {**os.environ, "SSL_CERT_FILE": simulator.trust}
    command = [sys.executable, "-c", ASYNCHRONOUS, simulator.url]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr[-500:]) == ("Moe\n", "")
