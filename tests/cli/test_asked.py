"""The options of every command: documents as lines, and never a question."""

import json
import os
import pty
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli import place
from cli.main import program
from tests.cli.conftest import Carryover, Ended
from tests.cli.fake_app import FakeApp

LAUNCHER = Path(__file__).resolve().parents[2] / "carryover"


def lines(ended: Ended) -> list[Any]:
    """The documents on stdout; fails the test when a line is none."""
    return [json.loads(line) for line in ended.out.splitlines()]


@pytest.fixture
def sampled(app: FakeApp, carryover: Carryover) -> FakeApp:
    """A migration with a sample to sign."""
    carryover("create", "--system", "elm")
    app.migrations["m-00000001"] |= {"state": "sampled", "map_hash": "h", "sample_run": "sample-0001"}
    return app


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, one in getattr(group, "commands", {}).items():
        if one.callback is not None:
            yield (*path, name), one
        yield from commands(one, (*path, name))


def test_every_command_has_them_once() -> None:
    found = list(commands(program))
    assert len(found) > 40
    for path, command in found:
        names = [option for one in command.params for option in one.opts]
        assert (names.count("--json"), names.count("--ndjson"), names.count("--no-input")) == (1, 1, 1), path


def test_a_run_is_a_line_each_time_it_moves(app: FakeApp, carryover: Carryover) -> None:
    carryover("create", "--system", "elm")
    app.looks = 4
    ended = carryover("scope", "--ndjson")
    said = lines(ended)
    assert [one["progress"]["patient"]["done"] for one in said] == [25, 50, 75, 100]
    assert [one["state"] for one in said] == ["running"] * 3 + ["done"]
    assert "✓" in ended.err and "✓" not in ended.out


def test_a_run_that_stands_still_is_not_told_again(app: FakeApp, carryover: Carryover) -> None:
    carryover("create", "--system", "elm")
    app.looks = 200  # two looks a percent
    said = lines(carryover("scope", "--ndjson"))
    assert [one["progress"]["patient"]["done"] for one in said] == list(range(101))


def test_that_the_seconds_run_is_no_news(app: FakeApp, carryover: Carryover) -> None:
    carryover("create", "--system", "elm")
    app.looks = 300  # three looks a percent
    app.held_back = [{"until": "12:00:24", "words": f"goes on in 00:{left}."} for left in (24, 23)]
    said = lines(carryover("scope", "--ndjson"))
    assert [one["held_back"]["words"] for one in said if one.get("held_back")] == ["goes on in 00:24."]


def test_every_step_in_a_row_is_told_with_its_end_and_the_summary_is_last(
    app: FakeApp, carryover: Carryover, export: Path
) -> None:
    said = lines(carryover("migrate", "--source", str(export), "--yes", "--ndjson"))
    ends = [one["kind"] for one in said if one.get("state") == "done"]
    assert ends == ["scope", "prepare", "sample", "plan", "migrate", "verify"]
    assert said[-1]["migration"] == "m-00000001" and said[-1]["objects"]["patient"]["read"] == 100


def test_a_list_is_a_line_a_row(sampled: FakeApp, carryover: Carryover) -> None:
    said = lines(carryover("exceptions", "--limit", "3", "--ndjson"))
    assert [one["source_id"] for one in said] == ["p0", "p1", "p2"]
    sampled.unexplained = {"differs/patient/city": ["p1"], "owner/patient": ["p2"]}
    assert [one["cause"] for one in lines(carryover("differences", "--ndjson"))] == [
        "differs/patient/city", "owner/patient",
    ]  # fmt: skip


def test_what_went_wrong_is_the_last_line(app: FakeApp, carryover: Carryover) -> None:
    carryover("create", "--system", "elm")
    app.ends["scope"] = {
        "state": "failed",
        "error": {"code": "no_files", "message": "There is none.", "next": "upload"},
    }
    ended = carryover("scope", "--ndjson")
    *_, run, error = lines(ended)
    assert ended.code == 1
    assert (run["state"], error["error"]["code"]) == ("failed", "no_files")
    [error] = lines(carryover("scop", "--ndjson"))
    assert error["error"]["exit"] == 2


ASKING = [
    (("confirm",), "mapped", "--controlled"),
    (("sign-off",), "sampled", "--yes"),
    (("run",), "signed_off", "--target NAME"),
    (("retry",), "migrated", "--target NAME"),
    (("accept",), "verified", "--yes"),
    (("rollback",), "verified", "--yes"),
    (("close",), "verified", "--typed m-00000001"),
    (("explain", "cause"), "sampled", "--reason"),
]


@pytest.mark.parametrize("command,state,answer", ASKING, ids=lambda one: one[0] if isinstance(one, tuple) else None)
def test_where_nobody_can_be_asked_the_option_that_answers_is_named(
    app: FakeApp, carryover: Carryover, command: tuple[str, ...], state: str, answer: str
) -> None:
    carryover("create", "--system", "elm")
    app.migrations["m-00000001"] |= {"state": state, "map_hash": "h", "sample_run": "sample-0001"}
    app.posted.clear()
    ended = carryover(*command, "--json")
    assert (ended.code, ended.document["error"]["code"]) == (2, "misuse")
    assert answer in ended.document["error"]["next"]
    assert app.posted == []


def at_a_terminal(typed: str, *arguments: str) -> tuple[int, str]:
    """Runs the program before a terminal at which this is typed: the exit code, and what is seen there."""
    ours, theirs = pty.openpty()
    try:
        command = subprocess.Popen([LAUNCHER, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=os.environ)
        os.close(theirs)
        os.write(ours, typed.encode())
        seen = b""
        try:
            while piece := os.read(ours, 4096):
                seen += piece
        except OSError:  # the terminal's other end is closed
            pass
        return command.wait(30), seen.decode()
    finally:
        os.close(ours)


def test_a_person_is_asked_unless_no_input_is_wanted(sampled: FakeApp) -> None:
    code, seen = at_a_terminal("n\n", "sign-off", "--by", "Ada")
    assert code == 3 and "Sign the sample as Ada?" in seen and "Not signed." in seen
    code, seen = at_a_terminal("y\n", "sign-off", "--by", "Ada", "--no-input")
    assert code == 2 and "Say so with --yes." in seen
    assert sampled.migrations["m-00000001"]["state"] == "sampled"
    assert at_a_terminal("y\n", "sign-off", "--by", "Ada")[0] == 0


def test_a_rollback_elsewhere_is_not_started_by_yes_alone(
    sampled: FakeApp, carryover: Carryover, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, "is_trial", lambda: False)
    assert carryover("rollback", "--preview").code == 0
    sampled.posted.clear()
    ended = carryover("rollback", "--yes", "--json")
    assert ended.code == 2 and "--target NAME" in ended.document["error"]["next"]
    assert carryover("rollback", "--yes", "--target", "Another").code == 3
    assert sampled.posted == []
    assert carryover("rollback", "--yes", "--target", "Clinic Trial").code == 0
