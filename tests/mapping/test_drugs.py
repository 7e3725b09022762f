"""DEA schedules: real names, combinations, and never "None" for what is not known."""

import csv
import os
from pathlib import Path

import pytest

from mapping.drugs import DATA, schedule

SHARED = Path(os.environ.get("CARRYOVER_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("72 HR Fentanyl 0.025 MG/HR Transdermal System", "II"),
        ("Acetaminophen 325 MG / HYDROcodone Bitartrate 7.5 MG Oral Tablet", "II"),
        ("Abuse-Deterrent 12 HR Oxycodone Hydrochloride 10 MG Extended Release Oral Tablet [Oxycontin]", "II"),
        ("hydrocodone-acetaminophen 5-325", "II"),
        ("methylphenidate ER 18 mg", "II"),
        ("Meperidine Hydrochloride 50 MG Oral Tablet", "II"),
        ("buprenorphine 2 MG / naloxone 0.5 MG Sublingual Tablet", "III"),
        ("testosterone cypionate 200 mg/mL", "III"),
        ("ketamine", "III"),
        ("clonazePAM 0.25 MG Oral Tablet", "IV"),
        ("tramadol hydrochloride 50 MG Oral Tablet", "IV"),
        ("Zolpidem 10 mg", "IV"),
        ("carisoprodol 350", "IV"),
        ("phenobarbital", "IV"),
        ("Lyrica 75 mg", "V"),
        ("lacosamide 100 MG", "V"),
        ("heroin", "I"),
        ("gabapentin 300 MG Oral Capsule", "None"),
        ("24 HR Metformin hydrochloride 500 MG Extended Release Oral Tablet", "None"),
        ("sulfamethoxazole 800 MG / trimethoprim 160 MG Oral Tablet", "None"),
        ("NDA020800 0.3 ML Epinephrine 1 MG/ML Auto-Injector", "None"),
        ("amoxicillin-clavulanate", "None"),
        ("Zestril (lisinopril) 10 mg", "None"),
    ],
)
def test_real_names(name: str, expected: str) -> None:
    assert schedule("RxNorm", "1", name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Codeine sulfate 30 MG Oral Tablet", "II"),
        ("Acetaminophen 300 MG / Codeine Phosphate 15 MG Oral Tablet", "III"),
        ("Tylenol with codeine #3", "III"),
        ("promethazine-codeine syrup", "V"),
        ("butalbital / acetaminophen / caffeine / codeine", "III"),
        ("carisoprodol / aspirin / codeine", "III"),
        ("diphenoxylate", "II"),
        ("diphenoxylate / atropine 2.5-0.025 MG", "V"),
        ("dronabinol 5 MG capsule", "III"),
        ("dronabinol 5 MG/ML oral solution", "II"),
        ("pentobarbital suppository", "III"),
        ("morphine / foozabine", "II"),
    ],
)
def test_combinations_take_the_schedule_of_the_product(name: str, expected: str) -> None:
    assert schedule(None, None, name) == expected


@pytest.mark.parametrize(
    "name",
    [
        "Compounded LDN 4.5 mg capsule (Corner Drug)",
        "foozabine 5 MG Oral Tablet",
        "foozabine potassium chloride 5 MG",
        "aspirin 325 MG / foozabine 5 MG",
        "lisinopril-foozabine",
        "foomycin in sodium chloride",
        "1234",
        "Oral Tablet",
    ],
)
def test_what_is_not_known_is_unknown_never_none(name: str) -> None:
    assert schedule(None, None, name) == "Unknown"


def test_a_code_without_a_name_is_unknown() -> None:
    assert schedule("RxNorm", "313782", None) == "Unknown"
    assert schedule("RxNorm", "313782", " ") == "Unknown"


def test_words_are_compared_whole_without_case_and_accents() -> None:
    assert schedule(None, None, "MORPHINE") == "II"
    assert schedule(None, None, "Tramadól") == "IV"
    assert schedule(None, None, "apomorphine") == "None"


def test_the_table_names_each_row_once_and_its_source() -> None:
    text = DATA.read_text(encoding="utf-8")
    assert "21 CFR 1308" in text.splitlines()[0]
    rows = list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))
    assert len(rows) > 500
    assert {row["schedule"] for row in rows} == {"None", "I", "II", "III", "IV", "V"}
    keys = [(row["name"], row["schedule"], row["with"]) for row in rows]
    assert len(keys) == len(set(keys))
    plain = [row["name"] for row in rows if not row["with"]]
    assert len(plain) == len(set(plain)), "an ingredient has one schedule of its own"


def test_every_medication_of_the_data_sets_is_known() -> None:
    files = {
        "synthea-csv/medications.csv": "DESCRIPTION",
        "synthea-csv-claims/medications.csv": "DESCRIPTION",
        "gnuhealth/gnuhealth_medicament.csv": "active_component",
    }
    present = [(SHARED / name, column) for name, column in files.items() if (SHARED / name).exists()]
    if not present:
        pytest.skip(f"no data sets at {SHARED}")
    for path, column in present:
        with path.open(encoding="utf-8", newline="") as file:
            names = {row[column] for row in csv.DictReader(file) if row[column]}
        assert [name for name in names if schedule(None, None, name) == "Unknown"] == [], path.name
