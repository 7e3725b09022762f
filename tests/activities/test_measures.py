"""What a bucket's shaped records measure."""

from pathlib import Path
from typing import Any

from activities.measures import add_up, measure
from ledger.chunks import write_records
from sources.profile import Profile, load_profile
from sources.shaping import ShapedBucket

PROFILE = load_profile("sample_clinic")
ROUTES: list[dict[str, Any]] = [
    {"table": "ClinicAppointment", "fields": [
        {"source": "start", "column": "ScheduledDate", "transform": "datetime", "args": {"format": ["us", "month_name_day", "iso"]}},
        {"source": "status", "column": "Status", "transform": "choice"},
        {"source": "room", "status": "ignored"},
    ]},
]  # fmt: skip


def shaped(folder: Path, records: list[dict[str, Any]]) -> ShapedBucket:
    path = folder / "appointment.ndjson.gz"
    write_records(path, records)
    return ShapedBucket({"appointment": (len(records), path)}, {}, path)


def profile() -> Profile:
    return PROFILE.model_copy(update={"map": {"appointment": {"routes": ROUTES}}})


def test_span_empty_cells_and_ids_of_an_object(tmp_path: Path) -> None:
    records: list[dict[str, Any]] = [
        {"_id": "1", "start": "11/30/2025 09:30 AM", "status": "kept", "room": "a long room"},
        {"_id": "2", "start": "Mar 4, 2019 10:00", "status": "", "room": None},
        {"_id": "2", "start": "2024-01-01T10:00:00Z", "status": None},
        {"_id": None, "start": "soon", "status": "kept"},
        {"_id": "123-45-6789|x", "start": "01/01/1999", "_excluded": "soft_deleted"},
    ]
    found = measure(profile(), shaped(tmp_path, records))["appointment"]
    assert (found["first"], found["last"]) == ("2019-03-04", "2025-11-30")  # of records that are not left out
    assert (found["records"], found["cells"], found["filled"]) == (4, 8, 6)
    assert (found["duplicates"], found["without_id"], found["like_ssn"]) == (1, 1, 1)
    assert found["lengths"] == {"start": 20, "status": 4, "room": 11}


def test_buckets_add_up(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one = measure(profile(), shaped(tmp_path / "a", [{"_id": "1", "start": "2024-01-01", "status": "kept"}]))
    other = measure(profile(), shaped(tmp_path / "b", [{"_id": "2", "start": "2023-01-01"}, {"_id": "3"}]))
    total = add_up([one, other, {}])["appointment"]
    assert (total["records"], total["cells"], total["filled"]) == (3, 6, 3)
    assert (total["first"], total["last"]) == ("2023-01-01", "2024-01-01")
    assert total["lengths"] == {"start": 10, "status": 4}


def test_objects_without_a_date_of_their_own_go_by_when_the_source_made_them(tmp_path: Path) -> None:
    path = tmp_path / "patient.ndjson.gz"
    write_records(path, [{"_id": "1", "birth": "1950-01-01", "_created": "2020-02-03 08:00:00"}])
    routes = [{"table": "contact", "fields": [{"source": "birth", "column": "birthdate", "transform": "date"}]}]
    one = PROFILE.model_copy(update={"map": {"patient": {"routes": routes}}})
    found = measure(one, ShapedBucket({"patient": (1, path)}, {}, path))["patient"]
    assert (found["first"], found["last"]) == ("2020-02-03", "2020-02-03")
