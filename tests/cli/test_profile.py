"""Which dataset feeds which object, picked from the command line."""

import pytest

from tests.cli.conftest import Carryover
from tests.cli.fake_app import FakeApp


@pytest.fixture(autouse=True)
def scoped(app: FakeApp, carryover: Carryover) -> None:
    carryover("create", "--system", "elm")
    app.posted.clear()


def test_datasets_are_listed_with_what_they_feed_and_why(carryover: Carryover) -> None:
    told = carryover("profile", "datasets").out
    [people] = [line for line in told.splitlines() if "people" in line]
    assert people.split()[1:] == ["1,200", "9", "patient", "its", "name", "says", "so", "98%"]
    assert "It feeds none." in told and "read again" not in told


def test_an_object_is_picked_for_a_dataset(app: FakeApp, carryover: Carryover) -> None:
    ended = carryover("profile", "assign", "tbl_x", "prescription", "--by", "Ada", "--json")
    assert ended.code == 0, ended.err
    assert ended.document["changes"] == [{"dataset": "tbl_x", "before": [], "after": ["prescription"]}]
    assert "tbl_x: none → prescription" in ended.err
    assert app.posted == [("datasets", {"by": "Ada", "datasets": {"tbl_x": {"object": "prescription", "reason": ""}}})]
    told = carryover("profile", "datasets").out
    assert "prescription, by Ada" in told and "read again: ./carryover scope" in told


def test_a_dataset_feeds_nothing_for_a_reason(app: FakeApp, carryover: Carryover) -> None:
    carryover("profile", "assign", "tbl_x", "none", "--reason", "A fridge.", "--by", "Ada")
    assert app.posted[0][1]["datasets"] == {"tbl_x": {"object": "none", "reason": "A fridge."}}


def test_a_dataset_that_is_not_there_is_refused(carryover: Carryover) -> None:
    ended = carryover("profile", "assign", "tbl_y", "patient")
    assert ended.code == 2
    assert "There is no dataset tbl_y." in ended.err and "people, tbl_x" in ended.err
