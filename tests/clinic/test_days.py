"""The export of a later day differs from the first one's in what the manifest says, and in nothing else."""

import json
from collections import Counter, defaultdict

import pytest

from local.clinic.tables import TABLES
from tests.clinic.conftest import Write
from tests.clinic.export import Export, Row


@pytest.fixture(scope="module")
def next_day(write_clinic: Write) -> Export:
    return write_clinic(day=2)


def _by_id(name: str, export: Export) -> dict[tuple[str, int], Row]:
    """Rows by their first column, and by a number among those that share it."""
    seen: Counter[str] = Counter()
    found = {}
    for row in export.rows[name]:
        ident = str(row[TABLES[name].columns[0]])
        seen[ident] += 1
        found[ident, seen[ident]] = row
    return found


def _differences(first: Export, second: Export) -> dict[str, dict[str, list[Row]]]:
    found: dict[str, dict[str, list[Row]]] = {}
    for name in TABLES:
        before, after = _by_id(name, first), _by_id(name, second)
        found[name] = {
            "gone": [before[key] for key in before.keys() - after.keys()],
            "new": [after[key] for key in after.keys() - before.keys()],
            "changed": [after[key] for key in before.keys() & after.keys() if before[key] != after[key]],
        }
    return found


def test_the_manifest_says_what_changed(clinic: Export, next_day: Export) -> None:
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for name, differences in _differences(clinic, next_day).items():
        if name == "properties":
            continue  # several rows make one value
        for how, rows in differences.items():
            for row in rows:
                word = "soft_deleted" if how == "changed" and row.get("deleted") == "1" else how
                found[TABLES[name].object or "none"][word] += 1
    found.pop("none", None)
    expected = {name: counts for name, counts in next_day.manifest["changes"].items() if name != "custom_property"}
    assert {name: dict(counts) for name, counts in found.items() if counts.total()} == expected
    assert clinic.manifest["changes"] == {}


def test_a_day_changes_a_little_of_everything(next_day: Export) -> None:
    changes = next_day.manifest["changes"]
    assert changes["patient"].keys() == {"new", "changed", "gone"}
    assert changes["appointment"].keys() == {"new", "changed", "gone"}
    assert {"new", "soft_deleted"} <= changes["prescription"].keys()
    assert changes["encounter"]["new"] >= 8
    assert 0.01 <= changes["patient"]["changed"] / 500 <= 0.03
    assert 0.01 <= changes["appointment"]["changed"] / 2900 <= 0.03


def test_a_changed_row_has_a_new_time_of_change(clinic: Export, next_day: Export) -> None:
    for name in ("patients", "appointments", "prescriptions"):
        changed = _differences(clinic, next_day)[name]["changed"]
        assert changed and all(row["updated_at"] > "2025-06-02T10" for row in changed), name


def test_what_did_not_change_has_the_same_bytes(clinic: Export, next_day: Export) -> None:
    before, after = clinic.digests(), next_day.digests()
    practice = {
        "locations.json",
        "referral_sources.csv",
        "providers.csv",
        "staff_directory.xlsx",
        "group_appointments.csv",
    }
    assert all(before[name] == after[name] for name in practice)
    documents = {name for name in before if name.startswith("documents/")} & after.keys()
    assert len(documents) > 200 and all(before[name] == after[name] for name in documents)
    lines = [set((export.folder / "patients.csv").read_bytes().splitlines()) for export in (clinic, next_day)]
    assert len(lines[0] & lines[1]) > 480


def test_a_day_can_be_written_again_and_built_upon(write_clinic: Write, next_day: Export) -> None:
    assert write_clinic(day=2).digests() == next_day.digests()
    third = write_clinic(day=3)
    assert third.manifest["changes"] != next_day.manifest["changes"]
    kept = {row["patient_id"] for row in next_day.rows["patients"]}
    assert len({row["patient_id"] for row in third.rows["patients"]} - kept) == 2
    edited = [json.dumps(row) for row in _differences(next_day, third)["patients"]["changed"]]
    assert 0.01 <= len(edited) / 500 <= 0.03
