"""Gates that the one who types sets: a warning, or a change, ends the command with 3."""

from typing import Any

import pytest

from tests.cli.conftest import Carryover
from tests.cli.fake_app import FakeApp

WARNING = ("warning", "documents_blocked", "exe", "Documents of type exe are blocked.", "Unblock the type.")
NOTE = ("info", "organization", "Clinic Trial", "The target is Clinic Trial.", "")


@pytest.fixture
def migration(app: FakeApp, carryover: Carryover) -> dict[str, Any]:
    carryover("create", "--system", "elm")
    return app.migrations["m-00000001"]


def test_a_warned_preparation_says_of_what_and_ends_with_3_if_that_is_wanted(
    app: FakeApp, carryover: Carryover, migration: dict[str, Any]
) -> None:
    for findings, wanted, code in (((NOTE,), True, 0), ((NOTE, WARNING), False, 0), ((NOTE, WARNING), True, 3)):
        migration["state"], app.findings_before = "confirmed", list(findings)
        ended = carryover("prepare", *["--fail-on-warning"] * wanted)
        assert ended.code == code
        assert ("Unblock the type." in ended.out) is (WARNING in findings)
        assert "The target is Clinic Trial." not in ended.out
    assert "gave 1 warning." in ended.err
    assert migration["state"] == "prepared"  # the step itself was taken


def test_owners_that_the_target_does_not_know(app: FakeApp, carryover: Carryover, migration: dict[str, Any]) -> None:
    assert carryover("owners", "--fail-on-warning").code == 0
    app.unmatched = 2
    assert carryover("owners").code == 0
    ended = carryover("owners", "--fail-on-warning", "--json")
    assert ended.code == 3 and ended.document["strangers"]
    assert "1 are no users" in ended.err


def test_a_map_that_needs_an_eye(app: FakeApp, carryover: Carryover, migration: dict[str, Any]) -> None:
    carryover("scope")
    assert carryover("map", "review").code == 0
    ended = carryover("map", "review", "--fail-on-warning", "--json")
    assert ended.code == 3 and ended.document["fields"] and "needs an eye in" in ended.err
    assert carryover("map", "review", "--object", "location", "--fail-on-warning").code == 0


def test_a_plan_with_changes(app: FakeApp, carryover: Carryover, migration: dict[str, Any]) -> None:
    migration["state"] = "signed_off"
    ended = carryover("plan", "--json")
    assert ended.code == 0 and ended.document["objects"][0]["Create"] == 100
    ended = carryover("plan", "--fail-on-changes")
    assert ended.code == 3 and "would write 100 records" in ended.err
    app.planned = [("patient", 0, 0, 0, 100, 1, 2)]
    assert carryover("plan", "--fail-on-changes").code == 0
    app.planned = [("patient", 0, 0, 1, 99, 0, 0)]
    assert carryover("plan", "--fail-on-changes").code == 3
