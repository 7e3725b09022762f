"""Grades by stated thresholds, and what a migration takes as ranges with their assumptions."""

from dataclasses import replace

import pytest

from reports.estimates import (
    GRADES,
    Size,
    clear_fields,
    complexity,
    estimates,
    grades,
    load_seconds,
    request_range,
    scoping,
)

CLEAN = Size({"patient": 10_000, "appointment": 30_000, "staff": 10, "claim": 500}, rows=100, rows_used=100, fields=50,
             clear_fields=50)  # fmt: skip


def grade_of(name: str, size: Size) -> str:
    return next(grade for what, _, grade, _ in grades(size) if what == name)


@pytest.mark.parametrize(
    ("used", "grade"), [(95, "A"), (94, "B"), (85, "B"), (84, "C"), (70, "C"), (69, "D"), (0, "D")]
)
def test_shares_are_graded_at_their_thresholds(used: int, grade: str) -> None:
    assert grade_of("Object compatibility", replace(CLEAN, rows_used=used)) == grade
    assert grade_of("Mapping clarity", replace(CLEAN, fields=100, clear_fields=used)) == grade


@pytest.mark.parametrize(
    ("records", "grade"), [(50_000, "A"), (50_001, "B"), (500_000, "B"), (2_000_000, "C"), (2_000_001, "D")]
)
def test_volume_is_graded_and_over_two_million_is_scoped_individually(records: int, grade: str) -> None:
    size = replace(CLEAN, records={"patient": records})
    assert grade_of("Data volume", size) == grade
    overall, words = complexity(size)
    assert overall == grade
    assert ("individually" in words) == (records > 2_000_000)


def test_what_a_source_cannot_do_is_graded() -> None:
    assert [grade_of("API constraints", replace(CLEAN, cannot=n)) for n in range(4)] == list(GRADES)


def test_the_worst_grade_counts_and_has_its_hours() -> None:
    assert complexity(CLEAN) == ("A", "16 to 40 hours of people")
    assert complexity(replace(CLEAN, rows_used=80)) == ("C", "80 to 160 hours of people")


def test_every_threshold_is_shown_with_its_numbers() -> None:
    shown = {what: words for what, _, _, words in grades(CLEAN)}
    assert shown["Data volume"] == "A up to 50,000, B up to 500,000, C up to 2,000,000 records"
    assert shown["Mapping clarity"].startswith("A from 95%, B from 85%, C from 70% of fields")


def test_time_follows_the_service_limits() -> None:
    best, worst = load_seconds(CLEAN)
    # 40,000 rows: staff and claims are no rows; 4 server seconds a second at 10 and at 40 ms a row.
    assert best == pytest.approx(40_000 / 400)
    assert worst == pytest.approx(40_000 / 100)
    twice = load_seconds(replace(CLEAN, users=2))
    assert list(twice) == pytest.approx([best / 2, worst / 2])
    papers = load_seconds(replace(CLEAN, records={"document": 100}, documents=100))
    assert list(papers) == pytest.approx([50, 200])


def test_requests_are_held_against_the_day() -> None:
    assert request_range(CLEAN) == (80_000, 120_000)
    said = {what: (much, why) for what, much, why in estimates(replace(CLEAN, daily=50_000))}
    assert said["Requests"][0] == "80,000 to 120,000"
    assert "2 to 3 days of 50,000" in said["Requests"][1]


def test_every_estimate_is_a_range_with_an_assumption() -> None:
    found = estimates(replace(CLEAN, documents=10, document_bytes=5_000_000, source_bytes=2_000_000))
    assert [what for what, _, _ in found] == [
        "Load and read-back", "Requests", "Dataverse database", "Dataverse files", "The migration's own storage", "Azure",
    ]  # fmt: skip
    assert all(" to " in much for what, much, _ in found if what != "Dataverse files")
    assert all(why.endswith(".") for _, _, why in found)
    assert {what: much for what, much, _ in found}["Dataverse files"] == "5.0 MB"


def test_fields_that_are_sure_or_left_out_for_a_reason_are_clear() -> None:
    assert (
        clear_fields([("proposed", 0.8, ""), ("proposed", 0.79, "x"), ("ignored", 0.1, "why"), ("ignored", 0.1, "")])
        == 2
    )


def test_thresholds_are_dated_and_in_order() -> None:
    said = scoping()
    assert said.stated.year >= 2026
    for one in (said.object_compatibility, said.mapping_clarity):
        assert one.at_least == sorted(one.at_least, reverse=True)
    assert [said.hours[grade][0] for grade in GRADES] == sorted(said.hours[grade][0] for grade in GRADES)
