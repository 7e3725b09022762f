"""Rows that are in the target already are found by a rule; whose they are is told apart."""

import re
from typing import Any
from urllib.parse import unquote

import httpx
import pytest

from dataverse.match import Matches, find_matches, match_rows
from dataverse.rows import create_rows, set_state
from tests.dataverse.conftest import Simulator
from tests.dataverse.fake import FakeTarget
from tests.dataverse.samples import CONTACT, VISIT
from tests.dataverse.test_faults import ready
from tests.dataverse.test_target import new_ids, people

RULE = ["emailaddress1", "birthdate"]


def person(mail: str | None, born: str | None, row_id: str = "", mark: str | None = None) -> dict[str, Any]:
    return {"contactid": row_id, "emailaddress1": mail, "birthdate": born, "cms_sourcekey": mark}


def test_free_and_taken_rows() -> None:
    wanted = {
        "one": person("ann@x.example", "1980-02-29"),
        "case": person(" BOB@x.example ", "1970-01-01"),
        "two there": person("cy@x.example", "1990-05-05"),
        "twin a": person("di@x.example", "2000-01-01"),
        "twin b": person("Di@x.example", "2000-01-01"),
        "begun": person("ed@x.example", "1960-06-06", mark="s.patient.1"),
        "other birthday": person("ann@x.example", "1981-02-28"),
        "no mail": person(None, "1980-02-29"),
        "blank": person("  ", "1980-02-29"),
        "no birthday": person("ann@x.example", None),
    }
    there = [
        person("Ann@X.example", "1980-02-29", "A1"),
        person("bob@x.example", "1970-01-01", "b1"),
        person("cy@x.example", "1990-05-05", "c1"),
        person("cy@x.example", "1990-05-05", "c2"),
        person("di@x.example", "2000-01-01", "d1"),
        person(None, "1980-02-29", "e1"),
        person("ed@x.example", "1960-06-06", "f1", "S.patient.1"),
        person("ed@x.example", "1960-06-06", "f2", "s.patient.2"),
        person("ed@x.example", "1960-06-06", "f3", ""),
    ]
    found = match_rows("contactid", RULE, "cms_sourcekey", wanted, [*there, there[0]])
    assert found.free == {
        "one": ["a1"], "case": ["b1"], "two there": ["c1", "c2"], "twin a": ["d1"], "twin b": ["d1"], "begun": ["f1", "f3"],
    }  # fmt: skip
    assert found.taken == {"begun": ["f2"]}
    assert found.incomplete == ["no mail", "blank", "no birthday"]


def test_values_are_compared_as_the_service_compares_them() -> None:
    pairs: list[tuple[Any, Any, bool]] = [
        (1, 1.0, True),
        ("2021-03-04T05:06:07Z", "2021-03-04T06:06:07.000+01:00", True),
        ("2021-03-04T05:06:07Z", "2021-03-04T05:06:08Z", False),
        (True, True, True),
        (True, 1, False),
        ("Straße", "STRASSE", True),
        ("02139", "2139", False),
        ("02139", 2139, False),
    ]
    for one, other, same in pairs:
        found = match_rows("id", ["a"], "mark", {"k": {"a": one}}, [{"id": "1", "a": other}])
        assert bool(found.free) is same, (one, other)


def parts(target: FakeTarget) -> list[str]:
    """The addresses inside the batches, decoded."""
    return [unquote(found) for r in target.writes for found in re.findall(r"GET (\S+) HTTP", r.content.decode())]


def answering(*bodies: dict[str, Any]) -> FakeTarget:
    target = FakeTarget(VISIT)
    waiting = list(bodies)
    target.part = lambda piece: httpx.Response(200, json=waiting.pop(0))  # type: ignore[method-assign]
    return target


