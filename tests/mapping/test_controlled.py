"""Controlled substances follow the migration's policy; an unknown drug is listed for a person."""

from typing import Any

from mapping.controlled import REDACTED_NAME
from mapping.model import ControlledPolicy
from mapping.record import MappedRecord
from tests.mapping.samples import OBJECTS, RECORDS, compiled, field, route

SECRETS = ("Morphine", "314076", "10 mg", "QD", "Take one daily")


def _prescription(policy: ControlledPolicy, drug: str, **changes: Any) -> MappedRecord:
    return compiled(controlled=policy)["prescription"]({**RECORDS["prescription"], "drug": drug, **changes})


def test_suppressed_rows_are_excluded_and_carry_nothing() -> None:
    mapped = _prescription("suppress", "Morphine Sulfate 5 MG")
    assert (mapped.status, mapped.reason, mapped.payload, mapped.refs) == ("excluded", "controlled", {}, [])


def test_redacted_rows_land_without_what_tells_the_drug() -> None:
    mapped = _prescription("redact", "Morphine Sulfate 5 MG")
    assert mapped.status == "mapped"
    assert mapped.payload["cms_name"] == REDACTED_NAME
    assert not any(secret in str(value) for value in mapped.payload.values() for secret in SECRETS)
    gone = {"cms_medicationname", "cms_medicationcode", "cms_dosage", "cms_frequency", "cms_quantity", "cms_refills"}
    assert not (gone | {"cms_deaschedule", "cms_instructions"}) & set(mapped.payload)
    assert mapped.payload["cms_prescribeddate"] == "2020-01-01T05:00:00Z"
    assert len(mapped.refs) == 2
    assert mapped.hash != _prescription("include", "Morphine Sulfate 5 MG").hash


def test_issues_of_redacted_columns_are_redacted_too() -> None:
    assert _prescription("redact", "Morphine", refills="many").issues == []
    assert [issue.column for issue in _prescription("include", "Morphine", refills="many").issues] == ["Refills"]


def test_included_rows_land_whole_with_their_schedule() -> None:
    mapped = _prescription("include", "Morphine Sulfate 5 MG")
    assert (mapped.payload["cms_medicationname"], mapped.payload["cms_deaschedule"]) == (
        "Morphine Sulfate 5 MG",
        100_000_002,
    )
    assert mapped.review == ""


def test_every_schedule_is_controlled_and_no_other_drug_is_touched() -> None:
    for drug in ("heroin", "oxycodone", "ketamine", "diazepam", "pregabalin"):
        assert _prescription("suppress", drug).reason == "controlled", drug
    mapped = _prescription("suppress", "Aspirin 81 MG")
    assert (mapped.status, mapped.review) == ("mapped", "")


def test_an_unknown_drug_lands_and_is_listed_for_review() -> None:
    for policy in ("suppress", "redact", "include"):
        mapped = _prescription(policy, "foozabine 5 MG")
        assert (mapped.status, mapped.review) == ("mapped", "foozabine 5 MG · 314076")
        assert mapped.payload["cms_deaschedule"] == 100_000_006


def test_what_the_source_itself_says_counts_too() -> None:
    stated = route("ClinicPrescription", field("drug", "MedicationName"), field("dea", "DEASchedule", "choice"))
    objects = {**OBJECTS, "prescription": {"routes": [stated]}}
    mapper = compiled(controlled="suppress", objects=objects)["prescription"]
    assert mapper({"_id": "1", "drug": "foozabine", "dea": "II"}).reason == "controlled"
    assert mapper({"_id": "1", "drug": "Morphine", "dea": "None"}).reason == "controlled"
    assert mapper({"_id": "1", "drug": "Aspirin", "dea": "None"}).status == "mapped"


def test_the_policy_holds_without_a_schedule_column_in_the_map() -> None:
    objects = {**OBJECTS, "prescription": {"routes": [route("ClinicPrescription", field("drug", "MedicationName"))]}}
    mapper = compiled(controlled="suppress", objects=objects)["prescription"]
    assert mapper({"_id": "1", "drug": "Morphine"}).reason == "controlled"
