"""A proof fails where the map is wrong, though the target holds exactly what the map wrote."""

from datetime import UTC, datetime
from typing import Any

import pytest

from activities.differences import differences
from activities.proofs import prove, wall_time
from mapping.compile import zone_of
from mapping.model import ClinicMap
from tests.activities.sampled import Row, diff_of, map_with

PATIENT = ("demo.patient.P1", "00P1")


def proved(clinic_map: ClinicMap, rows: list[Row]) -> dict[str, bool]:
    """By proof whether it holds for all of its rows; nothing else may be wrong with them."""
    prove(rows, clinic_map.system, zone_of(clinic_map))
    asked = [row for row in rows if row["proof"]]
    assert {row["verdict"] for row in asked} <= {"same", "changed by transform"}
    return {proof: all(r["proved"] for r in asked if r["proof"] == proof) for proof in {r["proof"] for r in asked}}


def test_a_right_map_is_proved() -> None:
    one = map_with("appointment")
    assert proved(one, diff_of(one, "patient", {"mrn": "00042"})) == {"mrn": True}
    assert proved(one, diff_of(one, "appointment", linked=("demo.practitioner.D1",))) == {
        "time": True, "practitioner": True,
    }  # fmt: skip
    assert proved(one, diff_of(one, "insurance", linked=PATIENT)) == {"insurance": True}


def test_a_number_that_was_changed_on_the_way_is_no_proof() -> None:
    """Written and read back alike, and not what the source says."""
    one = map_with("patient", "SourceMRN", transform="constant", args={"value": "42"})
    assert proved(one, diff_of(one, "patient", {"mrn": "00042"})) == {"mrn": False}


@pytest.mark.parametrize(
    ("start", "args"),
    [
        ("2020-01-01 09:00", {"zone": "America/Los_Angeles"}),
        ("2020-01-01 09:00", {"zone": "UTC"}),
        ("03/04/2020 09:00", {"format": "us"}),
    ],
)
def test_a_wrong_zone_or_a_swapped_day_is_no_proof(start: str, args: dict[str, Any]) -> None:
    one = map_with("appointment", "ScheduledDate", args=args)
    rows = diff_of(one, "appointment", {"start": start}, linked=("demo.practitioner.D1",))
    right = map_with("appointment", "ScheduledDate", args={"format": "day_first"})
    told = diff_of(right, "appointment", {"start": "25/04/2020 09:00"}, linked=("demo.practitioner.D1",))
    found = [*rows, *told]
    prove(found, one.system, zone_of(one))
    times = [row["proved"] for row in found if row["proof"] == "time"]
    assert times == [False, True]
    assert "proof/appointment/time" in {one.cause for one in differences(found, [])}


def test_a_link_to_somebody_else_is_no_proof() -> None:
    """The lookup holds what was written; the contact it points at is another's."""
    one = map_with("insurance")
    assert proved(one, diff_of(one, "insurance", linked=("demo.patient.P2", "00P2"))) == {"insurance": False}
    rows = diff_of(one, "appointment", linked=("demo.practitioner.D2",))
    assert proved(one, rows) == {"time": True, "practitioner": False}


@pytest.mark.parametrize(
    ("name", "column", "wrong", "linked"),
    [
        ("insurance", "Patient", "subscriber", "demo.patient.P9"),
        ("appointment", "Practitioner", "referred_by", "demo.practitioner.P9"),
    ],
)
def test_a_link_mapped_from_the_wrong_field_is_no_proof(name: str, column: str, wrong: str, linked: str) -> None:
    one = map_with(name, column, source=wrong)
    found = proved(one, diff_of(one, name, {wrong: "P9"}, linked=(linked,)))
    assert found["insurance" if name == "insurance" else "practitioner"] is False


def test_a_patient_who_is_a_practitioner_too_is_known_by_the_patient_s_id() -> None:
    one = map_with("insurance")
    assert proved(one, diff_of(one, "insurance", linked=("demo.practitioner.D1", "P1"))) == {"insurance": True}


@pytest.mark.parametrize(
    ("text", "order", "time"),
    [
        ("2020-03-04T09:30:00", "", datetime(2020, 3, 4, 9, 30)),
        ("2020-03-04 09:30:15.123", "", datetime(2020, 3, 4, 9, 30, 15)),
        ("2020-03-04T09:30:00-05:00", "", datetime(2020, 3, 4, 14, 30, tzinfo=UTC)),
        ("2020-03-04T09:30:00.000Z", "", datetime(2020, 3, 4, 9, 30, tzinfo=UTC)),
        ("03/04/2020 9:30 PM", "month", datetime(2020, 3, 4, 21, 30)),
        ("03/04/2020 9:30", "day", datetime(2020, 4, 3, 9, 30)),
        ("03/04/2020 9:30", "", None),
        ("4.3.2020 12:05 am", "day", datetime(2020, 3, 4, 0, 5)),
        ("04-Mar-2020 09:30", "", datetime(2020, 3, 4, 9, 30)),
        ("March 4, 2020", "", datetime(2020, 3, 4)),
        ("20200304", "", datetime(2020, 3, 4)),
        ("1583314200", "", datetime(2020, 3, 4, 9, 30, tzinfo=UTC)),
        ("tomorrow", "", None),
        ("2020-13-04", "", None),
    ],
)
def test_a_time_is_read_without_the_transforms(text: str, order: str, time: datetime | None) -> None:
    assert wall_time(text, order) == time
