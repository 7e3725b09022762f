"""The load benchmark's arithmetic: ceilings, windows, shares; and the export it makes."""

import csv
from pathlib import Path
from typing import Any

import pytest

from benchmarks.load.clinic import enlarge
from benchmarks.load.measure import Load, Request, requests_for
from benchmarks.load.report import document
from benchmarks.load.service import Service
from local.clinic.export import write_export
from local.dataverse.faults.limits import Limits, limits

BULK = "cms_visits/Microsoft.Dynamics.CRM.CreateMultiple"


def load(*requests: Request, window: float = 10, users: int = 1) -> Load:
    return Load("load", Service(window, users), requests, lost=0, doubled=0)


def made(start: float, seconds: float, rows: int, status: int = 200) -> Request:
    return Request(start, start + seconds, "u", rows, status)


def test_the_scaled_limits_allow_as_much_a_second_as_the_real_ones() -> None:
    real = Limits()
    for window in (300.0, 10.0):
        scaled = limits(Service(window).faults()["limits"])
        assert scaled.window == window
        assert scaled.requests / window == real.requests / real.window
        assert scaled.execution_ms / window == pytest.approx(real.execution_ms / real.window)
        assert (scaled.concurrency, scaled.penalty, scaled.grace) == (real.concurrency, real.penalty, real.grace)


@pytest.mark.parametrize(
    ("service", "rows_a_request", "expected"),
    [
        (Service(10), 100, 400),  # 4 s of execution a second, 10 ms a row
        (Service(10, users=2), 100, 800),
        (Service(10, users=2, servers=3), 100, 2400),
        (Service(10), 10, 200),  # 20 requests a second
        (Service(10, service_ms=1), 100, 2000),
    ],
)
def test_the_ceiling_is_that_of_the_tighter_limit(service: Service, rows_a_request: float, expected: float) -> None:
    assert service.ceiling(rows_a_request) == pytest.approx(expected)


def test_rows_are_spread_over_the_time_of_their_request() -> None:
    one = made(8, 4, 100)
    assert [one.rows_within(at, at + 10) for at in (0, 10, 20)] == [50, 50, 0]
    assert made(8, 0, 100).rows_within(0, 10) == 100


def test_only_whole_windows_count_and_a_full_one_makes_up_for_no_other() -> None:
    """400 rows a second are allowed: 4,400 rows, then 2,000, then what does not fill a window."""
    one = load(*(made(5 + number, 1, 440) for number in range(10)), made(15, 10, 2000), made(25, 5, 4000))
    assert (one.rows, one.seconds) == (10_400, 25)
    assert one.windows == [440, 200]
    assert one.sustained == 320
    assert one.share == pytest.approx((1 + 0.5) / 2)
    assert one.under_way == 1


def test_refused_requests_create_nothing() -> None:
    one = load(made(0, 1, 100), made(1, 0, 0, 429), made(2, 1, 0, 412), made(9, 1, 100))
    assert (one.rows, one.throttled, one.failed, one.rows_a_request) == (200, 1, 1, 100)


def test_a_load_shorter_than_a_window_is_taken_as_a_whole() -> None:
    assert load(made(0, 2, 400)).sustained == 200


def test_requests_of_other_tables_are_left_out() -> None:
    def noted(path: str) -> dict[str, Any]:
        return {"at": 1.0, "seconds": 0.5, "user": "u", "method": "POST", "path": path, "rows": 7, "status": 200}

    found = requests_for([noted(BULK), noted("contacts/Microsoft.Dynamics.CRM.CreateMultiple"), noted("cms_visits")],
                         "cms_visits")  # fmt: skip
    assert found == [Request(1.0, 1.5, "u", 7, 200)]


def test_all_are_compared_with_one() -> None:
    fast, slow = load(made(0, 10, 4000)), load(made(0, 10, 1000))
    told = document([fast, slow], slow)["loads"]
    assert [(one["ratio"], one["share"]) for one in told] == [(4, 1), (1, 0.25)]


def test_the_export_has_as_many_appointments_as_were_asked_for(tmp_path: Path) -> None:
    write_export(60, 1, tmp_path / "clinic")
    count = enlarge(tmp_path / "clinic", 2000)
    with (tmp_path / "clinic" / "appointments.csv").open(encoding="utf-8") as file:
        appointments = list(csv.DictReader(file))
    with (tmp_path / "clinic" / "patients.csv").open(encoding="utf-8") as file:
        patients = {one["patient_id"] for one in csv.DictReader(file)}
    assert count == len(appointments) == len({one["appointment_id"] for one in appointments}) == 2000
    assert {one["patient_id"] for one in appointments} <= patients
