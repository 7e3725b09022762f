"""The export folder as a whole: its bytes, its sizes, its files."""

import tracemalloc
from collections import Counter
from pathlib import Path

import pytest

from local.clinic.__main__ import main
from local.clinic.export import write_export
from local.clinic.practice import npi
from local.clinic.tables import TABLES
from mapping.transforms.texts import is_npi
from tests.clinic.conftest import Write
from tests.clinic.export import Export


def test_the_same_arguments_give_the_same_bytes(write_clinic: Write) -> None:
    one, two = write_clinic(60, 3), write_clinic(60, 3)
    assert one.digests() == two.digests()
    assert (one.users, one.manifest) == (two.users, two.manifest)


def test_another_seed_gives_other_people(write_clinic: Write) -> None:
    one, two = write_clinic(60, 3), write_clinic(60, 4)
    names = [[row["last_name"] + row["first_name"] for row in export.rows["patients"]] for export in (one, two)]
    assert sum(a != b for a, b in zip(*names, strict=True)) > 50


def test_a_patient_does_not_depend_on_how_many_there_are(write_clinic: Write) -> None:
    few, more = write_clinic(60, 3), write_clinic(90, 3)
    for name in ("patients", "appointments", "encounters", "claims", "documents"):
        rows = more.rows[name]
        assert all(row in rows for row in few.rows[name]), name


def test_the_manifest_counts_the_rows(clinic: Export) -> None:
    assert {name: len(rows) for name, rows in clinic.rows.items()} == {
        name: dataset["rows"] for name, dataset in clinic.manifest["datasets"].items()
    }
    for name, dataset in clinic.manifest["datasets"].items():
        assert sum(dataset["accounts"].values()) == dataset["rows"] > 0, name
    assert clinic.manifest["files"] == {"count": len(clinic.files), "bytes": sum(clinic.files.values())}


def test_a_patient_has_20_to_30_records(clinic: Export) -> None:
    assert 20 <= sum(map(len, clinic.rows.values())) / 500 <= 30


def test_every_column_of_a_table_is_used(clinic: Export) -> None:
    for name, table in TABLES.items():
        used = {column for row in clinic.rows[name] for column, value in row.items() if value not in (None, "", [])}
        allowed = {"schedule_templates": {"valid_to"}, "providers": {"suffix"}}.get(name, set())
        assert set(table.columns) - used == allowed, name


def test_memory_does_not_grow_with_the_clinic(tmp_path: Path) -> None:
    def peak(patients: int) -> int:
        tracemalloc.start()
        write_export(patients, 1, tmp_path / str(patients))
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(50)  # what is imported and cached on the way
    small, large = peak(100), peak(700)
    assert large < small + 600_000  # 600 patients more; their rows alone are over 3 MB of text


def test_another_folder_is_not_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(SystemExit) as stopped:
        main(["--patients", "1", "--out", str(tmp_path)])
    assert stopped.value.code == 2
    assert (tmp_path / "thesis.txt").read_text() == "mine"
    assert "something else" in capsys.readouterr().err


def test_the_manifest_stays_outside_the_export(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--patients", "1", "--out", str(tmp_path / "a"), "--manifest", str(tmp_path / "a" / "m.json")])
    assert stopped.value.code == 2
    assert not (tmp_path / "a").exists()


def test_nothing_of_a_person_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--patients", "3", "--out", str(tmp_path / "a")]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert not any(row["last_name"] in said.err for row in Export(tmp_path / "a", {}, {}).rows["patients"])


def test_check_digits_are_those_of_cms() -> None:
    assert npi(123_456_789) == "1234567893"  # the example of the standard
    assert all(is_npi(npi(100_000_000 + 7 * number)) for number in range(200))


def test_users_and_staff_fit_in_every_way(clinic: Export) -> None:
    users = {user["email"]: user["disabled"] for user in clinic.users["users"]}
    assert len(users) == len(clinic.users["users"])
    kinds = Counter(
        (row["Status"], users.get((row["E-mail"] or "").lower()), row["E-mail"] is None) for row in clinic.rows["staff"]
    )
    assert kinds.keys() == {
        ("Active", False, False), ("Active", True, False), ("Active", None, False), ("Active", None, True),
        ("Inactive", True, False), ("Inactive", None, False),
    }  # fmt: skip
    assert any(row["E-mail"] and row["E-mail"].isupper() for row in clinic.rows["staff"])
    assert clinic.users["teams"] and clinic.users["organization"]["name"]
