"""Each fault of the simulator by itself, and what the client makes of it; docs/reference/simulator.md lists which test is whose."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from aiohttp.test_utils import TestServer

from dataverse.auth import StaticToken
from dataverse.client import DataverseClient
from dataverse.dependents import find_dependents, read_relations
from dataverse.install import import_solution
from dataverse.metadata import read_metadata
from dataverse.rows import CONFLICT, FOUND, Change, change_rows, create_rows, read_rows
from dataverse.solution import build_solution
from dataverse.users import find_users
from local.dataverse.server import make_app
from tests.dataverse.conftest import Simulator
from tests.dataverse.fake import FakeClock
from tests.dataverse.samples import CONTACT, SCHEMA, VISIT
from tests.dataverse.test_faults import ready, rule
from tests.dataverse.test_target import new_ids, people, visits_of

OTHER: Final = "ann.able@clinic.example"
LEFT: Final = "dan.gone@clinic.example"


@pytest.fixture
def faulty(simulator: Simulator) -> Iterator[Simulator]:
    yield simulator
    simulator.control("faults", {})


async def test_a_target_that_publishes_slowly_is_waited_for() -> None:
    """Another import first, then the import itself, its keys, and columns that rows do not know for long."""
    slow = {"jobs": {"looks": 4}, "keys": {"looks": 3}, "metadata": {"looks": 1000}}
    server = TestServer(make_app(faults={"import_running": {"times": 3}, "behaviour": slow}), host="127.0.0.1")
    await server.start_server()
    try:
        address = str(server.make_url("/")).rstrip("/")
        async with DataverseClient(address, StaticToken("local"), clock=FakeClock().clock()) as client:
            await import_solution(client, build_solution(SCHEMA), SCHEMA)
            states = {key["EntityKeyIndexStatus"] for key in await _keys(client)}
            assert await read_metadata(client, ["cms_visit", "contact"])
            [person, visit] = new_ids(2)
            outcomes = await create_rows(client, CONTACT, people([person]))
            outcomes += await create_rows(client, VISIT, visits_of(person, [visit]))
    finally:
        await server.close()
    assert states == {"Active"}
    assert [one.code for one in outcomes] == ["", ""]


async def _keys(client: DataverseClient) -> list[dict[str, Any]]:
    return (await client.get("EntityDefinitions(LogicalName='cms_visit')/Keys")).rows()


async def test_duplicate_detection_is_not_asked_for(faulty: Simulator) -> None:
    """Two patients may have one name; a clinic's own detection rules must not decide about records of the source."""
    await ready(faulty)
    faulty.control("faults", {"duplicate_rules": [{"table": "contact", "columns": ["lastname"]}]})
    async with faulty.client() as client:
        outcomes = await create_rows(client, CONTACT, [{**row, "lastname": "Same"} for row in people(new_ids(8))])
    assert all(one.ok for one in outcomes)


async def test_a_duplicate_that_is_refused_all_the_same_is_that_row_s_fault_alone(faulty: Simulator) -> None:
    await ready(faulty)
    rows = [{**row, "lastname": row["contactid"]} for row in people(new_ids(8))]  # others left a Person 1
    rows[5]["lastname"] = rows[2]["lastname"] = "Twice over"
    faulty.control("faults", {"duplicate_rules": [{"table": "contact", "columns": ["lastname"], "always": True}]})
    async with faulty.client() as client:
        outcomes = await create_rows(client, CONTACT, rows)
        there = await read_rows(client, CONTACT, [row["contactid"] for row in rows], ())
    assert [one.code for one in outcomes if not one.ok] == ["0x80040333"]
    assert len(there) == 7


@pytest.mark.parametrize("edit", [{"set": {"firstname": "Theirs"}}, {"delete": True}])
@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_a_row_that_another_touches_between_our_read_and_our_write_is_theirs(
    faulty: Simulator, method: Any, edit: dict[str, Any]
) -> None:
    await ready(faulty)
    person, quiet = new_ids(2)
    async with faulty.client() as client:
        await create_rows(client, CONTACT, people([person, quiet]))
        faulty.control(
            "faults",
            {"edits": [{"table": "contact", "when": {"contactid": person}, "user": OTHER, **edit, "times": 1}]},
        )
        rows = await read_rows(client, CONTACT, [person, quiet], ["lastname"])
        body = {"lastname": "Ours"} if method == "PATCH" else None
        outcomes = await change_rows(
            client, [Change(method, CONTACT, i, body, rows[i]["@odata.etag"]) for i in (person, quiet)]
        )
        left = await read_rows(client, CONTACT, [person], ["firstname", "lastname"])
    assert outcomes[1].ok
    if "set" in edit:
        assert outcomes[0].code == CONFLICT
        assert left[person]["firstname"] == "Theirs" and left[person]["lastname"] != "Ours"
    else:
        assert outcomes[0].ok is (method == "DELETE") and left == {}  # nobody makes it again


