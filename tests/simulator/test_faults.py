"""Faults on purpose, control endpoints, and what a restart keeps."""

import asyncio
import socket
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.dataverse.environment import Environment
from local.dataverse.install import install
from local.dataverse.rows import create
from local.dataverse.security import APPLICATION_USER_ID, Caller
from local.dataverse.session import Session
from tests.simulator import packages
from tests.simulator.conftest import Dataverse, code, configure


async def test_a_rule_fires_as_often_as_it_says(dv: Dataverse) -> None:
    match = {"method": "POST", "path_regex": "/contacts$"}
    await configure(dv, [{"match": match, "times": 2, "status": 503, "code": "0x80040216", "retry_after": 7}])
    for _ in range(2):
        response = await dv.api.post("contacts", json={"lastname": "Lee"})
        assert code(response) == (503, "0x80040216")
        assert response.headers["Retry-After"] == "7"
    assert (await dv.api.get("contacts")).status_code == 200
    await dv.create("contacts", lastname="Lee")
    assert (await dv.control.get("counts")).json() == {"contact": 1}


async def test_a_cut_connection_before_and_after_the_commit(dv: Dataverse) -> None:
    match = {"method": "POST", "path_regex": "contacts"}
    for reset, rows in (("before", {}), ("after", {"contact": 1})):
        await configure(dv, {"rules": [{"match": match, "times": 1, "reset": reset}]})
        with pytest.raises(httpx.RemoteProtocolError):
            await dv.api.post("contacts", json={"lastname": "Lee"})
        assert (await dv.control.get("counts")).json() == rows


async def test_skip_lets_requests_through_first(dv: Dataverse) -> None:
    await configure(dv, [{"match": {"path_regex": "WhoAmI"}, "skip": 1, "times": 1, "status": 429}])
    assert [(await dv.api.get("WhoAmI")).status_code for _ in range(3)] == [200, 429, 200]


async def test_a_full_disk_refuses_writes_only(dv: Dataverse) -> None:
    await configure(dv, {"disk_full": True})
    response = await dv.api.post("contacts", json={"lastname": "Lee"})
    assert code(response) == (507, "0x80040216")
    assert "storage capacity" in response.json()["error"]["message"]
    assert (await dv.row("contacts"))["value"] == []
    await configure(dv, {})
    await dv.create("contacts", lastname="Lee")


@pytest.mark.parametrize("document", ["x", {"unknown": 1}, [{"match": {"verb": "GET"}}], [{"what": 1}], [1]])
async def test_a_wrong_configuration_is_refused(dv: Dataverse, document: Any) -> None:
    assert (await dv.control.post("faults", json=document)).status_code == 400


async def test_edit_acts_as_another_user(dv: Dataverse) -> None:
    identity = await dv.create("contacts", lastname="Lee")
    before = await dv.row(f"contacts({identity})")
    body = {"table": "contact", "id": identity, "set": {"lastname": "Moe"}, "user": "ana.ruiz@clinic.example"}
    assert (await dv.control.post("edit", json=body)).status_code == 200
    after = await dv.row(f"contacts({identity})")
    assert after["lastname"] == "Moe"
    assert after["_modifiedby_value"] == await dv.user("ana.ruiz@clinic.example")
    assert after["@odata.etag"] != before["@odata.etag"]
    assert (await dv.control.post("edit", json={**body, "user": "nobody"})).status_code == 404
    assert (await dv.control.post("edit", json={**body, "table": "nothing"})).status_code == 404
    assert (await dv.control.post("edit", json={**body, "set": {"nothing": 1}})).status_code == 400
    assert (await dv.control.post("edit", json={"table": "contact"})).status_code == 400


async def test_dump_and_reset(dv: Dataverse) -> None:
    await dv.ready()
    identity = await dv.create("contacts", lastname="Lee")
    (row,) = (await dv.control.get("dump", params={"table": "contact"})).json()
    assert (row["contactid"], row["lastname"]) == (identity, "Lee")
    assert (await dv.control.post("reset")).status_code == 200
    assert (await dv.control.get("counts")).json() == {}
    assert (await dv.api.get("cms_visits")).status_code == 404
    assert await dv.user("ana.ruiz@clinic.example")
    await dv.ready()


def test_a_restart_keeps_rows_definitions_and_versions(tmp_path: Path) -> None:
    path = str(tmp_path / "dv.db")
    first = Environment(path)
    caller = Caller(APPLICATION_USER_ID)
    session = Session(first.store, first.catalog, first.security, caller)
    with first.store.transaction():
        install(session, packages.visits())
        create(session, first.catalog.tables["cms_visit"], {"cms_name": "v"})
    version = first.store.version
    first.close()

    second = Environment(path)
    assert second.store.count("cms_visit") == 1
    assert second.store.version >= version
    assert second.catalog.tables["cms_visit"].columns["cms_kind"].options[0].label == "First"
    assert second.catalog.plan("cms_visit").navs["cms_PatientId"].targets == ("contact",)
    second.close()


async def test_a_database_that_cannot_grow_is_told_as_full_storage(dv: Dataverse) -> None:
    db = dv.environment.store.db
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    db.execute(f"PRAGMA max_page_count = {pages}")
    response = await dv.api.post("contacts", json={"description": "x" * 2000})
    while response.status_code == 204:
        response = await dv.api.post("contacts", json={"description": "x" * 2000})
    assert code(response) == (507, "0x80040216")
    db.execute("PRAGMA max_page_count = 1000000")
    await dv.create("contacts", lastname="Lee")


async def test_the_program_serves_and_stops(tmp_path: Path) -> None:
    seed = tmp_path / "seed.json"
    seed.write_text('{"organization": {"name": "Seeded"}}')
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "local.dataverse", "--port", str(port), "--db", str(tmp_path / "x" / "dv.db"),
        "--seed", str(seed), cwd=Path(__file__).parents[2], stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert program.stdout is not None
        assert str(port) in (await program.stdout.readline()).decode()
        base = f"http://127.0.0.1:{port}/api/data/v9.2/"
        async with httpx.AsyncClient(base_url=base, headers={"Authorization": "Bearer t"}) as api:
            found = await api.get("organizations")
        assert found.json()["value"][0]["name"] == "Seeded"
    finally:
        program.terminate()
        assert await program.wait() in (0, -15)
