"""What is found while the target is prepared: owners who may not read a table, application users who may not write."""

import itertools
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
import pytest_asyncio

from activities import allowance, jobs, prepare, target
from activities.errors import StepError
from activities.guard import guarded
from dataverse.auth import StaticToken
from dataverse.errors import PrivilegeMissing
from dataverse.install import import_solution
from dataverse.pool import ClientPool
from dataverse.preflight_schema import Finding
from dataverse.rows import create_rows, read_rows
from dataverse.solution import build_solution
from ledger import migrations, paths
from ledger.chunks import pack
from ledger.storage import Storage
from mapping.compile import compile_map
from mapping.hash import map_hash
from mapping.keys import row_id
from mapping.model import ClinicMap, FieldMap, ObjectMap, Route
from mapping.owners import Owners
from reports.prepare import preflight_report
from settings import Settings
from tests.dataverse.conftest import Simulator
from tests.dataverse.fake import FakeClock

_clinics = itertools.count()

STAFF = [
    {"_id": "1", "email": "ann.able@clinic.example", "active": "true"},
    {"_id": "2", "email": "sam@clinic.example", "active": "true"},
    {"_id": "3", "email": "dan.gone@clinic.example", "active": "true"},
]
MAP = ClinicMap(
    system="lakeside",
    profile="p",
    prefix="own",
    objects={
        "patient": ObjectMap(
            routes=[Route(table="contact", fields=[FieldMap(source="last", column="lastname", transform="text")])]
        ),
        "encounter": ObjectMap(
            routes=[Route(table="ClinicEncounter", fields=[FieldMap(source="title", column="Name", transform="text")])]
        ),
    },
)


