"""Delicate health information: nothing of it is confirmed undecided, and what was decided is what happens."""

from datetime import UTC, datetime
from typing import Any

import pytest

from mapping.catalog import build_schema
from mapping.hash import map_hash
from mapping.model import ClinicMap, FieldMap, ObjectMap, PhiClass, PhiDecision, Route
from mapping.review import decide, left_behind, marked, review, undecided, unmarked
from mapping.steps import read_step, step_of
from mapping.trim import MARK, covers, trimmer, used_fields

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def field(source: str, column: str | None, phi: PhiClass = "none", **more: object) -> FieldMap:
    return FieldMap.model_validate({"source": source, "column": column, "phi": phi, **more})


def a_map(*fields: FieldMap) -> ClinicMap:
    patient = ObjectMap(routes=[Route(table="contact", fields=list(fields))])
    return ClinicMap(system="clinic", profile="p", objects={"patient": patient})


MAP = a_map(
    field("last", "lastname", "name"),
    field("ssn", "governmentid", "ssn"),
    field("note", "description", "clinical_note"),
)


def fields_of(one: ClinicMap) -> dict[str, FieldMap]:
    return {field.source: field for field in one.objects["patient"].routes[0].fields}


def test_only_delicate_fields_that_migrate_wait_for_a_person() -> None:
    assert [(name, one.source) for name, one in undecided(MAP)] == [("patient", "ssn"), ("patient", "note")]
    assert list(undecided(a_map(field("ssn", "governmentid", "ssn", status="ignored")))) == []


def test_a_class_is_decided_at_once_and_a_field_wins_over_it() -> None:
    made = fields_of(
        decide(MAP, {"ssn": "migrate", "clinical_note": "leave_out", "patient.note": "redact"}, "Ada", NOON)
    )
    assert {name: one.review for name, one in made.items()} == {"last": None, "ssn": "migrate", "note": "redact"}
    assert made["ssn"].by == "Ada" and made["ssn"].at == NOON


@pytest.mark.parametrize("what", ["ssn", "patient.ssn"])
def test_the_latest_decision_stands(what: str) -> None:
    once = decide(MAP, {"patient.ssn": "redact"}, "Ada", NOON)
    made = fields_of(decide(once, {what: "migrate"}, "Ben", NOON))["ssn"]
    assert (made.review, made.by) == ("migrate", "Ben")


def test_any_class_can_be_decided_about() -> None:
    made = decide(MAP, {"name": "redact"}, "Ada", NOON)
    assert fields_of(made)["last"].review == "redact"
    assert map_hash(made) != map_hash(MAP)


@pytest.mark.parametrize("unknown", ["patient.nosuch", "nosuch", "none", "staff.last"])
def test_a_name_that_is_neither_class_nor_field_is_refused(unknown: str) -> None:
    with pytest.raises(ValueError, match=f"no class {unknown};"):
        decide(MAP, {"ssn": "migrate", unknown: "redact"}, "Ada", NOON)


def test_what_is_ignored_for_another_reason_is_left_to_decisions_by_name() -> None:
    some = a_map(
        field("a", "description", "clinical", status="ignored"), field("b", None, "clinical", status="ignored")
    )
    assert decide(some, {"clinical": "migrate"}, "Ada", NOON) == some
    assert fields_of(decide(some, {"patient.a": "redact"}, "Ada", NOON))["a"].status == "confirmed"
    with pytest.raises(ValueError, match="b has no column"):
        decide(some, {"patient.b": "migrate"}, "Ada", NOON)


def test_the_review_lists_each_class_with_what_becomes_of_its_fields() -> None:
    assert [(one.kind, one.needed, one.decision) for one in review(MAP)] == [
        ("name", False, None), ("ssn", True, None), ("clinical_note", True, None),
    ]  # fmt: skip
    made = {one.kind: one for one in review(decide(MAP, {"ssn": "redact", "clinical_note": "leave_out"}, "Ada", NOON))}
    assert {kind: one.decision for kind, one in made.items()} == {
        "name": None, "ssn": "redact", "clinical_note": "leave_out",
    }  # fmt: skip
    assert (made["ssn"].fields, made["ssn"].by, made["ssn"].at) == ({"redact": ["patient.ssn"]}, "Ada", NOON)
    mixed = a_map(field("a", "firstname", "name", review="redact"), field("b", "lastname", "name"))
    assert review(mixed)[0].decision is None


