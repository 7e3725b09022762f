"""A retry of chosen causes: what a plan takes up, and what it leaves as it was listed."""

from pathlib import Path
from typing import Any

import pytest

from ledger.exceptions import ExceptionRow
from mapping.record import Issue, Ref
from tests.activities.planned import Planned, mapped, plan, receipt

#: The cause that the tests choose, and the code of another one.
CHOSEN = "patient/record/0x1"
OTHER = "0x2"


def listed(key: str, code: str, field: str | None = None, cause: str | None = None) -> ExceptionRow:
    return ExceptionRow("patient", key, field, code, f"Listed as {code}.", cause, field)


def told(made: Planned) -> list[tuple[str, str | None, str]]:
    return [(row[0], row[1], row[2]) for row in made.excepted]


def counts(made: Planned) -> dict[str, int]:
    return {action: one["records"] for action, one in made.summary["actions"].items()}


def test_records_of_the_chosen_cause_are_taken_up_and_the_others_stay_as_they_were_listed(tmp_path: Path) -> None:
    before = [listed("a", "0x1"), listed("b", OTHER), listed("b", "bad_email", "email")]
    issue = Issue("email", "emailaddress1", "bad_email", "No address.")
    made = plan(tmp_path, [mapped("a"), mapped("b", issues=[issue])], [mapped("c")], chosen=[CHOSEN], listed=before)
    assert made.actions == {"a": "create", "b": "held"}
    assert counts(made) == {"create": 1, "held": 1, "left": 1}
    assert made.excepted == [
        ("b", "email", "bad_email", "Listed as bad_email.", None, "email"),
        ("b", None, OTHER, f"Listed as {OTHER}.", None, None),
    ]
    assert made.summary["fields_excepted"] == 1


def test_what_no_run_has_come_to_is_left_and_told_by_its_fields(tmp_path: Path) -> None:
    """As after a run that paused: its fields and custom properties are refused whether or not it is written."""
    issues = [
        Issue("email", "emailaddress1", "bad_email", "No address."),
        Issue("properties.Shoe size", "ShoeSize", "not_number", "No number."),
    ]
    record = mapped("a", issues=issues, properties=["Hobbies", "Shoe size"], properties_refused=1)
    made = plan(tmp_path, [record], chosen=[CHOSEN])
    assert counts(made) == {"left": 1}
    assert made.summary["chunks"] == []
    assert told(made) == [("a", "email", "bad_email")]
    assert [row[0] for row in made.properties] == ["a.Shoe size"]
    assert made.summary["fields_excepted"] == 1


def test_a_record_is_taken_up_for_its_own_exception_before_those_of_its_fields(tmp_path: Path) -> None:
    before = [listed("a", OTHER), listed("a", "too_long", "name")]
    assert counts(plan(tmp_path, [mapped("a")], chosen=["patient/field/too_long"], listed=before)) == {"held": 1}


@pytest.mark.parametrize(
    ("cause", "action"), [("patient/field/too_long", "update"), ("patient/record/too_long", "left")]
)
def test_a_record_that_landed_is_changed_for_its_fields(tmp_path: Path, cause: str, action: str) -> None:
    """The map was mended since: the field of the chosen cause can be filled now."""
    landed = {"patient": [receipt("patient", "a", hash="by the old map")]}
    before = [listed("a", "too_long", "name")]
    assert counts(plan(tmp_path, [mapped("a")], chosen=[cause], listed=before, receipts=landed)) == {action: 1}


def test_causes_of_other_objects_choose_nothing_here(tmp_path: Path) -> None:
    assert counts(plan(tmp_path, [mapped("a")], chosen=["location/record/0x1"], listed=[listed("a", "0x1")])) == {
        "held": 1
    }


@pytest.mark.parametrize(("there", "action"), [(True, "create"), (False, "orphan")])
def test_whatever_waited_for_a_parent_comes_with_it(tmp_path: Path, there: bool, action: str) -> None:
    record = mapped("a", refs=[Ref("parentcustomerid", "location", "s.location.x", True)])
    before = [listed("a", "missing_parent", cause="s.location.x")]
    parents = {"location": [receipt("location", "x", table="account")] if there else []}
    made = plan(tmp_path, [record], chosen=[CHOSEN], listed=before, receipts=parents)
    assert counts(made) == {action: 1}
    assert told(made) == ([] if there else [("a", None, "missing_parent")])


