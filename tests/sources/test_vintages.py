"""Synthea folders of other years, and rows that do not fit together: nothing is lost, nothing is doubled."""

import hashlib
import zipfile
from pathlib import Path

import pytest

from sources.archive import unzip_safely
from tests.sources.helpers import Shaped, shape_folder

PATIENTS = "Id,BIRTHDATE,DEATHDATE,SSN,FIRST,LAST,MARITAL,RACE,ETHNICITY,GENDER,ZIP\n"


def folder(path: Path, files: dict[str, str], encoding: str = "utf-8", end: str = "\n") -> Path:
    path.mkdir(parents=True)
    for name, text in files.items():
        (path / name).write_bytes(text.replace("\n", end).encode(encoding))
    return path


OLD = {
    "synthea_patients.csv": "ID,BIRTHDATE,DEATHDATE,SSN,FIRST,LAST,MARITAL,RACE,ETHNICITY,GENDER,ZIP,FAVORITE\n"
    'p1,1950-01-02,,999-11-1111,María Luisa888,"D\'Amore443",M,white,hispanic,F,02139,"tea,\nblack"\n'
    "p2,1960-01-02,,999-22-2222,Shelby741,Lebrón484,,white,nonhispanic,M,,\n",
    "synthea_payer_transitions.csv": "PATIENT,START_YEAR,END_YEAR,PAYER,OWNERSHIP\n"
    "p1,1998,1998,y1,Self\np1,1999,2001,y0,\np2,1999,2001,y1,Spouse\np2,1999,2001,y1,Spouse\n",
    "synthea_payers.csv": "Id,NAME,ADDRESS\ny0,NO_INSURANCE,\ny1,Humana,Street\ny1,Humana again,Street\n",
    "synthea_encounters.csv": "Id,START,STOP,PATIENT,PROVIDER,ENCOUNTERCLASS,CODE,DESCRIPTION,COST,REASONCODE\n"
    "e1,2001-05-01T10:00:00Z,,p1,d1,wellness,1,Visit,100,\n",
    "synthea_conditions.csv": "START,STOP,PATIENT,ENCOUNTER,CODE,DESCRIPTION\n2001-05-01,,p1,e1,44,Cough\n"
    "2001-05-01,,p2,e1,45,Cold\n2001-05-01,,p1,,46,Fever\n",
    "synthea_providers.csv": "Id,ORGANIZATION,NAME,GENDER,SPECIALITY,UTILIZATION\n"
    "d1,o1,Víctor493 de la Cruz353,M,NURSE PRACTITIONER,5\nd2,o1,Cher,F,,\n",
    "synthea_medications.csv": "START,STOP,PATIENT,ENCOUNTER,CODE,DESCRIPTION,COST\n"
    "2001-05-01,,p1,e1,77,Pill,1\n2001-05-01,,p1,e1,77,Pill,1\n2001-05-01,,p1,missing,77,Pill,1\n",
}  # fmt: skip


def made(parts: str) -> str:
    """An id that the profile makes of these parts."""
    return hashlib.md5(parts.encode(), usedforsecurity=False).hexdigest()


