"""The forecast: what the sample measured, held against what the service allows, pre-reads, deletes and files included."""

from typing import Any

import pytest

from activities.forecast import work_of
from dataverse.notes import BLOCKS_ABOVE
from reports.estimates import scoping
from reports.forecast import Measured, Work, ceiling, forecast_report
from reports.model import Fact, Report

WORK = Work(created=100_000)


def report(work: Work, measured: Measured | None, users: int = 1, daily: int = 500_000) -> Report:
    """A forecast with two to four gigabytes kept."""
    return forecast_report("m", {}, work, measured, users, {}, daily, 0, (2e9, 4e9), "65 a user and month.")


def facts(work: Work, measured: Measured | None, users: int = 1, daily: int = 500_000) -> dict[str, Fact]:
    return {one.label: one for one in report(work, measured, users, daily).facts}


@pytest.mark.parametrize(("users", "allowed"), [(1, (400.0, 100.0)), (3, (1200.0, 300.0))])
def test_the_ceiling_grows_with_the_application_users(users: int, allowed: tuple[float, float]) -> None:
    assert ceiling(users) == pytest.approx(allowed)
    assert WORK.load_seconds(users) == pytest.approx((100_000 / allowed[0], 100_000 / allowed[1]))


def test_without_a_sample_it_says_what_is_assumed() -> None:
    found = facts(WORK, None)
    assert (found["Load and read-back"].value, found["Rollback, if needed"].value) == (
        "4 min to 17 min",
        "4 min to 17 min",
    )
    assert "assumed" in found["Load and read-back"].note
    assert found["Service limit"].value == "100 to 400/s"


def test_load_and_rollback_are_forecast_by_what_each_was_measured_to_take() -> None:
    found = facts(WORK, Measured("sample-0001", rows=2000, seconds=20, undone=2000, undo_seconds=80))
    assert (found["Load and read-back"].value, found["Rollback, if needed"].value) == ("17 min", "67 min")
    assert found["Rollback, if needed"].note == "measured on sample-0001: 2,000 rows in 80 s, 25 a second"


def test_a_sample_quicker_than_the_limits_forecasts_no_more_than_they_allow() -> None:
    found = facts(WORK, Measured("sample-0001", rows=2000, seconds=1, undone=2000, undo_seconds=1))
    assert found["Load and read-back"].value == "4 min"
    assert "limits allow no more" in found["Load and read-back"].note


def test_what_counts_beside_the_rows() -> None:
    """A change is read first, links and states write again, files come back one by one; a rollback takes the sample too."""
    work = Work(created=1000, changed=200, linked=50, closed=150, documents=100, blocks=7, earlier=300)
    assert work.load_requests == 1000 + 400 + 4 + 7
    assert work.read_requests == 12 + 100
    assert work.undo_requests == 1500 + 200 + 2 * 15 + 2 + 375
    assert work.load_seconds(1)[0] == pytest.approx((900 + 800) / 400 + 100 / 2)
    assert work.undo_seconds(1)[1] == pytest.approx(1700 / 100)
    found = facts(work, None, daily=10_000)
    assert (found["Requests counted"].value, found["With a rollback"].value) == ("1,523", "3,630")
    assert found["With a rollback"].note == "36.3 % of 10,000 a day"


def test_the_work_is_read_from_the_plans() -> None:
    def plan(links: int = 0, states: int = 0, **actions: int) -> dict[str, Any]:
        return {
            "actions": {name: {"records": count} for name, count in actions.items()},
            "links": links,
            "states": states,
        }

    plans = {
        "patient": plan(3, 4, create=10, update=2, join=1, unchanged=5, excepted=9),
        "document": plan(create=6, adopt=1),
    }
    work = work_of(plans, [100, BLOCKS_ABOVE, BLOCKS_ABOVE + 1])
    assert work == Work(created=16, changed=4, linked=3, closed=4, documents=6, blocks=3, earlier=5)


def costs(work: Work, measured: Measured | None) -> dict[str, str]:
    table = next(one for one in report(work, measured).tables if one.title == "What it costs")
    return {row[0]: row[1] for row in table.rows}


def test_the_run_costs_the_time_that_was_measured_and_the_log_of_what_is_planned() -> None:
    """100,000 rows in 1,000 s are 0.28 hours of the app and 0.6 million transactions; their undo takes four times as long."""
    measured = Measured("sample-0001", rows=2000, seconds=20, undone=2000, undo_seconds=80)
    found = costs(WORK, measured)
    assert (found["Full run"], found["Rollback, if needed"]) == ("0.06 to 0.41 USD", "0.14 to 0.74 USD")
    assert costs(Work(), measured)["Full run"] == "under 0.01 USD"
    assert costs(WORK, None)["Full run"] == "0.04 to 0.41 USD"


def test_keeping_costs_by_the_month_and_the_fact_adds_it_to_the_run() -> None:
    """Two gigabytes at 0.02 and 2 USD beside, to four at 0.05 and 60 beside; for two months."""
    assert costs(WORK, None)["Keeping it, a month"] == "2 to 60 USD"
    assert facts(WORK, None)["Azure"].value == "4 to 121 USD"
    assert "2 months" in facts(WORK, None)["Azure"].note


def test_prices_say_of_when_they_are_and_where_they_come_from() -> None:
    table = next(one for one in report(WORK, None).tables if one.title == "What it costs")
    assert f"{scoping().stated}" in table.note
    assert "https://azure.microsoft.com/pricing" in table.note
    assert table.rows[-1] == ["Licences of the target", "", "65 a user and month."]