def test_what_is_left_out_is_ignored_and_can_come_back() -> None:
    left = decide(MAP, {"patient.note": "leave_out"}, "Ada", NOON)
    assert fields_of(left)["note"].status == "ignored"
    assert fields_of(decide(left, {"patient.note": "migrate"}, "Ada", NOON))["note"].status == "confirmed"


@pytest.mark.parametrize(("decision", "same"), [("migrate", True), ("redact", False), ("leave_out", False)])
def test_the_hash_changes_when_what_is_written_does(decision: PhiDecision, same: bool) -> None:
    assert (map_hash(decide(MAP, {"ssn": decision}, "Ada", NOON)) == map_hash(MAP)) is same


def test_a_redacted_value_becomes_a_mark_in_texts_and_nothing_elsewhere() -> None:
    redacted = field("ssn", "governmentid", "ssn", review="redact", transform="identifier", args={"separator": "-"})
    for name, value in (("governmentid", "[redacted]"), ("birthdate", None)):
        column = build_schema(MAP).table("contact").columns[name]
        step = step_of("patient", redacted, column, UTC)
        assert read_step(step, {"ssn": "078-05-1120"}) == value
        assert read_step(step, {"ssn": ""}) is None


def test_records_keep_what_the_map_uses_and_of_the_rest_that_there_was_something() -> None:
    joined = field("first", "firstname", transform="join", args={"fields": ["middle"]})
    some = a_map(joined, field("properties.Hobby", "Hobby"), field("note", None, status="ignored"))
    kept = used_fields(some)
    assert kept == {"patient": ["first", "middle", "properties.Hobby"]}
    record = {
        "_id": "1", "path": "a.pdf", "first": "A", "middle": "B", "note": "secret", "empty": "", "list": ["x"],
        "properties": {"Hobby": "chess", "Faith": "none of yours", "Blank": ""},
    }  # fmt: skip
    trimmed = trimmer(kept["patient"])(record)
    assert trimmed == record | {
        "note": MARK, "list": MARK, "properties": {"Hobby": "chess", "Faith": MARK, "Blank": ""}
    }  # fmt: skip
    assert trimmer(kept["patient"])(trimmed) == trimmed


def test_a_map_that_uses_more_is_not_covered() -> None:
    assert covers(used_fields(MAP), a_map(field("last", "lastname")))
    assert not covers(used_fields(MAP), a_map(field("first", "firstname")))
    assert not covers({}, MAP)


def test_a_dataset_that_feeds_nothing_waits_for_a_reason() -> None:
    one = MAP.model_copy(update={"out_of_scope": {"allergies": "no table", "recalls": "", "orders": " "}})
    assert unmarked(one) == ["recalls", "orders"]
    said = marked(one, {"recalls": "Not wanted.", "orders": " ", "unheard_of": "x", "allergies": "Stays."})
    assert said.out_of_scope == {"allergies": "Stays.", "recalls": "Not wanted.", "orders": " "}
    assert map_hash(said) == map_hash(one)  # why is wording; which datasets is not


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ({"status": "ignored", "reason": "No column.", "unplaced": True}, True),
        ({"status": "ignored", "reason": "No column.", "unplaced": True, "by": "Ada"}, False),
        ({"status": "ignored", "reason": "The profile's authors say why."}, False),
        ({"status": "ignored"}, True),  # without a reason nobody has said why
        ({"status": "proposed"}, True),
        ({"status": "proposed", "column": "nickname"}, False),
        ({"status": "proposed", "transform": "state"}, False),
        ({"status": "confirmed", "by": "Ada"}, False),
    ],
)
def test_a_field_is_left_behind_undecided_unless_a_person_or_a_written_profile_says_so(
    given: dict[str, Any], left: bool
) -> None:
    assert left_behind(FieldMap(source="pet", **given)) is left
