"""The shared GNU Health tables, against counts that the standard library's csv module makes of the same files."""

from collections import Counter
from pathlib import Path

import pytest

from tests.sources.helpers import Shaped, shape_folder, shared, table


@pytest.fixture(scope="module")
def source() -> Path:
    return shared("gnuhealth")


@pytest.fixture(scope="module")
def shaped(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Shaped:
    return shape_folder(source, tmp_path_factory.mktemp("gnuhealth"), buckets=3)


def test_the_database_dump_is_an_unknown_file_and_nothing_else(source: Path, shaped: Shaped) -> None:
    assert shaped.detection.profile.name == "gnuhealth"
    assert [file.name for file in shaped.detection.unknown_files] == ["health50.pgdump"]
    assert shaped.rows == {path.stem: len(table(path)) for path in source.glob("*.csv")}


def test_records_per_object(source: Path, shaped: Shaped) -> None:
    feeds = {"staff": "res_user", "location": "gnuhealth_institution", "practitioner": "gnuhealth_healthprofessional",
             "patient": "gnuhealth_patient", "insurance": "gnuhealth_insurance", "appointment": "gnuhealth_appointment",
             "encounter": "gnuhealth_patient_evaluation", "prescription": "gnuhealth_prescription_line"}  # fmt: skip
    for name, dataset in feeds.items():
        ids = [row["id"] for row in table(source / f"{dataset}.csv")]
        assert sorted(record["_id"] for record in shaped.of(name)) == sorted(ids), name
        assert shaped.accounts[dataset] == {f"fed:{name}": len(ids)}


def test_professionals_who_are_patients_share_a_party(source: Path, shaped: Shaped) -> None:
    patients = {row["party"] for row in table(source / "gnuhealth_patient.csv")}
    professionals = {row["party"] for row in table(source / "gnuhealth_healthprofessional.csv")}
    both = patients & professionals
    assert both
    for name in ("patient", "practitioner"):
        assert {record["_party"] for record in shaped.of(name) if record["kind"] == "Both"} == both
        assert all(record["_party"] for record in shaped.of(name))


def test_catalog_rows_are_merged_when_used_and_left_out_when_not(source: Path, shaped: Shaped) -> None:
    used = {row["diagnosis"] for row in table(source / "gnuhealth_patient_evaluation.csv")}
    used |= {row["pathology"] for row in table(source / "gnuhealth_patient_disease.csv")}
    rows = len(table(source / "gnuhealth_pathology.csv"))
    used.discard("")
    assert shaped.accounts["gnuhealth_pathology"] == {
        "merged:encounter": len(used),
        "excluded:not_referenced": rows - len(used),
    }
    drugs = {row["medicament"] for row in table(source / "gnuhealth_prescription_line.csv")}
    assert shaped.accounts["gnuhealth_medicament"]["merged:prescription"] == len(drugs)


def test_parties_are_merged_into_what_uses_them(source: Path, shaped: Shaped) -> None:
    patients = {row["party"] for row in table(source / "gnuhealth_patient.csv")}
    places = {row["party"] for row in table(source / "gnuhealth_institution.csv")}
    carriers = {row["company"] for row in table(source / "gnuhealth_insurance.csv")}
    rows = len(table(source / "party_party.csv"))
    assert shaped.accounts["party_party"] == Counter(
        {"merged:patient": len(patients), "merged:location": len(places), "merged:insurance": len(carriers),
         "excluded:not_referenced": rows - len(patients | places | carriers)}
    )  # fmt: skip


def test_each_disease_lands_in_one_evaluation_of_its_patient_by_date(source: Path, shaped: Shaped) -> None:
    diseases = table(source / "gnuhealth_patient_disease.csv")
    assert shaped.accounts["gnuhealth_patient_disease"] == {"merged:encounter": len(diseases)}
    codes = {row["id"]: row["code"] for row in table(source / "gnuhealth_pathology.csv")}
    placed = [
        (record["_patient"], line.split(" ")[1], record["evaluation_start"][:10])
        for record in shaped.of("encounter")
        for line in record["diagnoses"].split("\n")
        if "(diagnosed " in line
    ]
    assert sorted((p, c) for p, c, _ in placed) == sorted((row["patient"], codes[row["pathology"]]) for row in diseases)
    starts = {(r["patient"], r["evaluation_start"][:10]) for r in table(source / "gnuhealth_patient_evaluation.csv")}
    days = {row["patient"]: row["diagnosed_date"] for row in diseases}
    for patient, _, day in placed:
        before = [start for who, start in starts if who == patient and start <= days[patient]]
        assert day == (max(before) if before else min(start for who, start in starts if who == patient))


def test_insurance_reaches_the_patient_through_the_party(source: Path, shaped: Shaped) -> None:
    patients = {row["party"]: row["id"] for row in table(source / "gnuhealth_patient.csv")}
    carriers = {row["id"]: row["name"] for row in table(source / "party_party.csv")}
    for row in table(source / "gnuhealth_insurance.csv"):
        record = shaped.by_id("insurance")[row["id"]]
        assert (record["_patient"], record["carrier"]) == (patients[row["party"]], carriers[row["company"]])


def test_prescriptions_take_patient_and_drug_from_order_and_catalog(source: Path, shaped: Shaped) -> None:
    orders = {row["id"]: row for row in table(source / "gnuhealth_prescription_order.csv")}
    drugs = {row["id"]: row["active_component"] for row in table(source / "gnuhealth_medicament.csv")}
    for row in table(source / "gnuhealth_prescription_line.csv"):
        record = shaped.by_id("prescription")[row["id"]]
        assert record["_patient"] == orders[row["presc_order"]]["patient"]
        assert record["medication"] == drugs[row["medicament"]]


def test_passwords_are_never_staged(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("party_party.csv", "gnuhealth_patient.csv"):
        (folder / name).write_bytes((source / name).read_bytes())
    (folder / "res_user.csv").write_text("id,name,login,password_hash\n1,Ann,ann,S3CRET\n")
    shape_folder(folder, tmp_path / "out")
    import gzip

    staged = next((tmp_path / "out" / "raw").glob("res_user.*"))
    assert b"S3CRET" not in gzip.decompress(staged.read_bytes())
