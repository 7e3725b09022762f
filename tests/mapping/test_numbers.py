"""Numbers, yes and no, durations."""

from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapping.transforms import BadArgs
from tests.mapping.support import column, refusal, run

MONEY = column("money", precision=2)


def test_integers() -> None:
    assert run("integer", " 42 ") == 42
    assert run("integer", "-7") == -7
    assert run("integer", "12.0") == 12
    assert run("integer", "1,234") == 1234
    assert run("integer", 7) == 7
    assert refusal("integer", "12.5") == "not_whole"
    assert refusal("integer", "2147483648") == "out_of_range"
    for bad in ("twelve", "1,23", "0x10", "1 2", "٣", "1e999999"):
        assert refusal("integer", bad) in ("not_number", "not_whole", "out_of_range"), bad


@given(st.integers(-2_147_483_648, 2_147_483_647))
def test_every_integer_survives(number: int) -> None:
    assert run("integer", str(number)) == number
    assert run("integer", f"{number:,}") == number


def test_decimals_are_not_rounded_unasked() -> None:
    into = column("decimal", precision=5)
    assert run("decimal", "41.96291", into=into) == 41.96291
    assert run("decimal", "41.50000000", into=into) == 41.5
    assert refusal("decimal", "41.962919132164174", into=into) == "too_precise"
    assert run("decimal", "41.962919132164174", into=into, places=5) == 41.96292
    assert run("decimal", "2", into=into) == 2
    assert refusal("decimal", "100000000001", into=into) == "out_of_range"
    assert refusal("decimal", "1,5", into=into) == "not_number"


def test_money() -> None:
    for text, amount in (
        ("$1,234.50", 1234.5), ("1234.50 USD", 1234.5), ("USD 12", 12), ("(75.25)", -75.25), ("-$5", -5), ("€3.10", 3.1),
        ("0", 0),
    ):  # fmt: skip
        assert run("money", text, into=MONEY) == amount, text
    assert refusal("money", "12.345", into=MONEY) == "too_precise"
    assert refusal("money", "12,34", into=MONEY) == "not_number"
    assert refusal("money", "about 12", into=MONEY) == "not_number"
    assert refusal("money", "922337203685478", into=MONEY) == "out_of_range"


@given(st.decimals(-99_999_999, 99_999_999, places=2))
def test_every_amount_in_cents_survives(amount: Decimal) -> None:
    assert Decimal(str(run("money", str(amount), into=MONEY))) == amount


def test_booleans() -> None:
    for text in ("true", "T", "Yes", "y", "1", "ON"):
        assert run("boolean", text) is True
        assert run("boolean", text, invert=True) is False
    for text in ("false", "F", "No", "n", "0", "off"):
        assert run("boolean", text) is False
    assert run("boolean", "") is None
    assert refusal("boolean", "maybe") == "not_boolean"
    assert run("boolean", "Sí", true=["sí"]) is True
    assert run("boolean", "opted out", false=["opted out"]) is False


def test_durations() -> None:
    assert run("duration", ["30"]) == 30
    assert run("duration", [None]) is None
    assert run("duration", ["900"], unit="seconds") == 15
    assert refusal("duration", ["930"], unit="seconds") == "not_whole"
    assert run("duration", ["930"], unit="seconds", round="up") == 16
    assert run("duration", ["1.5"], unit="hours") == 90
    assert run("duration", ["PT1H30M"], unit="iso") == 90
    assert run("duration", ["P1D"], unit="iso") == 1440
    assert run("duration", ["1:30"], unit="clock") == 90
    assert run("duration", ["/XX/"], unit="marks") == 20
    assert refusal("duration", ["/AB/"], unit="marks") == "not_duration"
    assert refusal("duration", ["PT"], unit="iso") == "not_duration"
    assert refusal("duration", ["-5"]) == "out_of_range"
    with pytest.raises(BadArgs):
        run("duration", ["5"], unit="fortnights")


def test_a_duration_between_two_times() -> None:
    assert run("duration", ["2015-05-06T10:00:00Z", "2015-05-06T12:30:00+02:00"]) == 30
    assert run("duration", ["2015-05-06 10:00", None]) is None
    assert refusal("duration", ["2015-05-06 10:00", "2015-05-06 09:00"]) == "out_of_range"
    assert refusal("duration", ["2015-05-06 10:00:00", "2015-05-06 10:00:20"]) == "not_whole"
    zone = ZoneInfo("America/New_York")
    assert run("duration", ["2024-03-10 01:30", "2024-03-10 03:30"], zone=zone) == 60


def test_the_end_of_something() -> None:
    assert run("end_time", ["2015-05-06T10:00:00Z", "30"]) == "2015-05-06T10:30:00Z"
    assert run("end_time", ["05/06/2015 10:00", "900"], unit="seconds", format="us") == "2015-05-06T10:15:00Z"
    assert run("end_time", ["2015-05-06T10:00:00Z", None]) == "2015-05-06T10:00:00Z"
    assert run("end_time", ["", "30"]) is None
    assert refusal("end_time", ["2015-05-06T10:00:00Z", "half an hour"]) == "not_number"
    assert refusal("end_time", ["9999-12-31T23:59:00Z", "30"]) == "bad_date"
    zone = ZoneInfo("America/New_York")
    assert run("end_time", ["2024-03-10 01:30", "60"], zone=zone) == "2024-03-10T07:30:00Z"
