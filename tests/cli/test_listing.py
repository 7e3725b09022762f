"""Choosing from what is listed: by object, by time, by number."""

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from cli.listing import ObjectName
from mapping.objects import OBJECTS
from tests.cli.conftest import Carryover
from tests.cli.fake_app import FakeApp
from tests.cli.fake_reports import compared


@pytest.fixture
def runs(app: FakeApp, carryover: Carryover) -> list[str]:
    """Runs that began three days, one day and an hour ago."""
    carryover("create", "--system", "elm")
    for number, hours in enumerate((72, 24, 1), 1):
        began = (datetime.now(UTC) - timedelta(hours=hours)).isoformat()
        app.migrations["m-00000001"]["runs"].append(
            {"id": f"delta-{number:04d}", "kind": "delta", "state": "done", "started": began}
        )
    return ["delta-0001", "delta-0002", "delta-0003"]


@pytest.mark.parametrize(
    "options,left",
    [([], 3), (["--since", "2d"], 2), (["--since", "2h"], 1), (["--limit", "2"], 2), (["--since", "2d", "--limit", "1"], 1),
     (["--since", (datetime.now(UTC) - timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")], 2), (["--limit", "9"], 3),
     (["--since", "2999-01-01"], 0)],
)  # fmt: skip
def test_runs(carryover: Carryover, runs: list[str], options: list[str], left: int) -> None:
    found = carryover("status", *options, "--json").document["runs"]
    assert [one["id"] for one in found] == runs[len(runs) - left :]


def test_the_diffs_fields(app: FakeApp, carryover: Carryover, runs: list[str]) -> None:
    named = (("patient", "p1", "city"), ("location", "l1", "name"), ("patient", "p2", "city"))
    app.compared = [compared(*one) for one in named]
    tables = {
        one["title"]: one["rows"]
        for one in carryover("diff", "--object", "patient", "--limit", "1", "--json").document["tables"]
    }
    assert [row["Source id"] for row in tables["Fields"]] == ["p1"]
    assert tables["By verdict"]  # what counts all objects stays
    shown = carryover("diff", "--limit", "2").out
    assert "l1" in shown and "p2" not in shown and "unknown_choice" in shown
    assert "l1" not in carryover("diff", "--object", "patient").out


@pytest.mark.parametrize(
    "command", [("status", "--since", "never"), ("diff", "--object", "patients"), ("exceptions", "--limit", "0")]
)
def test_what_cannot_be_chosen_by_is_misuse(carryover: Carryover, runs: list[str], command: tuple[str, ...]) -> None:
    ended = carryover(*command, "--json")
    assert ended.code == 2 and command[1] in ended.document["error"]["message"]


def test_the_objects_are_those_of_a_migration() -> None:
    assert set(get_args(ObjectName)) == set(OBJECTS)
