"""Faults of whole requests: latency, gateways, late commits, and what decides when a fault strikes."""

import asyncio
from time import perf_counter
from typing import Any

import httpx
import pytest

from local.dataverse.faults.trigger import trigger
from tests.simulator.conftest import Dataverse, code, configure

CREATE = {"method": "POST", "path_regex": "/contacts$"}


async def count(dv: Dataverse) -> int:
    counts: dict[str, int] = (await dv.control.get("counts")).json()
    return counts.get("contact", 0)


async def test_latency_delays_every_request_and_costs_no_execution_time(dv: Dataverse) -> None:
    await configure(dv, {"latency_ms": 40, "limits": {"execution_ms": 30}})
    for _ in range(3):
        started = perf_counter()
        assert (await dv.api.get("WhoAmI")).status_code == 200
        assert perf_counter() - started >= 0.04


async def test_a_rule_may_only_delay(dv: Dataverse) -> None:
    await configure(dv, [{"match": CREATE, "delay_ms": 40}])
    started = perf_counter()
    await dv.create("contacts", lastname="Lee")
    assert perf_counter() - started >= 0.04
    assert await count(dv) == 1


async def test_service_time_is_per_row_and_counts_as_execution(dv: Dataverse) -> None:
    await configure(dv, {"service_ms_per_row": 20, "limits": {"execution_ms": 50}})
    targets = [{"@odata.type": "Microsoft.Dynamics.CRM.contact", "lastname": f"L{n}"} for n in range(3)]
    started = perf_counter()
    path = "contacts/Microsoft.Dynamics.CRM.CreateMultiple"
    assert (await dv.api.post(path, json={"Targets": targets})).status_code == 200
    assert perf_counter() - started >= 0.06
    assert code(await dv.api.get("WhoAmI")) == (429, "0x80072321")


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_server_errors_leave_nothing_behind(dv: Dataverse, status: int) -> None:
    await configure(dv, [{"match": CREATE, "status": status, "code": "0x80040216", "message": "m"}])
    refused = await dv.api.post("contacts", json={"lastname": "Lee"})
    assert code(refused) == (status, "0x80040216")
    assert await count(dv) == 0


async def test_a_gateway_answers_with_html(dv: Dataverse) -> None:
    await configure(dv, [{"match": CREATE, "status": 502, "gateway": True}])
    refused = await dv.api.post("contacts", json={"lastname": "Lee"})
    assert (refused.status_code, refused.headers["Content-Type"].partition(";")[0]) == (502, "text/html")
    assert refused.text.startswith("<html>")


async def test_a_late_commit_comes_when_the_client_has_gone(dv: Dataverse) -> None:
    await configure(dv, [{"match": CREATE, "late": {"ms": None}}])
    with pytest.raises(httpx.RemoteProtocolError):
        await dv.api.post("contacts", json={"lastname": "Lee"})
    assert await count(dv) == 0
    assert (await dv.row("contacts"))["value"] == []
    assert (await dv.control.get("faults")).json()["late"] == 1
    assert (await dv.control.post("commit")).json() == {"committed": 1}
    assert await count(dv) == 1
    assert (await dv.control.get("faults")).json()["late"] == 0


async def test_a_late_commit_by_the_clock(dv: Dataverse) -> None:
    await configure(dv, [{"match": CREATE, "late": {"ms": 30}}])
    with pytest.raises(httpx.RemoteProtocolError):
        await dv.api.post("contacts", json={"lastname": "Lee"})
    for _ in range(200):
        if await count(dv):
            break
        await asyncio.sleep(0.01)
    assert await count(dv) == 1


async def test_a_late_commit_may_keep_its_client_waiting(dv: Dataverse) -> None:
    await configure(dv, [{"match": CREATE, "late": {"ms": None, "answer": "nothing"}}])
    with pytest.raises(httpx.ReadTimeout):
        await dv.api.post("contacts", json={"lastname": "Lee"}, timeout=0.1)
    assert await count(dv) == 0
    await dv.control.post("commit")
    assert await count(dv) == 1


async def test_what_is_late_is_lost_with_a_reset(dv: Dataverse) -> None:
    await configure(dv, [{"match": CREATE, "late": {"ms": None}}])
    with pytest.raises(httpx.RemoteProtocolError):
        await dv.api.post("contacts", json={"lastname": "Lee"})
    await dv.control.post("reset")
    assert (await dv.control.post("commit")).json() == {"committed": 0}
    assert await count(dv) == 0


async def test_a_rule_may_be_about_one_user(dv: Dataverse) -> None:
    await configure(dv, [{"match": {"user": "Ana.Ruiz@clinic.example"}, "times": 5, "status": 500}])
    as_ana = {"Authorization": "Bearer ana.ruiz@clinic.example"}
    assert (await dv.api.get("WhoAmI")).status_code == 200
    assert (await dv.api.get("WhoAmI", headers=as_ana)).status_code == 500


async def test_chance_is_the_same_for_the_same_seed(dv: Dataverse) -> None:
    async def run(seed: int) -> list[int]:
        await configure(dv, [{"match": {"path_regex": "WhoAmI"}, "probability": 0.4, "seed": seed}])
        return [(await dv.api.get("WhoAmI")).status_code for _ in range(30)]

    first, again, other = await run(7), await run(7), await run(8)
    assert first == again
    assert first != other
    assert 0 < first.count(503) < 30
    await run(7)
    assert (await dv.control.get("faults")).json()["rules"] == [first.count(503)]


def strikes(candidates: int, **document: Any) -> list[int]:
    made = trigger(document)
    return [number for number in range(candidates) if made.pull()]


def test_when_a_trigger_strikes() -> None:
    assert strikes(3) == [0, 1, 2]
    assert strikes(9, every=3) == [2, 5, 8]
    assert strikes(9, every=3, skip=1, times=2) == [3, 6]
    assert strikes(5, times=0) == []
    assert strikes(50, probability=0) == []
    for wrong in ({"every": 0}, {"probability": 1.5}):
        with pytest.raises(ValueError, match="every"):
            trigger(wrong)