@pytest.mark.parametrize("cascade", ["Cascade", "RemoveLink", "NoCascade", "Restrict"])
async def test_what_hangs_on_a_row_is_found_whatever_a_delete_would_do_to_it(faulty: Simulator, cascade: str) -> None:
    await ready(faulty)
    person, visit = new_ids(2)
    async with faulty.client() as client:
        await create_rows(client, CONTACT, people([person]))
        await create_rows(client, VISIT, visits_of(person, [visit]))
        names = {r["SchemaName"] for r in await _relationships(client) if r["ReferencingEntity"] == "cms_visit"}
        faulty.control("faults", {"behaviour": {"cascades": dict.fromkeys(names, cascade)}})
        relations = await read_relations(client, "contact", "cms")
        found = await find_dependents(client, relations, [person], known=set())
    assert {(child.table, child.id) for child in found[person]} == {("cms_visit", visit)}
    assert {one.delete for one in relations if one.child == "cms_visit"} == {cascade}


async def _relationships(client: DataverseClient) -> list[dict[str, Any]]:
    return (await client.get("EntityDefinitions(LogicalName='contact')/OneToManyRelationships")).rows()


async def test_a_commit_after_our_own_timeout_is_found_and_makes_no_second_row(faulty: Simulator) -> None:
    """The server answers nothing; the client gives up, and only then is the work done."""
    await ready(faulty)
    ids = new_ids(12)
    before = faulty.control("counts").get("contact", 0)
    faulty.control("faults", [rule("CreateMultiple", late={"ms": 900, "answer": "nothing"})])
    async with DataverseClient(faulty.url, StaticToken("local"), timeout_seconds=0.3) as client:
        outcomes = await create_rows(client, CONTACT, people(ids))
        assert client.counts.lost == 1
    assert [one.ok for one in outcomes] == [True] * 12
    assert faulty.control("commit", {})["committed"] == 0
    assert faulty.control("counts")["contact"] == before + 12


async def test_an_execution_time_that_is_used_up_is_waited_for(faulty: Simulator) -> None:
    await ready(faulty)
    limits = {"execution_ms": 100, "window": 0.6, "decimals": 2}
    faulty.control("faults", {"limits": limits, "service_ms_per_row": 4})
    async with DataverseClient(faulty.url, StaticToken("local")) as client:
        outcomes = await create_rows(client, CONTACT, people(new_ids(120)), batch=20)
        assert client.counts.by_facet.get("execution time")
    assert all(one.ok for one in outcomes)


async def test_requests_that_are_used_up_are_waited_for(faulty: Simulator) -> None:
    await ready(faulty)
    faulty.control("faults", {"limits": {"requests": 4, "window": 0.4, "decimals": 2}})
    async with DataverseClient(faulty.url, StaticToken("local")) as client:
        outcomes = await create_rows(client, CONTACT, people(new_ids(60)), batch=5)
        assert client.counts.by_facet.get("requests")
    assert all(one.ok for one in outcomes)


@pytest.mark.parametrize("policy", ["refused", "accepted", "replaced"])
async def test_a_disabled_owner_is_named_before_any_row_is_given_to_them(faulty: Simulator, policy: str) -> None:
    """Whatever the target would do with them: refuse the row, take it, or quietly give it to somebody else."""
    await ready(faulty)
    faulty.control("faults", {"behaviour": {"disabled_owner": policy}})
    async with faulty.client() as client:
        [user] = (await find_users(client, [LEFT]))[LEFT]
        assert user.disabled
        row = people(new_ids(1))[0] | {"ownerid@odata.bind": f"/systemusers({user.id})"}
        [outcome] = await create_rows(client, CONTACT, [row])
        rows = await read_rows(client, CONTACT, [row["contactid"]], ["_ownerid_value"])
    owner = rows[row["contactid"]]["_ownerid_value"] if rows else None
    assert (outcome.ok, owner == user.id) == {
        "refused": (False, False),
        "accepted": (True, True),
        "replaced": (True, False),
    }[policy]
    assert policy != "refused" or outcome.code == "0x80040225"


async def test_an_id_in_the_recycle_bin_is_a_refusal_of_that_row_alone(faulty: Simulator) -> None:
    await ready(faulty)
    burnt, fresh = new_ids(2)
    faulty.control("faults", {"behaviour": {"recycle_bin": True}})
    async with faulty.client() as client:
        await create_rows(client, CONTACT, people([burnt]))
        await change_rows(client, [Change("DELETE", CONTACT, burnt)])
        outcomes = await create_rows(client, CONTACT, people([burnt, fresh]))
    assert [(one.ok, one.code) for one in outcomes] == [(False, "0x80040237"), (True, "")]
    assert FOUND not in {one.code for one in outcomes}


async def test_what_the_target_stores_otherwise_is_what_we_sent(faulty: Simulator) -> None:
    """Empty texts become null, sub-seconds are cut: a change whose answer is lost is known again all the same."""
    await ready(faulty)
    person, visit = new_ids(2)
    async with faulty.client() as client:
        await create_rows(client, CONTACT, people([person]))
        await create_rows(client, VISIT, visits_of(person, [visit]))
        row = (await read_rows(client, VISIT, [visit], ()))[visit]
        body = {"cms_notes": "", "cms_startedon": "2024-05-01T10:00:00.987Z"}
        faulty.control("faults", [rule("batch", reset="after")])
        [outcome] = await change_rows(client, [Change("PATCH", VISIT, visit, body, row["@odata.etag"])])
        stored = (await read_rows(client, VISIT, [visit], ["cms_notes", "cms_startedon"]))[visit]
    assert (stored["cms_notes"], stored["cms_startedon"]) == (None, "2024-05-01T10:00:00Z")
    assert (outcome.ok, outcome.code) == (True, FOUND)
