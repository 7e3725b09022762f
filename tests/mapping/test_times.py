"""Dates and times: one reading or none."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapping.transforms import BadArgs, Refused
from tests.mapping.support import refusal, run

NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2015-05-06", "2015-05-06"),
        ("2015-05-06T23:30:00-04:00", "2015-05-06"),
        ("2015-05-06 10:11:12.345678", "2015-05-06"),
        ("2015/05/06", "2015-05-06"),
        ("20150506", "2015-05-06"),
        ("25.12.2015", "2015-12-25"),
        ("06.05.2015", "2015-05-06"),
        ("12/25/2015", "2015-12-25"),
        ("25/12/2015 8:15 PM", "2015-12-25"),
        ("05/05/2015", "2015-05-05"),
        ("06-May-2015", "2015-05-06"),
        ("6 Sept 2015", "2015-09-06"),
        ("May 6, 2015", "2015-05-06"),
        ("1753-01-01", "1753-01-01"),
    ],
)
def test_dates_that_can_be_read_in_one_way(text: str, day: str) -> None:
    assert run("date", text) == day


@pytest.mark.parametrize("text", ["", "0000-00-00", "0000-00-00 00:00:00", "0001-01-01", "0001-01-01T00:00:00Z"])
def test_no_date_is_no_value(text: str) -> None:
    assert run("date", text) is None
    assert run("datetime", text) is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("05/06/2015", "ambiguous_date"),
        ("5-6-2015", "ambiguous_date"),
        ("2015-02-30", "bad_date"),
        ("31.11.2015", "bad_date"),
        ("13/13/2015", "bad_date"),
        ("06-Foo-2015", "bad_date"),
        ("yesterday", "bad_date"),
        ("42", "bad_date"),
        ("2015-05-06 25:00", "bad_date"),
        ("12/25/2015 13:00 PM", "bad_date"),
        ("1752-12-31", "before_1753"),
        ("12/31/1600", "before_1753"),
    ],
)
@pytest.mark.parametrize("name", ["date", "datetime"])
def test_what_is_refused(name: str, text: str, code: str) -> None:
    assert refusal(name, text) == code


def test_the_map_says_which_format_an_ambiguous_date_has() -> None:
    assert run("date", "05/06/2015", format="us") == "2015-05-06"
    assert run("date", "05/06/2015", format="day_first") == "2015-06-05"
    assert run("date", "2015-05-06", format=["us", "iso"]) == "2015-05-06"
    assert refusal("date", "2015-05-06", format="us") == "bad_date"
    assert run("date", "06|05|15", format="%d|%m|%y") == "2015-05-06"
    assert run("datetime", "1431000000", format="epoch_seconds") == "2015-05-07T12:00:00Z"
    assert run("datetime", "1431000000000", format="epoch_milliseconds") == "2015-05-07T12:00:00Z"
    with pytest.raises(BadArgs):
        run("date", "x", format="american")


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2015-07-13T03:13:48Z", "2015-07-13T03:13:48Z"),
        ("2015-07-13T03:13:48+00:00", "2015-07-13T03:13:48Z"),
        ("2015-07-13T03:13:48-04:00", "2015-07-13T07:13:48Z"),
        ("2015-07-13 03:13:48.123456789+0200", "2015-07-13T01:13:48Z"),
        ("2015-07-13 03:13:48.69+00", "2015-07-13T03:13:48Z"),
        ("2015-07-13 03:13:48 UTC", "2015-07-13T03:13:48Z"),
        ("2015-07-13T03:13Z", "2015-07-13T03:13:00Z"),
        ("2015-07-13 03:13:48", "2015-07-13T07:13:48Z"),
        ("2015-01-13 03:13:48", "2015-01-13T08:13:48Z"),
        ("2015-07-13", "2015-07-13T04:00:00Z"),
        ("07/13/2015 03:13 PM", "2015-07-13T19:13:00Z"),
        ("07/13/2015 12:05 am", "2015-07-13T04:05:00Z"),
        ("13.07.2015 15:13", "2015-07-13T19:13:00Z"),
    ],
)
def test_moments_in_utc(text: str, utc: str) -> None:
    assert run("datetime", text, zone=NEW_YORK) == utc


def test_daylight_saving_is_not_guessed() -> None:
    assert refusal("datetime", "2024-03-10 02:30:00", zone=NEW_YORK) == "no_such_time"
    assert run("datetime", "2024-03-10 02:30:00", zone=NEW_YORK, gap="forward") == "2024-03-10T07:30:00Z"
    assert refusal("datetime", "2024-11-03 01:30:00", zone=NEW_YORK) == "ambiguous_time"
    assert run("datetime", "2024-11-03 01:30:00", zone=NEW_YORK, fold="first") == "2024-11-03T05:30:00Z"
    assert run("datetime", "2024-11-03 01:30:00", zone=NEW_YORK, fold="second") == "2024-11-03T06:30:00Z"
    assert run("datetime", "2024-11-03T01:30:00-05:00", zone=NEW_YORK) == "2024-11-03T06:30:00Z"
    with pytest.raises(BadArgs):
        run("datetime", "2024-11-03 01:30:00", zone=NEW_YORK, fold="last")


def test_the_edges_of_the_calendar() -> None:
    assert refusal("datetime", "9999-12-31T23:59:59-04:00") == "bad_date"
    assert refusal("datetime", "1753-01-01T00:30:00+02:00") == "before_1753"


@given(st.datetimes(datetime(1753, 1, 2), datetime(9999, 12, 30)), st.integers(-14 * 60, 14 * 60))
def test_any_iso_moment_keeps_its_instant(moment: datetime, minutes: int) -> None:
    sign = "-" if minutes < 0 else "+"
    hours, rest = divmod(abs(minutes), 60)
    text = moment.replace(microsecond=0).isoformat() + f"{sign}{hours:02}:{rest:02}"
    expected = moment.replace(microsecond=0, tzinfo=UTC) - timedelta(minutes=minutes)
    assert run("datetime", text) == expected.isoformat().replace("+00:00", "Z")


@given(st.dates(date(1753, 1, 1), date(9999, 12, 31)))
def test_any_day_survives_each_way_of_writing_it(day: date) -> None:
    written = {
        None: day.isoformat(),
        "us": f"{day.month}/{day.day}/{day.year:04}",
        "day_first": f"{day.day:02}/{day.month:02}/{day.year:04}",
        "dots": f"{day.day}.{day.month}.{day.year:04}",
        "compact": f"{day.year:04}{day.month:02}{day.day:02}",
    }
    for name, text in written.items():
        args: dict[str, Any] = {"format": name} if name else {}
        assert run("date", text, **args) == day.isoformat()


@given(st.datetimes(datetime(2000, 1, 1), datetime(2035, 1, 1)))
def test_local_times_come_back_or_are_refused(moment: datetime) -> None:
    local = moment.replace(microsecond=0)
    try:
        utc = run("datetime", local.isoformat(sep=" "), zone=NEW_YORK)
    except Refused as refused:
        assert refused.code in ("ambiguous_time", "no_such_time")
        return
    assert datetime.fromisoformat(utc).astimezone(NEW_YORK).replace(tzinfo=None) == local


@given(st.text(max_size=30))
def test_no_text_breaks_the_readers(text: str) -> None:
    for name in ("date", "datetime"):
        try:
            result = run(name, text, zone=NEW_YORK)
        except Refused as refused:
            assert refused.code in ("bad_date", "ambiguous_date", "before_1753", "ambiguous_time", "no_such_time")
        else:
            assert result is None or result[:4].isdigit()