@pytest.mark.parametrize(("there", "action"), [(True, "update"), (False, "unchanged")])
def test_a_lookup_that_was_empty_is_filled_with_its_parent(tmp_path: Path, there: bool, action: str) -> None:
    record = mapped("a", refs=[Ref("parentcustomerid", "location", "s.location.x")])
    before = [listed("a", "missing_parent", "parentcustomerid", "s.location.x")]
    receipts = {
        "patient": [receipt("patient", "a", hash="h-a~parentcustomerid")],
        "location": [receipt("location", "x", table="account")] if there else [],
    }
    made = plan(tmp_path, [record], chosen=[CHOSEN], listed=before, receipts=receipts)
    assert counts(made) == {action: 1}
    assert told(made) == ([] if there else [("a", "parentcustomerid", "missing_parent")])


@pytest.mark.parametrize("chosen", [True, False])
def test_a_state_that_could_not_be_set_is_set_when_it_is_chosen(tmp_path: Path, chosen: bool) -> None:
    causes = [f"patient/field/{OTHER}"] if chosen else [CHOSEN]
    landed = {"patient": [receipt("patient", "a")]}
    before = [listed("a", OTHER, "statecode")]
    made = plan(tmp_path, [mapped("a", state="inactive")], chosen=causes, listed=before, receipts=landed)
    assert counts(made) == {"unchanged": 1}
    assert (made.summary["states"], made.summary["fields_excepted"]) == ((1, 0) if chosen else (0, 1))
    assert told(made) == ([] if chosen else [("a", "statecode", OTHER)])


def test_a_column_that_was_held_back_keeps_its_reason(tmp_path: Path) -> None:
    """What was listed of the record stands, for what the plan itself would say of it."""
    held = receipt("patient", "a", payload='{"columns": {}, "refused": ["emailaddress1"]}')
    issue = Issue("npi", "cms_npi", "bad_npi", "No number.")
    before = [listed("a", "shared_row", "emailaddress1"), listed("a", "bad_npi", "npi")]
    made = plan(tmp_path, [mapped("a", issues=[issue])], chosen=[CHOSEN], listed=before, receipts={"patient": [held]})
    assert told(made) == [("a", "emailaddress1", "shared_row"), ("a", "npi", "bad_npi")]
    assert made.summary["fields_excepted"] == 2


@pytest.mark.parametrize("fields", [[], [listed("a", "bad_npi", "npi")]])
def test_a_record_that_landed_since_it_was_listed_is_told_by_its_fields_alone(
    tmp_path: Path, fields: list[ExceptionRow]
) -> None:
    """A retry that was stopped half-way has written it; its state, which no run has come to, is left."""
    record = mapped("a", state="inactive", issues=[Issue("npi", "cms_npi", "bad_npi", "No number.")])
    before = [listed("a", OTHER), *fields]
    made = plan(tmp_path, [record], chosen=[CHOSEN], listed=before, receipts={"patient": [receipt("patient", "a")]})
    assert (counts(made), made.summary["states"]) == ({"unchanged": 1}, 0)
    assert told(made) == [("a", "npi", "bad_npi")]


def test_the_second_record_of_an_id_is_told_by_the_plan_alone(tmp_path: Path) -> None:
    before = [listed("a", OTHER), listed("a", "duplicate_id")]
    made = plan(tmp_path, [mapped("a"), mapped("a")], chosen=[CHOSEN], listed=before)
    assert counts(made) == {"duplicate": 1, "held": 1}
    assert sorted(told(made), key=str) == [("a", None, OTHER), ("a", None, "duplicate_id")]


def test_every_property_of_a_patient_who_is_held_back_is_listed_once(tmp_path: Path) -> None:
    refused = [Issue("properties.Shoe size", "ShoeSize", "not_number", "No number.")]
    record = mapped("a", properties=["Hobbies", "Shoe size"], properties_refused=1, issues=refused)
    made = plan(tmp_path, [record], chosen=[CHOSEN], listed=[listed("a", OTHER)])
    found: list[Any] = [(row[0], row[2]) for row in made.properties]
    assert sorted(found) == [("a.Hobbies", "missing_parent"), ("a.Shoe size", "not_number")]
    assert made.summary["actions"]["held"]["properties"] == 2


def test_nothing_was_listed_of_an_object(tmp_path: Path) -> None:
    made = plan(tmp_path, [mapped("a")], chosen=[CHOSEN], receipts={"patient": [receipt("patient", "a")]})
    assert (counts(made), made.excepted) == ({"unchanged": 1}, [])
