"""Timer triggers."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from local.host.load import LoadError, setting_text
from local.host.timers import Schedule
from tests.host.harness import Host, until


def micros(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("expression", "now", "following"),
    [
        ("0 */5 * * * *", "2026-01-01T00:00:00", "2026-01-01T00:05:00"),
        ("30 15 2 * * *", "2026-01-01T02:15:30", "2026-01-02T02:15:30"),
        ("0 0 9 * * 1-5", "2026-01-02T09:00:01", "2026-01-05T09:00:00"),
        ("*/10 * * * * *", "2026-01-01T00:00:05", "2026-01-01T00:00:10"),
        ("*/5 * * * *", "2026-01-01T00:00:00", "2026-01-01T00:05:00"),
        ("0 0 0 1 Jan *", "2026-01-01T00:00:00", "2027-01-01T00:00:00"),
    ],
)
def test_schedule(expression: str, now: str, following: str) -> None:
    assert Schedule(expression, "t").after(micros(now)) == micros(following)


@pytest.mark.parametrize("expression", ["01:00:00", "* * *", "0 61 * * * *", "0 0 0 30 2 *", "a b c d e f"])
def test_bad_schedules_are_refused(expression: str) -> None:
    with pytest.raises(LoadError, match="t: "):
        Schedule(expression, "t")


def test_a_setting_in_a_schedule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRON_MINUTES", "*/7")
    assert setting_text("0 %CRON_MINUTES% * * * *", "t") == "0 */7 * * * *"
    with pytest.raises(LoadError, match="t: '%NO_SUCH%' does not resolve"):
        setting_text("%NO_SUCH%", "t")


def test_firing_on_time_and_after_a_missed_time(tmp_path: Path) -> None:
    ticking = Host(tmp_path, schedule="* * * * * *").start()
    try:
        until("it fires", lambda: ticking.noted("tick"))
        assert set(ticking.noted("tick")) == {"on time"}
        assert ticking.finish("started-by-timer")["output"] == 1  # runOnStartup, and a client in a timer
        ticking.kill()
        with sqlite3.connect(tmp_path / "state.db") as state:  # the host was away when the timer fell due
            state.execute("UPDATE timer_triggers SET next = 1 WHERE name = 'tick'")
        state.close()
        ticking.start()
        until("it fires late", lambda: "late" in ticking.noted("tick"))
    finally:
        ticking.stop()