@pytest.fixture(scope="module", params=["utf-8", "utf-8-sig", "cp1252"])
def old(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Shaped:
    work = tmp_path_factory.mktemp("old")
    return shape_folder(folder(work / "in", OLD, request.param, "\r\n"), work / "out", buckets=3)


def test_names_survive_encodings_and_extra_columns_become_properties(old: Shaped) -> None:
    patient = old.by_id("patient")["p1"]
    assert (patient["FIRST"], patient["LAST"], patient["ZIP"]) == ("María Luisa888", "D'Amore443", "02139")
    assert patient["properties"] == {"RACE": "white", "ETHNICITY": "hispanic", "FAVORITE": "tea,\r\nblack"}
    assert patient["MIDDLE"] is None


def test_plain_years_cover_whole_years_and_equal_periods_stay_two(old: Shaped) -> None:
    periods = old.by_id("insurance")
    assert len(periods) == 4
    assert (periods[made("p1.1998.y1.1")]["START_DATE"], periods[made("p1.1998.y1.1")]["END_DATE"]) == (
        "1998-01-01",
        "1998-12-31",
    )
    assert periods[made("p1.1998.y1.1")]["PLAN_OWNERSHIP"] == "Self"
    assert periods[made("p1.1999.y0.1")]["_excluded"] == "no_insurance"
    assert {made("p2.1999.y1.1"), made("p2.1999.y1.2")} < set(periods)


def test_a_doubled_payer_doubles_nothing_and_an_uninsured_patient_has_no_carrier(old: Shaped) -> None:
    assert {record["carrier"] for record in old.of("insurance")} == {"NO_INSURANCE", "Humana"}
    assert old.by_id("patient")["p1"]["primary_carrier"] is None
    assert old.by_id("patient")["p2"]["primary_carrier"] == "Humana"


def test_rows_whose_encounter_is_missing_or_anothers_are_orphans(old: Shaped) -> None:
    assert old.accounts["conditions"] == {"merged:encounter": 1, "excluded:orphan": 2}
    assert old.by_id("encounter")["e1"]["diagnoses"] == "SNOMED-CT 44 Cough"
    assert {(row["dataset"], row["_row"], row["account"]) for row in old.left_out} == {
        ("conditions", 1, "excluded:orphan"),
        ("conditions", 2, "excluded:orphan"),
    }


def test_practitioners_names_are_split_at_the_last_word(old: Shaped) -> None:
    people = old.by_id("practitioner")
    assert (people["d1"]["first_name"], people["d1"]["last_name"], people["d1"]["role"]) == (
        "Víctor493 de la",
        "Cruz353",
        "Nurse",
    )
    assert (people["d2"]["first_name"], people["d2"]["last_name"], people["d2"]["role"]) == (None, "Cher", None)
    assert people["d1"]["ENCOUNTERS"] == "5"


def test_medications_get_ids_of_their_own_and_orphans_stay(old: Shaped) -> None:
    assert set(old.by_id("prescription")) == {
        made("e1.77.2001-05-01.1"),
        made("e1.77.2001-05-01.2"),
        made("missing.77.2001-05-01.1"),
    }
    orphan = old.by_id("prescription")[made("missing.77.2001-05-01.1")]
    assert (orphan["_patient"], orphan["prescriber"]) == ("p1", None)


def test_duplicate_ids_and_missing_patients_stay_records(tmp_path: Path) -> None:
    files = {
        "patients.csv": PATIENTS
        + "p1,2000-01-01,,1,A,B,,w,n,F,1\np1,2000-01-01,,1,A,B,,w,n,F,1\n,2000-01-01,,1,C,D,,w,n,F,1\n",
        "encounters.csv": "Id,START,PATIENT\ne1,2020-01-01,p1\ne1,2020-01-01,p1\ne2,2020-01-01,nobody\n"
        "e3,2020-01-01,\n",
        "conditions.csv": "PATIENT,ENCOUNTER,CODE\np1,e1,5\n",
        "medications.csv": "START,PATIENT,ENCOUNTER,CODE\n2020-01-01,p1,e1,9\n",
        "claims.csv": "Id,PATIENTID,SECONDARYPATIENTINSURANCEID\nc1,p1,0\nc1,p1,\n",
        "claims_transactions.csv": "CLAIMID,PATIENTID,TYPE,AMOUNT\nc1,p1,CHARGE,5\nc9,p1,CHARGE,5\n",
    }
    shaped = shape_folder(folder(tmp_path / "in", files), tmp_path / "out", buckets=4)
    assert sorted(record["_id"] or "" for record in shaped.of("patient")) == ["", "p1", "p1"]
    assert sorted((record["_id"], record["_patient"]) for record in shaped.of("encounter") if record["_patient"]) == [
        ("e1", "p1"), ("e1", "p1"), ("e2", "nobody"),
    ]  # fmt: skip
    assert len(shaped.of("encounter")) == 4
    assert shaped.accounts["conditions"] == {"merged:encounter": 1}
    assert len(shaped.of("prescription")) == 1
    assert [len(claim["lines"]) for claim in shaped.of("claim")] == [1, 1]
    assert {claim["secondary_payer_id"] for claim in shaped.of("claim")} == {None}
    assert shaped.accounts["claims_transactions"] == {"merged:claim": 1, "excluded:orphan": 1}


def test_a_zip_that_holds_the_folder(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        for name, text in OLD.items():
            archive.writestr(f"export/csv/{name}", text)
    unzip_safely(tmp_path / "export.zip", tmp_path / "in")
    assert len(shape_folder(tmp_path / "in", tmp_path / "out").of("patient")) == 2


def test_patients_alone_are_enough(tmp_path: Path) -> None:
    shaped = shape_folder(
        folder(tmp_path / "in", {"patients.csv": PATIENTS + "p1,2000-01-01,,1,A,B,,w,n,F,1\n"}), tmp_path / "out"
    )
    assert len(shaped.of("patient")) == 1
    assert shaped.of("encounter") == shaped.of("claim") == []


PARTIES = (
    "id,name,lastname,active,replaced_by,dob\n1,Ann,Lee,t,,1970-01-01\n2,Bob,Ray,f,,\n3,Cy,Fox,t,1,\n4,Corp,,t,,\n"
)
CLINIC = {
    "party_party.csv": PARTIES,
    "gnuhealth_patient.csv": "id,party,active\n10,1,t\n20,2,t\n30,3,t\n",
    "gnuhealth_healthprofessional.csv": "id,party,active,code\n7,1,f,NPI1234567893\n",
    "gnuhealth_appointment.csv": "id,patient,appointment_date,state\n1,10,2020-01-01 10:00:00,done\n"
    "2,20,2020-01-01 10:00:00,done\n3,,2020-01-01 10:00:00,free\n4,99,2020-01-01 10:00:00,done\n",
    "gnuhealth_insurance.csv": "id,party,company,number\n1,1,4,N1\n2,4,4,N2\n",
    "gnuhealth_patient_disease.csv": "id,patient,pathology\n1,10,5\n",
    "gnuhealth_prescription_order.csv": "id,patient\n1,10\n2,10\n",
    "gnuhealth_prescription_line.csv": "id,presc_order,medicament\n1,1,1\n2,77,1\n",
    "party_contact_mechanism.csv": "id,party,type,value,active,sequence\n1,1,mobile,111,t,2\n2,1,mobile,222,t,1\n"
    "3,1,email,a@b.c,f,\n4,4,phone,5,t,\n",
}  # fmt: skip


def test_gnuhealth_takes_soft_deletes_free_slots_and_orphans_apart(tmp_path: Path) -> None:
    shaped = shape_folder(folder(tmp_path / "in", CLINIC), tmp_path / "out", buckets=3)
    reasons = {
        name: {r["_id"]: r["_excluded"] for r in shaped.of(name)} for name in ("patient", "appointment", "insurance")
    }
    assert reasons["patient"] == {"10": None, "20": "soft_deleted", "30": "replaced"}
    assert reasons["appointment"] == {"1": None, "2": "soft_deleted", "3": "blocked_time", "4": None}
    assert reasons["insurance"] == {"1": None, "2": None}
    assert shaped.by_id("insurance")["2"]["_patient"] is None
    assert shaped.by_id("patient")["10"]["kind"] == shaped.by_id("practitioner")["7"]["kind"] == "Both"
    assert (shaped.by_id("practitioner")["7"]["active"], shaped.by_id("practitioner")["7"]["npi"]) == (
        "false",
        "1234567893",
    )
    assert shaped.by_id("patient")["10"]["mobile"] == "222"
    assert shaped.accounts["party_contact_mechanism"] == {
        "merged:patient": 1, "excluded:further_contact": 1, "excluded:soft_deleted": 1, "merged:insurance": 1,
    }  # fmt: skip
    assert shaped.accounts["gnuhealth_patient_disease"] == {"excluded:no_encounter": 1}
    assert shaped.accounts["gnuhealth_prescription_order"] == {"merged:prescription": 1, "excluded:no_lines": 1}
    assert shaped.by_id("prescription")["2"]["_patient"] is None
