"""Recognising an upload, and saying clearly why it is not recognised."""

from pathlib import Path

import pytest

from sources.discover import detect, list_files
from sources.errors import BadSource, UnknownSource

PATIENTS = "Id,BIRTHDATE,SSN,FIRST,LAST,RACE,ETHNICITY\np1,2000-01-01,999-00-0000,Ann,Lee,white,nonhispanic\n"


def fill(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_csv", ".csv").replace("_txt", ".txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_finds_datasets_in_subfolders_whatever_the_case_of_names(tmp_path: Path) -> None:
    fill(tmp_path, csv__2024__PATIENTS_csv=PATIENTS.replace("FIRST", "First").replace("Id", "ID"), notes_txt="hello")
    found = detect(list_files(tmp_path))
    assert found.profile.name == "synthea"
    assert [file.name for file in found.datasets["patients"]] == ["csv/2024/PATIENTS.csv"]
    assert [file.name for file in found.unknown_files] == ["notes.txt"]


def test_litter_links_and_hidden_files_are_passed_over(tmp_path: Path) -> None:
    fill(tmp_path, patients_csv=PATIENTS)
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "__MACOSX" / "patients.csv").write_text("x")
    (tmp_path / ".DS_Store").write_text("x")
    (tmp_path / "link.csv").symlink_to("/etc/hostname")
    assert [file.name for file in list_files(tmp_path)] == ["patients.csv"]


def test_documents_are_told_from_unknown_files(tmp_path: Path) -> None:
    fill(tmp_path, patients_csv=PATIENTS, export__documents__scan_txt="x", other_txt="x")
    found = detect(list_files(tmp_path))
    assert [file.name for file in found.documents] == ["export/documents/scan.txt"]
    assert [file.name for file in found.unknown_files] == ["other.txt"]


def test_an_unknown_folder_is_told_what_was_seen_and_what_is_needed(tmp_path: Path) -> None:
    fill(tmp_path, patients_csv="name,phone\nAnn Lee,555\n", invoices_csv="a\n1\n", Ann_Lee_txt="x")
    with pytest.raises(UnknownSource) as caught:
        detect(list_files(tmp_path))
    text = str(caught.value)
    assert "Seen: invoices.csv, patients.csv" in text
    assert "synthea (Synthea CSV) lacks column" in text
    assert "gnuhealth" in text
    assert "Ann" not in text


def test_an_empty_folder_is_unknown(tmp_path: Path) -> None:
    with pytest.raises(UnknownSource, match="Seen: none"):
        detect(list_files(tmp_path))


def test_a_profile_can_be_asked_for_by_name(tmp_path: Path) -> None:
    fill(tmp_path, patients_csv=PATIENTS)
    assert detect(list_files(tmp_path), "synthea").profile.name == "synthea"
    with pytest.raises(UnknownSource):
        detect(list_files(tmp_path), "gnuhealth")


def test_a_dataset_without_a_column_it_needs_is_refused_by_name(tmp_path: Path) -> None:
    fill(tmp_path, patients_csv=PATIENTS, encounters_csv="Id,START\ne1,2020-01-01\n")
    with pytest.raises(BadSource, match=r"encounters\.csv is taken for encounters and lacks the column PATIENT"):
        detect(list_files(tmp_path))


def test_the_same_file_twice_is_refused_and_a_second_part_is_not(tmp_path: Path) -> None:
    fill(tmp_path, a__patients_csv=PATIENTS, b__patients_csv=PATIENTS.replace("p1", "p2"))
    assert len(detect(list_files(tmp_path)).datasets["patients"]) == 2
    fill(tmp_path, c__patients_csv=PATIENTS)
    with pytest.raises(BadSource, match="same file"):
        detect(list_files(tmp_path))


def test_an_unreadable_file_stops_only_when_it_is_a_dataset(tmp_path: Path) -> None:
    fill(tmp_path, patients_csv=PATIENTS)
    (tmp_path / "odd.xlsx").write_text("no workbook")
    found = detect(list_files(tmp_path))
    assert found.unknown_files[0].problem
    (tmp_path / "encounters.xlsx").write_text("no workbook")
    with pytest.raises(BadSource, match=r"encounters\.xlsx"):
        detect(list_files(tmp_path))