@pytest_asyncio.fixture
async def job(
    storage: Storage, simulator: Simulator, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> AsyncIterator[dict[str, Any]]:
    """A migration whose solution is in the target; its activities use the test's storage and target."""
    made = await migrations.create(storage, f"lakeside{next(_clinics)}", options={"fallback_owner": "team:Front desk"})
    migration, hashed = made.id, map_hash(MAP)

    def mapped(one: migrations.Migration) -> None:
        one.map_version, one.map_hash = 1, hashed

    await migrations.change(storage, migration, mapped)
    await storage.put("ledger", paths.map_version(migration, 1), MAP.model_dump_json().encode())
    await storage.put("staging", paths.shaped_chunk(migration, 1, "staff", "once"), pack(STAFF))
    users = getattr(request, "param", 1)
    tokens = [StaticToken("local"), StaticToken("weak@clinic.example")][:users]
    clients = ClientPool(simulator.url, tokens, clock=FakeClock().clock())

    async def storage_of_test() -> Storage:
        return storage

    async def pool() -> ClientPool:
        return clients

    monkeypatch.setattr(prepare, "storage", storage_of_test)
    monkeypatch.setattr(target, "pool", pool)
    monkeypatch.setattr(prepare, "names", lambda: ["app-1", "app-2"][:users])
    job = {"migration": migration, "run": "prepare-0001", "operator": "Ada", "snapshot": 1, "map_hash": hashed}
    schema = await jobs.schema(storage, job)
    await import_solution(clients.all[0], build_solution(schema), schema)
    yield job
    await clients.close()


async def findings(storage: Storage, job: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> dict[str, Finding]:
    """What the preflight reports, by code."""
    seen: list[Finding] = []
    report = preflight_report

    def kept(migration: str, found: list[Finding]) -> Any:
        seen.extend(found)
        return report(migration, found)

    monkeypatch.setattr(prepare, "preflight_report", kept)
    await prepare.check_target(job)
    return {one.code: one for one in seen}


async def test_who_may_not_read_a_table_is_found_before_the_write(
    storage: Storage, simulator: Simulator, job: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await prepare.resolve_owners(job) == {"staff": 3, "found": 1}

    rows = (await jobs.document(storage, job["migration"], "staff.json"))["rows"]
    assert [(one["match"], one["lacks"], one["disposition"]) for one in rows] == [
        ("found", [], "unchanged"),
        ("no_privilege", ["ClinicEncounter"], "excepted"),
        ("disabled", [], "excepted"),
    ]
    found = (await findings(storage, job, monkeypatch))["owner_no_privilege"]
    assert (found.severity, found.subject) == ("warning", "ClinicEncounter")
    assert "sam@clinic.example" in found.message
    assert "Read" in found.fix

    owners = Owners.from_json(await jobs.document(storage, job["migration"], "owners.json"))
    schema = await jobs.schema(storage, job)
    mappers = compile_map(MAP, schema, owners)
    visit = {"_id": "1", "_owner": "2", "title": "Visit"}
    async with simulator.client() as client:
        sam = owners.staff["2"].owner
        encounter, table = mappers["encounter"](visit), schema.table("ClinicEncounter")
        assert mappers["patient"]({"_id": "1", "_owner": "2", "last": "Able"}).owner == sam
        assert encounter.owner == owners.fallback

        def row(generation: int, owner: str | None) -> dict[str, Any]:
            kind, _, id = (owner or "").partition("/")
            own = {table.id_column: row_id(encounter.source_key, generation), table.name_column: "Visit"}
            return {**own, "ownerid@odata.bind": f"/{kind}({id})"}

        [refused] = await create_rows(client, table, [row(0, sam)])
        assert refused.code == "0x80040231"
        [landed] = await create_rows(client, table, [row(1, encounter.owner)])
        assert landed.ok
        there = (await read_rows(client, table, [id := row_id(encounter.source_key, 1)], ["_ownerid_value"]))[id]
        assert f"teams/{there['_ownerid_value']}" == owners.fallback


async def test_a_fallback_owner_who_may_not_read_a_table_ends_the_step(storage: Storage, job: dict[str, Any]) -> None:
    def other(one: migrations.Migration) -> None:
        one.options["fallback_owner"] = "team:Night desk"

    await migrations.change(storage, job["migration"], other)
    await prepare.resolve_owners(job)
    with pytest.raises(StepError) as refused:
        await prepare.check_target(job)
    assert refused.value.value["code"] == "fallback_owner_no_privilege"
    assert "ClinicEncounter" in refused.value.value["message"]


async def test_what_could_not_be_looked_up_is_said(
    storage: Storage, job: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not checked is never shown as good."""

    async def refused(*_: Any) -> dict[str, tuple[str, ...]]:
        error = PrivilegeMissing("Principal user is missing prvReadRole privilege", status=403, code="0x80040220")
        error.privilege = "prvReadRole"
        raise error

    monkeypatch.setattr(prepare, "unreadable", refused)
    assert await prepare.resolve_owners(job) == {"staff": 3, "found": 2}
    found = (await findings(storage, job, monkeypatch))["owners_unchecked"]
    assert (found.severity, found.subject) == ("warning", "prvReadRole")


@pytest.mark.parametrize("job", [2], indirect=True)
async def test_the_second_application_user_lacks_a_privilege(job: dict[str, Any]) -> None:
    """It would load half of the records: the step ends before a record moves, and says which user lacks what."""
    await prepare.resolve_owners(job)
    with pytest.raises(StepError) as refused:
        await prepare.check_target(job)
    said = refused.value.value
    assert said["code"] == "privilege_missing"
    assert "app-2" in said["message"] and "prvDeleteContact" in said["message"]
    assert "app-2" in said["next"]


async def test_what_prepare_asks_of_the_target_counts_against_the_day(
    storage: Storage, job: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(allowance, "settings", lambda: Settings(CARRYOVER_DAILY_REQUESTS=10_000))
    await storage.delete("ledger", paths.REQUESTS)
    await prepare.resolve_owners(job)
    hours = orjson.loads(await storage.get("ledger", paths.REQUESTS))["hours"]
    assert sum(hours.values()) > 3

    monkeypatch.setattr(allowance, "settings", lambda: Settings(CARRYOVER_DAILY_REQUESTS=1))
    waits = await guarded(prepare.resolve_owners)(job)
    assert waits["error"]["code"] == "budget_spent"
