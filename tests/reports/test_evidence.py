"""The evidence: what it says of a migration, and what its PDF is."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from activities.tally import FIGURES
from ledger.states import Migration, Run
from reports.evidence import Evidence, Line, as_of, evidence_report
from reports.model import Fact, Table
from reports.pdf import as_pdf

AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
NAME = "Łukasz Żółć-Παπαδόπουλος-Щербакова"
WHOLE = {"whole": True, "rows": 2, "partitions": 1, "findings": [], "onward": ""}


def figures(**some: int) -> dict[str, int]:
    """The figures of one object, those that are not given none."""
    return dict.fromkeys(FIGURES, 0) | some


def evidence(**changed: Any) -> Evidence:
    """A migration that was loaded and verified."""
    migration = Migration(
        id="m-1a2b3c4d", system="riverside", created=AT, state="verified", written=True, map_version=2, map_hash="ab" * 32,
        confirmed_hash="ab" * 32, confirmed_by=NAME, confirmed_at=AT, reconciliation="clean",
    )  # fmt: skip
    run = Run(
        id="migrate-0001", migration="m-1a2b3c4d", kind="migrate", number=1, state="done", by=NAME, started=AT,
        ended=AT + timedelta(hours=1), message="2 created, 0 changed, 1 excepted.",
    )  # fmt: skip
    made = Evidence(
        migration=migration,
        target="riverside-prod",
        runs=[run],
        objects={"patient": figures(read=3, migrated=2, excepted=1, fields_verified=40)},
        findings={},
        proofs=[{"Proof": "Numbers", "Proved": 2, "Of": 2, "Verdict": "proved", "Why not": ""}],
        causes=[["patient", "record", "missing_id", 1, "The record has no id."]],
        undone={"undo-0002": {"deleted": 2, "restored": 0, "kept": 0, "left": 0}},
        audit=WHOLE,
        lines=[Line(AT + timedelta(hours=2), "confirm", None, NAME, 0, 0, "cd" * 32)],
    )
    return replace(made, **changed)


def nothing() -> Evidence:
    """A migration that was just created."""
    audit = {"whole": True, "rows": 0, "partitions": 0, "findings": [], "onward": ""}
    return Evidence(Migration(id="m-00000000", system="x", created=AT), "", [], {}, {}, [], [], {}, audit)


def table(one: Evidence, title: str) -> Table:
    return next(found for found in evidence_report(one).tables if found.title == title)


def fact(one: Evidence, label: str) -> Fact:
    return next(found for found in evidence_report(one).facts if found.label == label)


def test_what_was_read_and_what_became_of_it_add_up_or_it_says_so() -> None:
    assert table(evidence(), "Records").rows == [["patient", 3, 2, 0, 0, 1, 0, "adds up"]]
    lost = evidence(objects={"patient": figures(read=3, migrated=2)})
    assert table(lost, "Records").rows[0][-1] == "does not add up"
    assert table(lost, "Records").marks["does not add up"] == "bad"


def test_what_was_not_checked_is_never_good() -> None:
    one = evidence()
    one.migration.reconciliation = None
    assert (fact(one, "Read back and compared").value, fact(one, "Read back and compared").tone) == (
        "not checked",
        "bad",
    )
    assert "Not checked" in table(one, "Fields read back").note
    assert table(one, "Findings of the verification").empty == "Not checked."
    assert fact(evidence(), "Read back and compared").tone == "good"
    assert table(evidence(findings={"not checked": 3}), "Findings of the verification").marks["not checked"] == "bad"


def test_a_log_that_is_not_whole_is_bad_and_an_empty_one_is_not_good() -> None:
    damaged = evidence(audit={"whole": False, "rows": 1, "partitions": 1, "findings": [{}, {}], "onward": ""})
    assert (fact(damaged, "Audit log").value, fact(damaged, "Audit log").tone) == ("2 findings", "bad")
    assert fact(evidence(), "Audit log").tone == "good"
    long = fact(evidence(audit=WHOLE | {"onward": "m-1|migrate-0001|patient|00000"}), "Audit log")
    assert (long.value, long.tone) == ("checked in part", "attention")
    assert fact(nothing(), "Audit log").tone == "plain"


def test_what_was_taken_back_is_not_shown_as_there() -> None:
    one = evidence()
    one.migration.written = False
    assert fact(one, "Records migrated").note == "and taken back since"
    assert fact(one, "State").note == "no row of it is in the target"
    assert fact(evidence(), "Records migrated").note == fact(nothing(), "Records migrated").note == ""


def test_its_date_is_that_of_the_latest_thing_on_record() -> None:
    assert as_of(nothing()) == AT
    assert as_of(evidence()) == AT + timedelta(hours=2)
    assert as_of(evidence(lines=[])) == AT + timedelta(hours=1)


def test_a_confirmation_of_an_earlier_map_says_so() -> None:
    one = evidence()
    one.migration.map_hash = "ef" * 32
    rows = table(one, "The migration").rows
    assert ["Map confirmed", f"{NAME}, 2026-03-01 09:30 UTC, of an earlier version"] in rows


@pytest.mark.parametrize("made", [evidence, nothing], ids=["loaded", "nothing"])
def test_the_pdf_is_the_same_each_time_and_keeps_to_both_standards(made: Any) -> None:
    """Neither standard lets a letter pass that no font in the file has."""
    one = made()
    pdf = as_pdf(evidence_report(one), as_of(one))
    assert pdf == as_pdf(evidence_report(one), as_of(one))
    assert b"<pdfaid:part>2</pdfaid:part><pdfaid:conformance>A</pdfaid:conformance>" in pdf
    assert b"<pdfuaid:part>1</pdfuaid:part>" in pdf
    assert f"Evidence of the migration {one.migration.id}".encode() in pdf


def test_a_name_that_the_fonts_lack_costs_the_standards_and_not_the_file() -> None:
    pdf = as_pdf(evidence_report(evidence(target="王小明")), AT)
    assert pdf.startswith(b"%PDF-")
    assert b"pdfaid:part" not in pdf


def test_what_stands_in_a_cell_is_never_markup() -> None:
    """A template's own signs in a name are letters of it: the file is made, of the same number of pages."""
    odd = '#panic("x") = *bold* $x$ \\ <b> `'
    assert b"<pdfaid:part>2" in as_pdf(evidence_report(evidence(target=odd)), AT)
