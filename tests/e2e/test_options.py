"""The choices of the map other than the defaults, on the whole road: two maps that between them take every one."""

from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from mapping.alternatives import choose
from mapping.model import ClinicMap
from tests.e2e import dumps
from tests.e2e.clinic import Export
from tests.e2e.road import Json, Road
from tests.e2e.system import System

ROWS: Final = {
    "location": "ClinicLocation", "appointment": "task", "encounter_notes": "annotation",
    "multi_select": "PatientPropertyValue", "specializations": "PractitionerSpecialization", "carrier": "account",
    "referral": "never",
}  # fmt: skip
ACTIVITIES: Final = {"appointment": "appointment", "multi_select": "text"}

#: Tables of the target that a choice fills and the defaults do not.
MORE: Final = (
    "cms_cliniclocation", "cms_patientpropertyvalue", "cms_practitionerspecialization", "task", "appointment",
    "activityparty",
)  # fmt: skip

Rows = dict[str, list[dict[str, Any]]]


@dataclass
class Walk:
    """One map's way, and what was seen along it."""

    road: Road
    before: Rows = field(default_factory=dict)
    run: Json = field(default_factory=dict)
    rows: Rows = field(default_factory=dict)
    summary: Json = field(default_factory=dict)
    verified: Json = field(default_factory=dict)
    made: list[Json] = field(default_factory=list)
    again: Json = field(default_factory=dict)
    after_second_run: Rows = field(default_factory=dict)
    rollback: Json = field(default_factory=dict)
    after: Rows = field(default_factory=dict)


def _target(system: System) -> Rows:
    there = system.counts()
    return dumps.whole(system) | {table: system.rows(table) for table in MORE if table in there}


def _walk(system: System, export: Export, name: str, answers: dict[str, str]) -> Walk:
    walk = Walk(Road(system, name))
    road = walk.road
    road.upload(export.folder)
    road.step("scope")
    clinic_map = ClinicMap.model_validate(road.get("map")["map"])
    for choice, answer in answers.items():
        clinic_map = choose(clinic_map, choice, answer)
    clinic_map.controlled = "include"
    system.ask("PUT", f"{road.base}/map", json=clinic_map.model_dump(mode="json"))
    road.confirm()
    road.step("prepare")
    walk.before = _target(system)
    road.step("sample")
    road.sign_off()
    walk.run = road.run()
    walk.verified = road.step("verify")
    walk.summary = road.get("summary")
    walk.rows = _target(system)
    walk.again = road.run()
    walk.after_second_run = _target(system)
    walk.rollback = road.rollback()
    walk.after = _target(system)
    return walk


@pytest.fixture(scope="module")
def rows_walk(system: System, export: Export) -> Walk:
    """Everything in rows of its own."""
    return _walk(system, export, "rows", ROWS)


@pytest.fixture(scope="module")
def walks(rows_walk: Walk) -> list[Walk]:
    return [rows_walk]


def test_nothing_differs_and_nothing_is_left(walks: list[Walk]) -> None:
    for walk in walks:
        differing = {n: one["fields_differing"] for n, one in walk.summary["objects"].items() if one["fields_differing"]}
        assert differing == {}
        assert "nothing differs" in walk.verified["message"]
        assert walk.after_second_run == walk.rows
        assert walk.rollback["kept"] == walk.rollback["left"] == 0
        assert {table: rows for table, rows in walk.after.items() if rows} == {
            table: rows for table, rows in walk.before.items() if rows
        }