async def test_values_travel_in_bodies_and_are_quoted_by_their_type() -> None:
    target = answering({"value": []})
    row = {
        "cms_name": "O'Brien & Söhne",
        "cms_visitdate": "2021-03-04",
        "cms_minutes": 15,
        "cms_closed": True,
        "cms_kind": 100_000_001,
        "_cms_patient_value": "00000000-0000-0000-0000-000000000001",
        "unknown": "x",
    }
    async with target.client() as client:
        await find_matches(client, VISIT, list(row), {"k": row})
    [request] = target.requests
    assert request.method == "POST" and "Brien" not in str(request.url)
    [address] = parts(target)
    assert address.endswith(
        "$filter=((cms_name eq 'O''Brien & Söhne' and cms_visitdate eq 2021-03-04 and cms_minutes eq 15 and cms_closed eq "
        "true and cms_kind eq 100000001 and _cms_patient_value eq 00000000-0000-0000-0000-000000000001 and "
        "unknown eq 'x')) and (statecode eq 0 or statecode eq 3)"
    )
    assert b"S%C3%B6hne" in request.content and b"%26" in request.content


async def test_a_value_cannot_change_the_question() -> None:
    async with answering().client() as client:
        with pytest.raises(ValueError, match="cms_visitdate") as caught:
            await find_matches(client, VISIT, ["cms_visitdate"], {"k": {"cms_visitdate": "2021-01-01 or 1 eq 1"}})
        assert "1 eq 1" not in str(caught.value)
        with pytest.raises(ValueError, match="at least one"):
            await find_matches(client, VISIT, [], {})


async def test_queries_are_grouped_and_keep_below_the_length_of_an_address() -> None:
    short = {str(n): {"cms_name": f"n{n}"} for n in range(1050)}
    target = answering(*[{"value": []}] * 53)
    async with target.client() as client:
        await find_matches(client, VISIT, ["cms_name"], {**short, "again": {"cms_name": "N7 "}})
    assert [r.content.count(b"GET ") for r in target.writes] == [50, 3]
    assert max(address.count(" eq ") for address in parts(target)) == 20 + 2
    long = {str(n): {"cms_name": f"{n}" + "é" * 1000} for n in range(30)}
    target = answering(*[{"value": []}] * 10)
    async with target.client() as client:
        await find_matches(client, VISIT, ["cms_name"], long)
    lengths = [len(found) for r in target.writes for found in re.findall(rb"GET (\S+) HTTP", r.content)]
    assert max(lengths) < 32_000 and len(lengths) == 10


async def test_further_pages_are_asked_for_in_bodies_too() -> None:
    [one, two] = new_ids(2)
    link = "https://target.example/api/data/v9.2/cms_visits?$filter=cms_name%20eq%20'Zebulon'&$skiptoken=2"
    target = answering(
        {"value": [{"cms_visitid": one, "cms_name": "Zebulon"}], "@odata.nextLink": link},
        {"value": [{"cms_visitid": two, "cms_name": "zebulon"}]},
    )
    async with target.client() as client:
        found = await find_matches(client, VISIT, ["cms_name"], {"k": {"cms_name": "Zebulon"}})
    assert found.free == {"k": sorted([one, two])}
    assert all("Zebulon" not in str(r.url) for r in target.requests)


async def test_nothing_is_asked_when_there_is_nothing_to_compare() -> None:
    target = answering()
    async with target.client() as client:
        found = await find_matches(client, CONTACT, RULE, {"k": person(None, None)})
    assert found.incomplete == ["k"] and target.requests == []


async def test_against_the_simulator(simulator: Simulator) -> None:
    await ready(simulator)
    ids = new_ids(30)
    rows = people(ids)
    for number, row in enumerate(rows):
        row |= {"emailaddress1": f"P{number}.{ids[0]}@x.example", "lastname": "O'Brien, é & <b>"}
    rows[1]["emailaddress1"] = rows[0]["emailaddress1"]
    async with simulator.client() as client:
        await create_rows(client, CONTACT, rows)
        columns = ["emailaddress1", "birthdate", "lastname"]
        wanted = {f"k{n}": {**row, "emailaddress1": row["emailaddress1"].lower()} for n, row in enumerate(rows[1:], 1)}
        found = await find_matches(client, CONTACT, columns, wanted)
        await set_state(client, CONTACT, {ids[7]: (1, 2)})
        retired = await find_matches(client, CONTACT, columns, {"k": rows[7]})
    assert found.free == {f"k{n}": [ids[n]] for n in range(1, 30)}
    assert found.taken == {"k1": [ids[0]]}
    assert retired == Matches()
