"""Profiling of any source: patterns with check digits, dates, keys, references, samples, kinds of protected data."""

import csv
from pathlib import Path
from typing import Any

import orjson
import pytest

from sources.discover import list_files, with_columns
from sources.profiling.dates import date_form, dates_of
from sources.profiling.detectors import has_form, is_dea, is_npi, patterns_of, separator_of
from sources.profiling.model import DatasetDocument, FieldProfile
from sources.profiling.names import meanings, says_id, words
from sources.profiling.sample import take_sample
from sources.profiling.source import datasets_of, profile_source


@pytest.mark.parametrize(
    ("text", "yes", "no"),
    [
        ("1234567893", {"npi"}, {"dea"}),  # the example of the CMS note
        ("1234567894", {"phone"}, {"npi"}),
        ("3234567893", set(), {"npi"}),  # begins with neither 1 nor 2
        ("AB1234563", {"dea"}, set()),  # (1+3+5) + 2·(2+4+6) = 33
        ("AB1234564", set(), {"dea"}),
        ("0002-1433-80", {"ndc"}, {"phone"}),
        ("50580-449-05", {"ndc"}, set()),
        ("E11.9", {"icd10"}, set()), ("U07.1", set(), {"icd10"}), ("S72.001A", {"icd10"}, set()),
        ("99213", {"cpt", "zip"}, set()), ("0001F", {"cpt"}, {"zip"}), ("99213X", set(), {"cpt"}),
        ("02139", {"zip", "leading_zero"}, set()), ("021302331", {"zip"}, set()), ("02139-2331", {"zip"}, set()),
        ("900-12-3456", {"ssn"}, set()), ("000-12-3456", set(), {"ssn"}),
        ("(508) 555-0134", {"phone"}, set()), ("617-555-0100 x200", {"phone"}, set()), ("+919999999888", {"phone"}, set()),
        ("a.b@c.example", {"email"}, set()), ("a@b", set(), {"email"}),
        ("https://a.example/x", {"url"}, set()), ("$1,250.00", {"money"}, set()), ("12.5 %", {"percent"}, set()),
        ("fax 0001.pdf", {"file"}, set()), ("<p>ok</p>", {"html"}, set()), ("MA", {"state"}, set()),
        ("6fa459ea-ee8a-3ca4-894e-db77e160355e", {"uuid"}, set()),
    ],
)  # fmt: skip
def test_patterns(text: str, yes: set[str], no: set[str]) -> None:
    assert yes <= patterns_of(text)
    assert not no & patterns_of(text)


def test_an_npi_with_a_wrong_check_digit_still_has_the_form() -> None:
    assert is_npi("1154858637")
    assert not is_npi("1154858638")
    assert has_form("1154858638", "npi")
    assert is_dea("BB1388568")  # the agency's worked example
    assert not is_dea("BB1388567")


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("2024-03-09", ("iso", False)), ("2024-03-09T10:05:00Z", ("iso", True)), ("03/14/2024", ("us", False)),
        ("14/03/2024 10:05", ("day_first", True)), ("03/09/2024", ("us_or_day_first", False)),
        ("14.03.2024", ("dots", False)), ("2024/03/14", ("year_first", False)), ("20240314", ("compact", False)),
        ("14-Mar-2024", ("day_month_name", False)), ("March 14, 2024", ("month_name_day", False)),
        ("31/31/2024", None), ("20241314", None), ("yesterday", None),
    ],
)  # fmt: skip
def test_forms_of_dates(text: str, form: tuple[str, bool] | None) -> None:
    assert date_form(text) == form


def test_one_clear_date_settles_a_column_and_contradicting_ones_do_not() -> None:
    clear = dates_of({("us_or_day_first", False): 9, ("day_first", False): 1})
    assert (clear.formats, clear.ambiguous) == ({"day_first": 10}, False)
    unclear = dates_of({("us_or_day_first", True): 9})
    assert (unclear.formats, unclear.timed, unclear.ambiguous) == ({"us_or_day_first": 9}, 9, True)
    both = dates_of({("us", False): 5, ("day_first", False): 4})
    assert both.ambiguous
    odd = dates_of({("iso", False): 50, ("us_or_day_first", False): 1})
    assert not odd.ambiguous


def test_separators_of_lists_and_of_prose() -> None:
    assert separator_of("Cardiology; Sports Medicine") == ";"
    assert separator_of("E11.9|Type 2 diabetes;I10|") == ";"
    assert separator_of("English|Spanish") == "|"
    assert separator_of("He came in late; the nurse had already gone home for the day") is None
    assert separator_of("plain") is None


def test_names_are_words_with_meanings() -> None:
    assert words("primaryProviderIds") == ("primary", "provider", "id")
    assert words("Staff ID") == ("staff", "id")
    assert meanings("prescriber_id") == {"provider"}
    assert says_id("account_number")
    assert not says_id("identities")


