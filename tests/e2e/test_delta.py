"""A day later: what changed is picked up, equals a fresh migration, and can be taken back alone."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import dumps
from tests.e2e.clinic import Export, Row, make_export
from tests.e2e.road import Json, Road
from tests.e2e.system import System, running

PATIENTS = 29  #: enough for an edited patient, edited, new appointments, a new encounter and a new patient


@dataclass
class Days:
    """Two days of a clinic: migrated and picked up by one migration, and its second day by another."""

    road: Road
    export: Export
    first: dict[str, Any] = field(default_factory=dict)
    second: dict[str, Any] = field(default_factory=dict)
    fresh: dict[str, Any] = field(default_factory=dict)
    after_last: dict[str, Any] = field(default_factory=dict)
    documents: dict[str, Json] = field(default_factory=dict)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    delta: list[Json] = field(default_factory=list)
    gone: list[Json] = field(default_factory=list)
    drift: list[Json] = field(default_factory=list)
    since: list[Json] = field(default_factory=list)
    runs: dict[str, Json] = field(default_factory=dict)
    audit: Json = field(default_factory=dict)


@pytest.fixture(scope="module")
def day_one(folder: Path) -> Export:
    """The export of the first day."""
    return make_export(folder / "one", PATIENTS)


@pytest.fixture(scope="module")
def day_two(folder: Path) -> Export:
    """The export of a day later, from which a policy was removed besides."""
    export = make_export(folder / "two", PATIENTS, day=2)
    export.change("insurance_policies.csv", _without_a_policy)
    export.change("custom_properties.csv", _with_a_new_property)
    return export


def _without_a_policy(rows: list[Row]) -> list[Row]:
    victim = next(row for row in rows if row["payer_id"] != "NO_INSURANCE" and row["priority"] != "Primary")
    return [row for row in rows if row is not victim]


def _with_a_new_property(rows: list[Row]) -> list[Row]:
    return [*rows, {**rows[0], "row_id": "new-1", "property": "favourite_nurse", "value": "Rosa"}]


@pytest.fixture(scope="module")
def system(folder: Path, day_one: Export) -> Iterator[System]:
    """A system whose target has the clinic's users."""
    with running(folder, users=day_one.users) as one:
        yield one


@pytest.fixture(scope="module")
def days(system: System, day_one: Export, day_two: Export) -> Days:
    """Both roads, in one target: two systems' rows never touch each other."""
    road = Road(system, "daily")
    seen = Days(road, day_two)
    road.to_migrated(day_one.folder)
    seen.first = dumps.business(system, "daily")

    seen.runs["nothing new"] = road.step("delta", pause_percent=100)
    seen.counts["nothing new"] = system.counts()
    road.upload(day_two.folder)
    seen.runs["delta"] = road.step("delta", pause_percent=100)
    seen.second = dumps.business(system, "daily")
    seen.delta, seen.gone = road.table("delta", "By object"), road.table("delta", "Gone")
    seen.drift = road.table("delta", "Custom properties that the map does not know")
    seen.since = road.table("delta", "What changed in the source since the scope")
    road.step("verify")
    seen.documents["after the delta"] = road.get("summary")

    other = Road(system, "fresh")
    other.to_migrated(day_two.folder)
    seen.fresh = dumps.business(system, "fresh")
    seen.documents["fresh summary"] = other.get("summary")

    seen.documents["last"] = road.rollback(runs="last")
    seen.after_last = dumps.business(system, "daily")
    seen.documents["rest"] = road.rollback()
    seen.counts["daily gone"] = system.counts()
    seen.documents["fresh untouched"] = dumps.difference(seen.fresh, dumps.business(system, "fresh"))
    other.rollback()
    seen.counts["all gone"] = system.counts()
    seen.audit = road.get("audit/verify")
    return seen


def test_what_changed_is_found_and_counted(days: Days) -> None:
    changes = days.export.manifest["changes"]
    found = {row["Object"]: row for row in days.delta}
    for name in ("patient", "appointment", "encounter"):
        assert found[name]["New"] == changes.get(name, {}).get("new", 0), name
        assert found[name]["Changed"] == changes.get(name, {}).get("changed", 0), name
    assert found["patient"]["Changed"] and found["appointment"]["Changed"] and found["encounter"]["New"]


def test_a_delta_without_a_change_writes_nothing(days: Days) -> None:
    assert days.runs["nothing new"]["message"].startswith("0 created, 0 changed")
    assert sum(days.counts["nothing new"].values()) == len(days.first)


def test_what_is_gone_from_the_source_stays_and_is_listed(days: Days) -> None:
    assert [row["Object"] for row in days.gone] == ["insurance"]
    key = f"insurance.{days.gone[0]['Source id'].replace('/', '_2F')}"
    assert key in days.first
    assert key in days.second
    assert key not in days.fresh


def test_a_property_that_the_map_does_not_know_is_listed_and_excepted(days: Days) -> None:
    assert days.drift == [{"Property": "favourite_nurse", "Patients": 1}]
    assert ("new custom property", "favourite_nurse") in {(one["What"], one["Where"]) for one in days.since}
    fresh = days.documents["fresh summary"]["objects"]["custom_property"]
    picked_up = days.documents["after the delta"]["objects"]["custom_property"]
    assert picked_up["excepted"] == fresh["excepted"] + 1
    assert picked_up["read"] == fresh["read"]


def test_the_target_equals_a_fresh_migration_field_for_field(days: Days) -> None:
    """But for what is gone from the source, whose rows a person decides about, and the property nobody confirmed."""
    gone = days.second.keys() - days.fresh.keys()
    assert len(gone) == 1
    kept = {key: row for key, row in days.second.items() if key not in gone}
    fresh = {key: {n: v for n, v in row.items() if n != "cms_favouritenurse"} for key, row in days.fresh.items()}
    assert sum(row != days.fresh[key] for key, row in fresh.items()) == 1
    assert dumps.difference(kept, fresh) == {}
    assert dumps.difference(days.first, days.second) != {}


def test_everything_reads_back_after_the_delta(days: Days) -> None:
    objects = days.documents["after the delta"]["objects"]
    assert {name: one["fields_differing"] for name, one in objects.items() if one["fields_differing"]} == {}
    assert objects["patient"]["fields_verified"] > 0


def test_the_last_run_alone_can_be_taken_back(days: Days) -> None:
    assert dumps.difference(days.first, days.after_last) == {}
    last = days.documents["last"]
    created = days.second.keys() - days.first.keys()
    assert last["deleted"] == len(created)
    assert last["restored"] == sum(days.second[key] != row for key, row in days.first.items())
    assert last["kept"] == last["left"] == 0


def test_then_all_the_rest_and_nothing_of_another_clinic(days: Days) -> None:
    assert days.documents["fresh untouched"] == {}
    assert sum(days.counts["daily gone"].values()) == len(days.fresh)
    assert days.counts["all gone"] == {}
    assert days.audit["whole"] is True
