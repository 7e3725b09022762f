"""The rules are asked in their order, each for those whom none before it has found."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from activities import adopt
from dataverse.match import Matches
from mapping.catalog import build_schema
from mapping.keys import row_id
from tests.mapping.samples import a_map

RULES = {"contact": [["emailaddress1"], ["lastname", "birthdate"]]}


def record(id: str, table: str = "contact") -> dict[str, Any]:
    key = f"s.patient.{id}"
    return {"source_key": key, "source_id": id, "row_key": key, "table": table, "payload": {"lastname": id}}


async def found(monkeypatch: pytest.MonkeyPatch, answers: dict[str, Matches], *ids: str) -> Any:
    """What is found for these records, and whom each rule was asked for."""
    asked: dict[str, list[str]] = {}

    async def find_matches(_: Any, table: Any, columns: Sequence[str], rows: Mapping[str, Any]) -> Matches:
        assert table.logical == "contact"
        asked[columns[0]] = [row["lastname"] for row in rows.values()]
        return answers.get(columns[0], Matches())

    monkeypatch.setattr(adopt, "find_matches", find_matches)
    records = [*(record(id) for id in ids), record("elsewhere", "account")]
    some = await adopt.find(None, build_schema(a_map()), RULES, records, 0)  # type: ignore[arg-type]
    return {one["source_id"]: (one["row_ids"], one["taken"]) for one in some}, asked


async def test_a_rule_that_found_something_settles_it(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {
        "emailaddress1": Matches(free={"s.patient.a": ["r1"], "s.patient.b": ["r2", "r3"]}),
        "lastname": Matches(free={"s.patient.c": ["r4"]}),
    }
    some, asked = await found(monkeypatch, answers, "a", "b", "c", "d")
    assert some == {"a": (["r1"], []), "b": (["r2", "r3"], []), "c": (["r4"], [])}
    assert asked == {"emailaddress1": ["a", "b", "c", "d"], "lastname": ["c", "d"]}


async def test_rows_of_others_do_not_settle_it_but_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {
        "emailaddress1": Matches(taken={"s.patient.a": ["r1"], "s.patient.b": ["r1"]}),
        "lastname": Matches(free={"s.patient.a": ["r2"]}, taken={"s.patient.b": ["r0"]}),
    }
    some, _ = await found(monkeypatch, answers, "a", "b")
    assert some == {"a": (["r2"], ["r1"]), "b": ([], ["r0", "r1"])}


async def test_a_row_that_an_earlier_attempt_created_is_none_to_adopt(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has the id that the record's own row gets; the create finds it by that."""
    own = row_id("s.patient.a", 0)
    some, asked = await found(monkeypatch, {"emailaddress1": Matches(free={"s.patient.a": [own]})}, "a")
    assert some == {}
    assert asked["lastname"] == ["a"]
