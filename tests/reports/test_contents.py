"""What single reports say."""

from collections.abc import Iterator
from pathlib import Path
from re import findall
from typing import Any

import pytest

from ledger.exceptions import ExceptionRow
from reports.diff import diff_report, in_order
from reports.masking import masked
from reports.model import Streamed, Table
from reports.reconcile import FIXES, exceptions_report, manual_upload_report, plugins
from reports.scope import scope_report
from reports.warnings import Seen
from sources.profile import load_profile

#: A sample of which nothing is said.
CHOSEN = {"patients": 1, "looked_at": 1, "of": 1, "covered": [], "not_covered": [], "not_seen": []}


def row(object: str, id: str, code: str, field: str | None = None) -> Any:
    return ExceptionRow(object, id, field, code, "Words.")


def test_exceptions_are_grouped_with_the_largest_cause_first() -> None:
    rows = [
        row("patient", "1", "bad_email", "email"),
        row("document", "2", "zero_bytes"),
        row("document", "3", "zero_bytes"),
    ]
    report = exceptions_report("m-00000000", rows, 0)
    assert [fact.value for fact in report.facts] == ["2", "1", "0"]
    causes, every = report.tables
    assert [list(one[:4]) for one in causes.rows] == [
        ["document", "record", "zero_bytes", 2],
        ["patient", "field", "bad_email", 1],
    ]
    assert len(every.rows) == 3


def test_records_fields_and_rows_made_from_records_are_told_apart() -> None:
    rows = [
        row("patient", "1", "no_owner"),
        row("custom_property", "1.Hobbies", "missing_parent"),
        row("patient", "2", "bad_email", "email"),
        row("encounter_note", "3", "0x80040265"),
    ]
    facts = {fact.label: fact.value for fact in exceptions_report("m-00000000", rows, 0).facts}
    assert (facts["Records"], facts["Fields"], facts["Rows"]) == ("2", "1", "1")


def test_every_cause_that_a_transform_names_has_advice() -> None:
    mapping = Path(__file__).resolve().parents[2] / "mapping"
    named = {
        code for file in mapping.rglob("*.py") for code in findall(r'Refused\(\s*"([a-z_0-9]+)"', file.read_text())
    }
    assert named
    # A nested value in a text column has no cure but another transform, which its message says.
    assert named - set(FIXES) - {"not_text"} == set()


def test_documents_that_only_need_their_file_come_first() -> None:
    rows = [row("document", "1", "missing_patient"), row("document", "2", "too_large"), row("patient", "3", "x")]
    table = manual_upload_report("m-00000000", rows, {}, {"odd": [], "no_index": []}).tables[0]
    assert [one[1] for one in table.rows] == ["2", "1"]


def field(verdict: str, proof: str | None = None, **more: Any) -> dict[str, Any]:
    """A row of a diff."""
    names = ("object", "source_id", "field", "source", "transform", "column", "read", "value", "patient")
    return (
        dict.fromkeys(names, "x")
        | {"verdict": verdict, "proof": proof, "reason": "", "landed": True, "class": "", "loses": ""}
        | more
    )


def test_the_diff_puts_what_needs_an_eye_first_and_counts_the_variety() -> None:
    chosen = CHOSEN | {"covered": ["patient a", "patient b is\tMale", "claim c"], "not_covered": ["patient d"]}
    chosen |= {"not_seen": ["claim e made from\tX"]}
    rows = in_order([field("same"), field("differs"), field("refused")])
    report = diff_report("m-00000000", rows, chosen, {}, [], "UTC")
    tables = {one.title: one.rows for one in report.tables}
    assert [one[7] for one in report.tables[report.csv_table].rows] == ["differs", "refused", "same"]
    assert tables["Variety"] == [["claim", 1, 1, 0, 1], ["patient", 3, 2, 1, 0]]
    assert [one[:3] for one in tables["Not in the sample"]] == [["patient", "d", ""], ["claim", "e made from", "X"]]
    hidden = masked(report)
    assert hidden is not None and [one[2] for one in {t.title: t.rows for t in hidden.tables}["In the sample"]] == [
        "",
        "xxxx",
        "",
    ]


def test_a_long_diff_says_first_that_the_page_is_cut() -> None:
    for rows, said in ((1000, False), (1001, True)):
        report = diff_report("m-00000000", [field("same")] * rows, CHOSEN, {}, [], "UTC")
        assert ("the first 1,000 of 1,001" in report.tables[report.csv_table].note) is said


