"""The field-level diff: of what landed, of what did not, and what of it a person has to explain."""

import pytest

from activities.differences import classify, differences, unseen_in_fields
from activities.proofs import prove
from mapping.compile import zone_of
from mapping.model import FieldMap
from reports.diff import diff_report
from tests.activities.sampled import Row, diff_of, map_with

CHOSEN = {"patients": 1, "looked_at": 1, "of": 1, "covered": [], "not_covered": [], "not_seen": []}


def report(rows: list[Row], findings: list[Row] | None = None) -> dict[str, list[list[object]]]:
    """The tables of the report."""
    one = map_with("insurance")
    prove(rows, one.system, zone_of(one))
    classify(rows)
    made = diff_report("m-00000000", rows, CHOSEN, {}, findings or [], one.time_zone)
    return {table.title: [list(row) for row in table.rows] for table in made.tables}


def test_every_field_of_a_landed_record_has_a_verdict() -> None:
    one = map_with("appointment")
    rows = {row["field"]: row for row in diff_of(one, "appointment", {"type": "who knows"}, linked=("x",))}
    assert rows["title"]["verdict"] == "same"
    assert rows["start"]["verdict"] == "changed by transform"
    assert (rows["type"]["verdict"], rows["type"]["reason"]) == ("refused", "unknown_value")
    assert {row["patient"] for row in rows.values()} == {"P1"}


def classes(rows: list[Row], name: str = "insurance") -> dict[tuple[str, str | None], tuple[str, str]]:
    """Class and losses by field and column."""
    one = map_with(name)
    prove(rows, one.system, zone_of(one))
    classify(rows)
    return {(row["field"], row["column"]): (row["class"], row["loses"]) for row in rows}


def test_a_change_is_expected_or_loses_something_by_what_the_value_is() -> None:
    one = map_with("insurance", "CoverageStart", transform="date")
    for value, said in (("2026-01-01", ("", "")), ("2026-01-01 09:30", ("lossy", "time of day"))):
        rows = diff_of(one, "insurance", {"from": value}, linked=("demo.patient.P1",))
        assert classes(rows)["from", "cms_coveragestart"] == said


def test_what_one_column_loses_and_another_keeps_is_not_lost() -> None:
    one = map_with("insurance", "CoverageStart", transform="date")
    fields = one.objects["insurance"].routes[0].fields
    fields.append(FieldMap(source="from", column="PlanName", transform="text"))
    found = classes(diff_of(one, "insurance", {"from": "2026-01-01 09:30"}, linked=("demo.patient.P1",)))
    assert found["from", "cms_coveragestart"] == ("expected", "")
    assert found["from", "cms_planname"] == ("", "")


def test_a_value_that_something_else_than_its_transform_replaced_is_lost() -> None:
    """A policy redacts a prescription: its name's transform loses nothing by itself."""
    one = map_with("prescription").model_copy(update={"controlled": "redact"})
    rows = diff_of(
        one, "prescription", {"drug": "Oxycodone 5 mg", "encounter": "", "refills": "?"}, linked=("demo.patient.P1",)
    )
    found = {row["column"]: (row["verdict"], row["loses"]) for row in rows}
    for column in ("cms_name", "cms_medicationname", "cms_dosage", "cms_refills"):
        assert found[column] == ("changed by transform", "the value itself"), column


def test_a_note_that_says_where_it_comes_from_has_lost_nothing() -> None:
    rows = diff_of(map_with("document"), "document")
    note = next(row for row in rows if row["column"] == "notetext")
    assert note["value"] != note["source"] and note["loses"] == ""


def test_what_differs_or_is_not_proved_is_wrong_and_what_did_not_land_is_in_no_class() -> None:
    rows = diff_of(map_with("insurance"), "insurance", linked=("demo.patient.P9",), read_back={"cms_carrier": "Other"})
    found = classes(rows)
    assert {field for (field, _), (kind, _) in found.items() if kind == "wrong"} == {"carrier", "patient"}
    lost = diff_of(map_with("insurance"), "insurance", action="orphan")
    assert {kind for kind, _ in classes(lost).values()} == {""}