def test_a_sample_is_bounded_even_and_the_same_each_time(tmp_path: Path) -> None:
    rows = [{"id": str(number), "deep": {"a": "x"}, "list": ["1"], "none": None} for number in range(1000)]
    sample = take_sample(rows, tmp_path / "a", limit=50)
    assert (sample.rows, sample.stride, sample.whole) == (1000, 16, True)
    assert sample.columns == ["id", "deep", "list", "none", "deep.a"]
    assert sample.nested == {"list": "list"}
    kept = [orjson.loads(line)["r"] for line in sample.path.read_bytes().splitlines()]
    assert len([number for number in kept if number % sample.stride == 0]) == 63
    assert len(kept) < 6 * 50
    assert take_sample(rows, tmp_path / "b", limit=50).path.read_bytes() == sample.path.read_bytes()
    cut = take_sample(rows, tmp_path / "c", limit=50, most=200)
    assert (cut.rows, cut.whole) == (200, False)


def save(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def profiled(folder: Path, work: Path) -> dict[str, DatasetDocument]:
    files = [with_columns(file) for file in list_files(folder)]
    documents, problems = profile_source(datasets_of(files), work, 128)
    assert problems == {}
    return {one.name: one for one in documents}


def field(document: DatasetDocument, name: str) -> FieldProfile:
    found = document.field(name)
    assert found is not None
    return found


@pytest.fixture
def practice(tmp_path: Path) -> Path:
    """A made-up practice with a doctor's file, people in two files, visits, and a group of people in one cell."""
    folder = tmp_path / "export"
    doctors = [{"code": f"D{n}", "name": f"Dr. No{n}", "npi": "1234567893", "dea": "AB1234563"} for n in range(4)]
    save(folder / "Doctors.csv", doctors)
    for part, numbers in ((1, range(30)), (2, range(29, 60))):  # one patient stands in both files
        people = [
            {"pid": f"{n:06d}", "born": f"{n % 12 + 1:02d}/{n % 28 + 1:02d}/1980", "seen": f"0{n % 9 + 1}/01/2024",
             "usual_doctor": f"D{n % 4}", "mail": f"p{n}@x.example", "fav": ["tea", "milk"][n % 2], "gone": ""}
            for n in numbers
        ]  # fmt: skip
        save(folder / f"people_{part}.csv", people)
    visits = [
        {"visit_id": "" if n == 7 else f"V{n}", "pid": f"{n % 61:06d}", "dx": "E11.9", "fee": f"{n}.50",
         "with": f"D{n % 4}; D{(n + 1) % 4}", "number": n % 5}
        for n in range(300)
    ]  # fmt: skip
    save(folder / "visits.csv", visits)
    (folder / "broken.json").write_text("{", encoding="utf-8")
    return folder


def test_a_source_without_a_profile_is_profiled(practice: Path, tmp_path: Path) -> None:
    documents = profiled(practice, tmp_path / "work")
    assert sorted(documents) == ["doctors", "people", "visits"]
    people, visits, doctors = documents["people"], documents["visits"], documents["doctors"]
    assert (people.key, people.duplicates, people.missing, people.sample.rows) == (["pid"], 1, 0, 61)
    assert [file.name for file in people.files] == ["people_1.csv", "people_2.csv"]
    assert (visits.key, visits.duplicates, visits.missing, visits.sampled) == (["visit_id"], 0, 1, False)

    doctor = field(people, "usual_doctor").reference
    assert doctor is not None and (doctor.dataset, doctor.column, doctor.share) == ("doctors", "code", 1.0)
    patient = field(visits, "pid").reference
    assert patient is not None and (patient.dataset, patient.share) == ("people", round(60 / 61, 4))
    several = field(visits, "with").reference
    assert several is not None and (several.dataset, several.each) == ("doctors", True)
    assert field(visits, "number").reference is None

    born, seen = field(people, "born"), field(people, "seen")
    assert (born.type, born.date_format, born.ambiguous) == ("date", "us", False)
    assert (seen.date_format, seen.ambiguous) == ("us", False)  # settled by the column beside it
    assert field(people, "fav").values == {"tea": 30, "milk": 31}
    assert (field(people, "gone").filled, field(people, "gone").empty, field(people, "gone").type) == (0, 61, None)
    assert (field(visits, "fee").type, field(visits, "fee").decimals) == ("decimal", 2)
    assert "npi" in field(doctors, "npi").usual
    assert [field(people, name).phi for name in ("pid", "born", "mail")] == ["id", "date", "contact"]
    assert [field(doctors, name).phi for name in ("npi", "dea", "name")] == ["id", "controlled_substance", "name"]
    assert field(visits, "dx").phi == "clinical"


def test_values_of_a_private_field_are_not_listed(tmp_path: Path) -> None:
    rows = [{"id": n, "city": "Boston", "last_name": "Doe", "color": "red"} for n in range(9)]
    save(tmp_path / "in" / "people.csv", rows)
    people = profiled(tmp_path / "in", tmp_path / "work")["people"]
    assert field(people, "color").values == {"red": 9}
    assert field(people, "last_name").values is None
    assert field(people, "city").values is None
