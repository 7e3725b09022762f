"""Files of records that no dataset takes: datasets of their own, counted row by row."""

from pathlib import Path

from sources.discover import list_files, with_columns
from sources.strangers import Strangers, find_strangers


def look(folder: Path, *taken: str) -> Strangers:
    return find_strangers([with_columns(file) for file in list_files(folder)], taken)


def test_every_row_is_counted_and_numbered_files_are_one_dataset(tmp_path: Path) -> None:
    (tmp_path / "Lab Orders.csv").write_text("id,test\n1,TSH\n2,\n")
    for number in (1, 2):
        (tmp_path / f"recalls_{number}.json").write_text('[{"id": 1}, {"id": 2}, {"id": 3}]')
    (tmp_path / "empty.csv").write_text("id,test\n")
    found = look(tmp_path)
    assert found.rows == {"lab_orders": 2, "recalls": 6, "empty": 0}
    assert found.problems == {}


def test_a_name_of_the_profile_is_not_taken_twice(tmp_path: Path) -> None:
    (tmp_path / "patients.csv").write_text("id\n1\n")
    assert list(look(tmp_path, "patients").files) == ["patients_2"]


def test_an_export_with_a_file_for_each_patient_is_one_dataset(tmp_path: Path) -> None:
    (tmp_path / "charts").mkdir()
    for name in (
        "ahn",
        "bell",
        "cruz",
        "diaz",
        "evans",
        "fox",
        "gray",
        "hill",
        "ito",
        "jones",
        "king",
        "lopez",
        "moore",
    ):
        (tmp_path / "charts" / f"{name}.json").write_text('{"chart": "x"}')
    found = look(tmp_path)
    assert found.rows == {"charts": 13}


def test_billing_and_what_cannot_be_read_are_none(tmp_path: Path) -> None:
    (tmp_path / "old_billing.csv").write_text("id\n1\n")
    (tmp_path / "photo.png").write_bytes(b"png")
    (tmp_path / "broken.csv").write_text("id,test\n1,TSH\n2\n")
    found = look(tmp_path)
    assert found.files == {}
    assert list(found.problems) == ["broken.csv"] and "line 3" in found.problems["broken.csv"]
