"""The map edited field by field from the command line."""

from typing import Any

import pytest

from tests.cli.conftest import Carryover
from tests.cli.fake_app import FakeApp

FIRST = {"field": "patient.0.0", "source": "FIRST"}
SEX = {"field": "patient.0.1", "source": "SEX"}


@pytest.fixture(autouse=True)
def scoped(app: FakeApp, carryover: Carryover) -> None:
    carryover("create", "--system", "elm")
    app.posted.clear()


def edits(app: FakeApp) -> list[dict[str, Any]]:
    """The edits of the one request that was sent."""
    [(what, body)] = app.posted
    assert what == "fields"
    assert body["by"] == "Ada"
    return list(body["edits"])


def test_the_review_lists_what_needs_an_eye(app: FakeApp, carryover: Carryover) -> None:
    app.delicate = True
    document = carryover("map", "review", "--json").document
    assert [(one["place"], one["name"], one["why"]) for one in document["fields"]] == [
        ("patient.0.1", "patient.SEX", "by name"),
        ("patient.0.2", "patient.SEX", "by name"),
        ("patient.0.3", "patient.SSN", "nobody decided"),
    ]
    assert document["problems"][0]["unfilled"] == "lastname"
    told = carryover("map", "review", "--below", "0.7").out
    assert "60%" in told and "90%" not in told and "need “Last name”" in told
    assert "No field needs an eye." in carryover("map", "review", "--object", "staff").out


@pytest.mark.parametrize(
    ("options", "change"),
    [
        (["--column", "nickname"], {"action": "change", "column": "nickname"}),
        (["--transform", "identifier", "--phi", "name"], {"action": "change", "transform": "identifier", "phi": "name"}),
        (["--comment", "asked"], {"action": "comment", "comment": "asked"}),
        (["--arg", "places=2", "--arg", "none=[\"-\"]", "--arg", "zone=America/New_York"],
         {"action": "change", "args": {"places": 2, "none": ["-"], "zone": "America/New_York"}}),
        (["--value", "a=b=Yes", "--value", "N="], {"action": "change", "values": {"a=b": "Yes", "N": None}}),
    ],
)  # fmt: skip
def test_a_field_is_changed(app: FakeApp, carryover: Carryover, options: list[str], change: dict[str, Any]) -> None:
    ended = carryover("map", "set", "patient.FIRST", *options, "--by", "Ada", "--json")
    assert ended.code == 0, ended.err
    assert ended.document["version"] == 4
    assert edits(app) == [FIRST | {"comment": ""} | change]


def test_what_is_not_named_stays(app: FakeApp, carryover: Carryover) -> None:
    command = (
        "map",
        "set",
        "patient.0.1",
        "--arg",
        "case=true",
        "--arg",
        "separator=",
        "--value",
        "F=Female",
        "--by",
        "Ada",
    )
    assert carryover(*command).code == 0
    assert edits(app) == [
        SEX | {"action": "change", "comment": "", "args": {"case": True}, "values": {"M": "Male", "F": "Female"}}
    ]


def test_a_field_is_left_out_with_its_reason(app: FakeApp, carryover: Carryover) -> None:
    assert carryover("map", "ignore", "patient.FIRST", "--reason", "paper only", "--by", "Ada").code == 0
    assert edits(app) == [FIRST | {"action": "ignore", "reason": "paper only"}]
    assert carryover("map", "ignore", "patient.FIRST", "--json").code == 2


@pytest.mark.parametrize(
    ("given", "places"),
    [
        (["patient.FIRST", "patient.0.1"], ["patient.0.0", "patient.0.1"]),
        (["--above", "0.95"], ["patient.0.0", "patient.0.3"]),
        (["patient.0.1", "--above", "0.9"], ["patient.0.1", "patient.0.0", "patient.0.2", "patient.0.3"]),
    ],
)
def test_fields_are_confirmed(app: FakeApp, carryover: Carryover, given: list[str], places: list[str]) -> None:
    assert carryover("map", "confirm", *given, "--by", "Ada", "--json").document["fields"] == places
    assert [(one["field"], one["action"]) for one in edits(app)] == [(place, "confirm") for place in places]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["set", "patient.SEX", "--column", "x"], "patient.0.2 (contact.Gender)"),
        (["set", "patient.FIRS", "--column", "x"], "Perhaps patient.FIRST"),
        (["set", "pet.NAME", "--column", "x"], "map show"),
        (["set", "patient.FIRST"], "map set --help"),
        (["set", "patient.FIRST", "--arg", "places"], "--arg NAME=VALUE"),
        (["confirm"], "map confirm --above 0.95"),
    ],
)
def test_misuse_says_what_to_do(app: FakeApp, carryover: Carryover, command: list[str], words: str) -> None:
    ended = carryover("map", *command, "--json")
    assert ended.code == 2
    assert words in ended.document["error"]["next"]
    assert app.posted == []
