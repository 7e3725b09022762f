"""The client against a simulator that breaks: connections cut before and after the commit, pauses asked for, limits."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from dataverse.auth import StaticToken
from dataverse.client import DataverseClient
from dataverse.install import import_solution
from dataverse.metadata import read_metadata
from dataverse.preflight import PreflightSettings, preflight
from dataverse.rows import FOUND, Change, Closing, change_rows, close_opportunities, create_rows, read_rows
from dataverse.solution import build_solution
from dataverse.users import who_am_i
from mapping.schema import Schema
from tests.dataverse.conftest import Simulator
from tests.dataverse.samples import ANNOTATION, CONTACT, OPPORTUNITY, SCHEMA, VISIT
from tests.dataverse.test_target import new_ids, people


@pytest.fixture
def faulty(simulator: Simulator) -> Iterator[Simulator]:
    yield simulator
    simulator.control("faults", [])


async def ready(simulator: Simulator) -> None:
    async with simulator.client() as client:
        if "cms_visit" not in await read_metadata(client, ["cms_visit"]):
            await import_solution(client, build_solution(SCHEMA), SCHEMA)


def rule(path: str, **more: Any) -> dict[str, Any]:
    return {"match": {"path_regex": path}, "times": 1, **more}


@pytest.mark.parametrize(
    "rules",
    [
        [rule("CreateMultiple", reset="before")],
        [rule("CreateMultiple", reset="after")],
        [rule("CreateMultiple", reset="after", skip=1), rule("CreateMultiple", reset="before", times=2)],
        [rule("CreateMultiple", status=503)],
        [
            rule(
                "CreateMultiple",
                status=500,
                code="0x80044150",
                message="Sql error: Generic SQL error. Sql Number: 1205",
            )
        ],
        [rule("CreateMultiple", status=429, code="0x80072321", message="time", retry_after=40, times=5)],
        [rule("contacts", reset="before", times=6)],
    ],
)
async def test_creates_land_once_whatever_breaks(faulty: Simulator, rules: list[dict[str, Any]]) -> None:
    await ready(faulty)
    ids = new_ids(60)
    before = faulty.control("counts").get("contact", 0)
    faulty.control("faults", rules)
    async with faulty.client() as client:
        outcomes = await create_rows(client, CONTACT, people(ids), batch=20)
    assert [(o.ok, o.unknown) for o in outcomes] == [(True, False)] * 60
    assert faulty.control("counts")["contact"] == before + 60
    assert set(await _there(faulty, ids)) == set(ids)


@pytest.mark.parametrize(("asked", "heard"), [(40, [40]), (2, [])])
async def test_a_pause_that_the_target_asks_for_is_told(faulty: Simulator, asked: int, heard: list[float]) -> None:
    await ready(faulty)
    told: list[float] = []

    async def pausing(seconds: float) -> None:
        told.append(seconds)

    busy = rule("CreateMultiple", status=429, code="0x80072322", message="many", retry_after=asked)
    faulty.control("faults", [busy])
    async with faulty.client() as client, client.lent(before_pause=pausing) as lent:
        [made] = await create_rows(lent, CONTACT, people(new_ids(1)))
    assert made.ok and lent.counts.by_facet == {"requests": 1}
    assert told == heard


async def _there(simulator: Simulator, ids: list[str]) -> dict[str, Any]:
    async with simulator.client() as client:
        return await read_rows(client, CONTACT, ids, ["lastname"])


@pytest.mark.parametrize("reset", ["before", "after"])
async def test_changes_and_notes_survive_a_cut(faulty: Simulator, reset: str) -> None:
    await ready(faulty)
    person, note = new_ids(2)
    async with faulty.client() as client:
        await create_rows(client, CONTACT, people([person]))
        row = (await read_rows(client, CONTACT, [person], ()))[person]
        faulty.control("faults", [rule("batch", reset=reset)])
        [changed] = await change_rows(
            client, [Change("PATCH", CONTACT, person, {"lastname": "New"}, row["@odata.etag"])]
        )
        faulty.control("faults", [rule("batch", reset=reset)])
        bound = {"objectid_contact@odata.bind": f"/contacts({person})"}
        [made] = await create_rows(client, ANNOTATION, [{"annotationid": note, "subject": "s", **bound}])
        faulty.control("faults", [rule("batch", reset=reset)])
        [gone] = await change_rows(client, [Change("DELETE", ANNOTATION, note)])
    expected = FOUND if reset == "after" else ""
    assert [(o.ok, o.code) for o in (changed, made, gone)] == [(True, expected)] * 3


@pytest.mark.parametrize("reset", ["before", "after"])
async def test_an_opportunity_is_closed_once(faulty: Simulator, reset: str) -> None:
    await ready(faulty)
    person, deal = new_ids(2)
    async with faulty.client() as client:
        await create_rows(client, CONTACT, people([person]))
        bound = {"customerid_contact@odata.bind": f"/contacts({person})"}
        await create_rows(client, OPPORTUNITY, [{"opportunityid": deal, "name": "n", **bound}])
        closes = faulty.control("counts").get("opportunityclose", 0)
        faulty.control("faults", [rule("WinOpportunity", reset=reset)])
        assert (await close_opportunities(client, OPPORTUNITY, [Closing(deal, True, "Won")]))[0].ok
    assert faulty.control("counts")["opportunityclose"] == closes + 1


async def test_too_many_at_once_is_slowed_down_not_failed(faulty: Simulator) -> None:
    await ready(faulty)
    faulty.control("faults", {"limits": {"concurrency": 2}})
    async with faulty.client(slots=8) as client:
        client.limiter.hint(8)
        outcomes = await create_rows(client, CONTACT, people(new_ids(300)), batch=10)
    assert all(o.ok for o in outcomes)
    assert set(client.counts.by_facet) <= {"concurrency"}


async def test_missing_privileges_are_found_before_the_first_write(simulator: Simulator) -> None:
    await ready(simulator)
    async with simulator.client() as strong, DataverseClient(simulator.url, StaticToken("weak@clinic.example")) as weak:
        users = {"app-1": strong, "app-2": weak}
        found = await preflight(users, SCHEMA, PreflightSettings(fallback_owner="team:Front desk"))
        bypassing = await preflight(users, SCHEMA, PreflightSettings(bypass=True))
        [person] = new_ids(1)
        async with weak.lent(bypass=True) as lent:
            assert (await who_am_i(lent)).user_id  # reads ask for nothing
            [outcome] = await create_rows(lent, CONTACT, people([person]))
            [changed] = await change_rows(lent, [Change("PATCH", CONTACT, person, {"lastname": "Able"}, "*")])
    assert outcome.code == changed.code == "0x80040220"
    lacking = {f.subject: f for f in found if f.code == "privilege_missing"}
    assert set(lacking) == {"prvDeleteContact", "prvOverrideCreatedOnCreatedBy"}
    more = {f.subject for f in bypassing if f.code == "privilege_missing"} - set(lacking)
    assert more == {"prvBypassCustomBusinessLogic"}
    assert all(f.severity == "error" and "app-2" in f.message and "app-2" in f.fix for f in lacking.values())
    assert "delete on contact" in lacking["prvDeleteContact"].message


async def test_sixteen_tables_are_too_many_for_sales_professional(simulator: Simulator) -> None:
    tables = [replace(VISIT, plain=f"T{n}", logical=f"zzz_t{n}", schema_name=f"zzz_T{n}") for n in range(16)]
    schema = Schema("zzz", {t.plain: t for t in tables})
    async with simulator.client() as client:
        by_plan = {
            plan: {f.code: f for f in await preflight({"app-1": client}, schema, PreflightSettings(plan))}
            for plan in ("sales_professional", "sales_enterprise", None)
        }
    assert by_plan["sales_professional"]["fifteen_tables"].severity == "error"
    assert by_plan[None]["fifteen_tables"].severity == "warning"
    assert by_plan["sales_enterprise"]["custom_tables"].severity == "info"