def test_what_the_target_changed_differs_and_has_to_be_explained() -> None:
    rows = diff_of(map_with("insurance"), "insurance", linked=("demo.patient.P1",), read_back={"cms_carrier": "Other"})
    assert report(rows)["Not proved"] == []
    assert [one.cause for one in differences(rows, [])] == ["differs/insurance/carrier"]


def test_a_column_that_was_held_back_is_refused_with_its_code() -> None:
    codes = {("I1", "cms_carrier"): "too_long_here"}
    rows = diff_of(map_with("insurance"), "insurance", refused=("cms_carrier",), codes=codes)
    carrier = next(row for row in rows if row["field"] == "carrier")
    assert (carrier["verdict"], carrier["reason"]) == ("refused", "too_long_here")


@pytest.mark.parametrize(
    ("action", "record", "codes", "reason"),
    [
        ("orphan", {}, {}, "missing_parent"),  # its patient is not in the target
        ("excepted", {"patient": ""}, {}, "missing_patient"),  # it names no patient
        ("duplicate", {}, {}, "duplicate_id"),
        ("create", {}, {("I1", ""): "0x80040237"}, "0x80040237"),  # the target refused it
        ("create", {}, {}, "not_written"),
    ],
)
def test_a_record_that_did_not_land_is_shown_and_counts_in_the_proof(
    action: str, record: Row, codes: dict[tuple[str, str], str], reason: str
) -> None:
    one = map_with("insurance")
    landed = diff_of(one, "insurance", linked=("demo.patient.P1",))
    lost = diff_of(one, "insurance", {"_id": "I1", **record}, action=action, codes=codes)
    assert [(row["verdict"], row["reason"]) for row in lost] == [("refused", reason)] * len(landed)
    tables = report([*landed, *lost])
    assert ["Insurance linked to the right patient", 1, 2, "proved but for exceptions", f"{reason}: 1"] in tables[
        "Four proofs"
    ]
    assert [row[3:] for row in tables["Not proved"]] == [["patient", "refused", reason]]
    assert tables["Records that did not land"] == [["insurance", "refused", reason, 1]]
    # Its exception explains it.
    assert differences([*landed, *lost], []) == []


def test_a_record_that_was_left_out_is_shown_and_is_no_difference() -> None:
    rows = diff_of(map_with("appointment"), "appointment", {"_excluded": "soft_deleted"}, action="excluded")
    assert {(row["verdict"], row["reason"], row["proof"]) for row in rows} == {("not migrated", "soft_deleted", None)}
    tables = report(rows)
    assert tables["Records that did not land"] == [["appointment", "not migrated", "soft_deleted", 1]]
    assert {row[3] for row in tables["Four proofs"]} == {"nothing to prove"}
    assert differences(rows, []) == []


def test_findings_that_are_no_field_are_listed_and_have_to_be_explained() -> None:
    """Owner, state and file are no fields of the source; a field that differs is told once."""
    rows = diff_of(map_with("insurance"), "insurance", linked=("demo.patient.P1",), read_back={"cms_carrier": "Other"})
    said = {"object": "insurance", "source_id": "I1", "class": "differing field"}
    every = [said | {"column": "cms_carrier"}, said | {"column": "_ownerid_value", "class": "owner substituted"}]
    left = unseen_in_fields(rows, every)
    assert [one["class"] for one in left] == ["owner substituted"]
    assert report(rows, left)["Findings"] == [["insurance", "I1", "_ownerid_value", "owner substituted"]]
    assert {one.cause for one in differences(rows, left)} == {
        "finding/insurance/owner substituted", "differs/insurance/carrier",
    }  # fmt: skip


def test_a_row_that_is_not_there_is_one_thing_to_explain() -> None:
    rows = diff_of(map_with("insurance"), "insurance")
    for row in rows:
        row |= {"verdict": "differs", "reason": "no_row"}
    missing = {"object": "insurance", "source_id": "I1", "column": None, "class": "count mismatch"}
    prove(rows, "demo", zone_of(map_with("insurance")))
    assert [one.kind for one in differences(rows, unseen_in_fields(rows, [missing]))] == ["finding"]
