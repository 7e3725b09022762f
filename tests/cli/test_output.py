"""What people see: bars on a terminal, plain lines in a pipe, no colour when none is wanted."""

import io
import re

import pytest
from rich.console import Console

from cli import place
from cli.errors import ApiError
from cli.output import THEME, Out, count, counted, seconds, size
from cli.runs import follow
from tests.cli.conftest import Carryover
from tests.cli.fake_app import FakeApp


def watched(terminal: bool) -> tuple[Out, io.StringIO]:
    """An output whose people sit before a terminal, or do not."""
    written = io.StringIO()
    out = Out()
    out.people = Console(file=written, force_terminal=terminal, width=80, theme=THEME, highlight=False)
    return out, written


def test_bars_for_a_person_and_lines_for_a_pipe(
    app: FakeApp, carryover: Carryover, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    carryover("create", "--system", "elm")
    app.excepted = 2
    api = place.connect()
    for terminal, seen in ((True, "100/100"), (False, "patient: 100, 2 excepted")):
        run = api.post("/migrations/m-00000001/steps/scope", {})["run"]
        out, written = watched(terminal)
        assert follow(api, out, "m-00000001", run)["state"] == "done"
        assert seen in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", written.getvalue())
        assert ("\x1b[" in written.getvalue()) is terminal


@pytest.mark.parametrize(("terminal", "shown"), [(True, [True, True, True]), (False, [True, False, True])])
def test_a_run_that_is_held_back_says_so(
    app: FakeApp, carryover: Carryover, monkeypatch: pytest.MonkeyPatch, terminal: bool, shown: list[bool]
) -> None:
    """With every look on a terminal, below the bars; once a pause in a pipe."""
    monkeypatch.setenv("TERM", "xterm-256color")
    carryover("create", "--system", "elm")
    said = [("12:00:24", "goes on in 00:24."), ("12:00:24", "goes on in 00:23."), ("12:01:10", "goes on in 00:40.")]
    app.held_back = [{"until": until, "words": f"Paused by Dynamics; {words}"} for until, words in said]
    app.looks = 5
    api = place.connect()
    run = api.post("/migrations/m-00000001/steps/scope", {})["run"]
    out, written = watched(terminal)
    follow(api, out, "m-00000001", run)
    assert [f"Paused by Dynamics; {words}" in written.getvalue() for _, words in said] == shown


def test_a_run_that_is_not_there_leaves_the_terminal_alone(
    app: FakeApp, carryover: Carryover, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is drawn, and the cursor not hidden, before there is something to show."""
    monkeypatch.setenv("TERM", "xterm-256color")
    carryover("create", "--system", "elm")
    out, written = watched(True)
    with pytest.raises(ApiError):
        follow(place.connect(), out, "m-00000001", "scope-0009")
    assert written.getvalue() == ""


def test_no_color_takes_the_colours_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    out, written = watched(True)
    out.say("[bad]no[/bad] [good]yes[/good]")
    assert "\x1b[3" not in written.getvalue()


def test_a_runs_id_is_never_broken(app: FakeApp, carryover: Carryover, monkeypatch: pytest.MonkeyPatch) -> None:
    carryover("create", "--system", "elm")
    carryover("scope")
    [run] = app.migrations["m-00000001"]["runs"]
    run |= {
        "id": "rollback-0123",
        "message": "a message of many words " * 5,
        "by": "somebody.with.a.long.name@clinic.example",
    }
    monkeypatch.setenv("COLUMNS", "40")
    assert "rollback-0123" in carryover("status").out


def test_numbers_as_people_say_them() -> None:
    assert [count(n) for n in (0, 1234, None)] == ["·", "1,234", "·"]
    assert [seconds(s) for s in (0.44, 59.6, 185)] == ["0.4 s", "60 s", "3 min 05 s"]
    assert [size(n) for n in (5, 4 * 2**20, 3 * 2**30)] == ["5 bytes", "4.0 MB", "3.0 GB"]
    assert [counted(n, "file") for n in (1, 2)] == ["1 file", "2 files"]