def test_a_proof_counts_what_was_proved_and_lists_what_fails() -> None:
    rows = [
        field("same", "mrn", proved=True), field("refused", "mrn", proved=False, source_id="2", reason="too_long"),
        field("changed by transform", "time", proved=True), field("same", "insurance", proved=False, source_id="3"),
        field("differs"),
    ]  # fmt: skip
    first, second = diff_report("m-00000000", rows, CHOSEN, {}, [], "UTC").tables[:2]
    assert [one[1:] for one in first.rows] == [
        [1, 2, "proved but for exceptions", "too_long: 1"], [1, 1, "proved", ""], [0, 0, "nothing to prove", ""],
        [0, 1, "not proved", "not equal: 1"],
    ]  # fmt: skip
    assert [(one[2], one[5]) for one in second.rows] == [("2", "too_long"), ("3", "not equal")]


MEASURED: dict[str, Any] = {
    "records": 50, "cells": 200, "filled": 150, "first": "2019-03-04", "last": "2025-11-30", "duplicates": 2,
    "without_id": 1, "like_ssn": 0, "lengths": {},
}  # fmt: skip


def test_each_object_has_its_span_its_empty_cells_and_its_ids() -> None:
    source: dict[str, Any] = {"files": [], "documents": 0, "unknown_files": []}
    seen = Seen({"patient": 53, "claim": 0}, 0)
    report = scope_report(
        "m-1", load_profile("sample_clinic"), source, seen, {}, {}, found={"measures": {"patient": MEASURED}}
    )
    rows = next(one.rows for one in report.tables if one.title == "Objects")
    assert rows == [["patient", 53, "2019-03-04", "2025-11-30", 25.0, 2, 1], ["claim", 0, None, None, None, None, None]]


def test_the_scope_says_which_ids_are_hashed_and_which_should_be() -> None:
    profile = load_profile("sample_clinic")
    datasets = profile.datasets | {"charts": profile.datasets["patients"].model_copy(update={"hashed": ["ssn"]})}
    profile = profile.model_copy(update={"datasets": datasets})
    source: dict[str, Any] = {"files": [], "documents": 0, "unknown_files": []}
    report = scope_report(
        "m-1", profile, source, Seen({}, 0), {}, {}, found={"measures": {"patient": MEASURED | {"like_ssn": 40}}}
    )
    table = next(one for one in report.tables if one.title == "Ids that are health information")
    assert [(row[0], row[2]) for row in table.rows] == [("charts", "hashed"), ("patient", "shown")]
    assert "40 records" in table.rows[1][1]


def test_datasets_that_feed_nothing_are_listed_with_who_said_why() -> None:
    profile = load_profile("sample_clinic")
    preset = profile.datasets["allergies"].out_of_scope or ""
    accounts = {"allergies": {"rows": 7, "fed": 0, "merged": 0, "excluded": 7}}
    source: dict[str, Any] = {"files": [], "documents": 0, "unknown_files": []}
    said = {"allergies": preset, "immunizations": "Ours.", "recalls": ""}
    report = scope_report("m-1", profile, source, Seen({}, 0), accounts, {}, out_of_scope=said)
    table = next(one for one in report.tables if one.title == "Not migrated")
    listed = {row[0]: (row[1], row[3]) for row in table.rows}
    assert listed["allergies"] == (7, profile.title)
    assert listed["immunizations"][1] == "a person" and listed["recalls"][1] == "nobody yet"


def test_the_reconciliation_says_whether_plugins_and_flows_ran() -> None:
    ran = plugins({"migrate-0002": False})
    assert (ran.value, ran.note) == ("ran", "the target's own, on every row that was written")
    left_out = plugins({"migrate-0002": True, "delta-0003": True})
    assert (left_out.value, left_out.note) == ("left out", "CARRYOVER_BYPASS_LOGIC")
    some = plugins({"migrate-0002": False, "delta-0003": True})
    assert (some.value, some.note) == ("left out", "in delta-0003 only; CARRYOVER_BYPASS_LOGIC")


def test_rows_that_are_streamed_are_read_anew_each_time_and_never_held() -> None:
    read: list[int] = []

    def rows() -> Iterator[list[Any]]:
        for number in range(1000):
            read.append(number)
            yield [number, f"id {number}", None]

    table = Table("T", ["n", "id", "none"], Streamed(rows, 1000), shown=3)
    assert table.rows[:3] == [[0, "id 0", None], [1, "id 1", None], [2, "id 2", None]]
    assert (len(read), len(table.rows), table.rows[5][0]) == (3, 1000, 5)
    assert table.numeric == [True, False, False]
    assert sum(row[0] for row in table.rows) == 499_500
    with pytest.raises(IndexError):
        table.rows[1000]
