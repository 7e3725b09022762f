"""Fields that would be left behind undecided, and values that no option answers, from the command line."""

from pathlib import Path

from tests.cli.conftest import Carryover
from tests.cli.fake_app import FakeApp

LEFT = [{"field": "patient.0.0", "source": "FIRST"}, {"field": "patient.0.3", "source": "SSN"}]


def scoped(app: FakeApp, carryover: Carryover) -> None:
    """A map with two such fields."""
    app.left_behind = list(LEFT)
    carryover("create", "--system", "elm")
    carryover("scope")


def test_review_shows_them(app: FakeApp, carryover: Carryover) -> None:
    scoped(app, carryover)
    shown = carryover("map", "review", "--json").document["fields"]
    assert [one["why"] for one in shown if one["source"] in ("FIRST", "SSN")] == ["left behind, undecided: by name"] * 2


def test_they_are_accepted_together_by_object_or_one_by_one(app: FakeApp, carryover: Carryover) -> None:
    for given, accepted in (
        (("--all",), LEFT),
        (("--object", "patient"), LEFT),
        (("patient.SSN", "--reason", "On paper"), LEFT[1:]),
    ):
        scoped(app, carryover)
        assert carryover("map", "accept", *given, "--by", "Ada", "--json").code == 0
        reason = given[2] if len(given) > 2 else ""
        edits = [one | {"action": "accept", "reason": reason} for one in accepted]
        assert app.posted[-1] == ("fields", {"by": "Ada", "edits": edits})


def test_what_is_not_left_behind_is_not_accepted(app: FakeApp, carryover: Carryover) -> None:
    scoped(app, carryover)
    for given in ((), ("--object", "location"), ("patient.SSN", "patient.0.1")):
        assert carryover("map", "accept", *given, "--json").code == 2


def test_confirm_wants_a_decision_and_yes_gives_it(app: FakeApp, carryover: Carryover) -> None:
    scoped(app, carryover)
    ended = carryover("confirm", "--controlled", "include", "--json")
    assert ended.code == 2 and "2 source fields would be left behind" in ended.document["error"]["message"]
    ended = carryover("confirm", "--yes")
    assert ended.code == 0 and "2 source fields left behind, as proposed" in ended.out
    assert "Taken by a default: 2 values in 9 records." in ended.out
    assert [what for what, _ in app.posted[-2:]] == ["fields", "confirm"]


def test_migrate_yes_accepts_them_and_says_how_many(app: FakeApp, carryover: Carryover, export: Path) -> None:
    app.left_behind = list(LEFT)
    ended = carryover("migrate", "--source", str(export), "--yes")
    assert ended.code == 0 and "2 source fields left behind, as proposed" in ended.out
    assert dict(app.posted)["fields"]["edits"] == [one | {"action": "accept"} for one in LEFT]


def test_values_without_an_option_are_listed_with_what_becomes_of_them(app: FakeApp, carryover: Carryover) -> None:
    scoped(app, carryover)
    shown = carryover("map", "values").out
    assert "an exception" in shown and "Other, the default" in shown
    assert [one["value"] for one in carryover("map", "values", "--json").document["values"]] == ["X", "Q"]
