"""Each way of creating rows lands them once, under our ids, and leaves only the rows at fault."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import pytest

from dataverse.errors import BadAnswer
from dataverse.probe import probe
from dataverse.probes import Probes, Strategy, TableProbe
from dataverse.rows import FOUND, TAKEN, create_rows
from tests.dataverse.conftest import Simulator
from tests.dataverse.fake import FakeTarget, lose_after, lose_before, row_ids, visits
from tests.dataverse.samples import CONTACT, SCHEMA, VISIT
from tests.dataverse.test_faults import ready
from tests.dataverse.test_target import new_ids, people

TOO_LONG = (400, "0x80044331", "The length of the 'cms_name' attribute of the 'cms_visit' entity exceeded '200'.")
WAYS: list[Strategy] = ["multiple", "post", "upsert"]


def by(strategy: Strategy) -> Probes:
    return Probes({"cms_visit": TableProbe(bulk=True, strategy=strategy)})


def methods(target: FakeTarget) -> set[str]:
    """How rows went out: the methods of batch parts, or the bulk message."""
    found = set()
    for request in target.writes:
        if request.url.path.endswith("$batch"):
            found |= set(re.findall(r"\r\n(POST|PATCH) ", request.content.decode()))
        else:
            found.add(request.url.path.rpartition(".")[2])
    return found


@pytest.mark.parametrize(("strategy", "how"), list(zip(WAYS, ["CreateMultiple", "POST", "PATCH"], strict=True)))
@pytest.mark.parametrize("loss", [None, lose_before, lose_after])
async def test_rows_land_once_and_the_one_at_fault_is_named(strategy: Strategy, how: str, loss: Any) -> None:
    ids = row_ids(12)
    target = FakeTarget(VISIT, bad={ids[4]: TOO_LONG}, faults=[loss] if loss else [])
    target.put(visits(ids)[9])
    async with target.client() as client:
        outcomes = await create_rows(client, VISIT, visits(ids), probes=by(strategy))
    refused = [(4, "0x80044331")] if loss else [(4, "0x80044331"), (9, TAKEN)]  # after a loss it may be ours
    assert [(o.index, o.code) for o in outcomes if not o.ok] == refused
    assert target.created == {i: 1 for i in ids if i != ids[4]}
    assert methods(target) == {how}


async def test_an_upsert_never_changes_a_row_that_is_there() -> None:
    [one] = row_ids(1)
    target = FakeTarget(VISIT)
    target.put({"cms_visitid": one, "cms_name": "theirs"})
    async with target.client() as client:
        [outcome] = await create_rows(client, VISIT, visits([one]), probes=by("upsert"))
    assert outcome.code == TAKEN and target.rows[one]["cms_name"] == "theirs"
    [write] = target.writes
    assert b"If-None-Match: *" in write.content and b"cms_visitid" not in write.content


async def test_rows_under_ids_of_the_target_s_own_do_not_stay() -> None:
    """Nobody would find them again: they are in no log."""
    mine, strangers = row_ids(4)[:2], row_ids(4)[2:]
    target = FakeTarget(VISIT)

    def rename(request: httpx.Request, work: Any) -> httpx.Response:
        for row in visits(strangers):
            target.put(row)
        return httpx.Response(200, json={"Ids": strangers})

    target.faults = [rename]
    async with target.client() as client:
        with pytest.raises(BadAnswer, match="did not keep the ids"):
            await create_rows(client, VISIT, visits(mine))
    assert target.rows == {}


async def test_an_unreadable_answer_to_a_bulk_create_is_looked_into() -> None:
    ids = row_ids(3)
    for body in (b"", b"<html>", b"[]", b'{"Ids": null}', b"{}"):
        target = FakeTarget(VISIT)

        def work_and_mumble(request: httpx.Request, work: Any, body: bytes = body) -> httpx.Response:
            work()
            return httpx.Response(200, content=body)

        target.faults = [work_and_mumble]
        async with target.client() as client:
            outcomes = await create_rows(client, VISIT, visits(ids))
        assert [o.code for o in outcomes] == [FOUND] * 3 and len(target.writes) == 1


def test_a_table_that_was_not_probed_goes_the_usual_way() -> None:
    assert Probes().strategy("contact", True) == "multiple"
    assert Probes().strategy("annotation", False) == "post"
    assert by("upsert").strategy("cms_visit", True) == "upsert"
    assert Probes({"task": TableProbe(bulk=True, strategy="multiple")}).strategy("task", False) == "multiple"


def test_probes_go_through_json() -> None:
    kept = Probes({"task": TableProbe(True, "kept", "multiple", codes={"post": "0x1"})}, "accepted", 5, 8, [("a", "b")])
    assert Probes.from_json(orjson.loads(orjson.dumps(kept.to_json()))) == kept


@pytest.fixture
def behaving(simulator: Simulator) -> Iterator[Simulator]:
    yield simulator
    simulator.control("faults", {})


@pytest.mark.parametrize(
    ("behaviour", "strategy"),
    [
        ({}, "multiple"),
        ({"bulk_ids": "refused"}, "post"),
        ({"bulk_ids": "ignored"}, "post"),
        ({"no_bulk": ["contact"]}, "post"),
    ],
)
async def test_the_load_goes_the_way_the_probes_found(
    behaving: Simulator, behaviour: dict[str, Any], strategy: Strategy
) -> None:
    await ready(behaving)
    behaving.control("faults", {"behaviour": behaviour})
    before = behaving.control("counts").get("contact", 0)
    ids = new_ids(30)
    async with behaving.client() as client:
        found = await probe(client, SCHEMA, most_bytes=1)
        assert found.tables["contact"].strategy == strategy and found.left == []
        outcomes = await create_rows(client, CONTACT, people(ids), probes=found)
        usual = [] if strategy == "multiple" else await unprobed(client)
    assert all(o.ok for o in outcomes)
    assert behaving.control("counts")["contact"] == before + 30
    assert all(not ok for ok in usual)  # without the probes' answer no row would have landed


async def unprobed(client: Any) -> list[bool]:
    try:
        return [o.ok for o in await create_rows(client, CONTACT, people(new_ids(2)))]
    except BadAnswer:
        return [False]


async def test_upserts_land_in_the_simulator_too(behaving: Simulator) -> None:
    await ready(behaving)
    ids = new_ids(30)
    upserts = Probes({"contact": TableProbe(True, strategy="upsert")})
    async with behaving.client() as client:
        first = await create_rows(client, CONTACT, people(ids), probes=upserts)
        again = await create_rows(client, CONTACT, people(ids), probes=upserts, begun=ids)
        others = await create_rows(client, CONTACT, people(ids[:2]), probes=upserts)
    assert all(o.ok for o in first) and {o.code for o in again} == {FOUND}
    assert {o.code for o in others} == {TAKEN}
