"""The plan: one disposition per record, decided by one join."""

from pathlib import Path
from typing import Any

import pytest

from activities.load_chunk import lost_properties
from activities.planning import LANDED, NOT_LANDED, needed
from ledger.exceptions import ExceptionRow
from mapping.record import Issue, Ref
from tests.activities.planned import mapped, plan, receipt


def test_rows_made_from_several_parents_are_one_and_no_exception(tmp_path: Path) -> None:
    """Carriers come from every bucket: the first is taken, the others are the same and not refused."""
    made = plan(tmp_path, [mapped("acme")], [mapped("other"), mapped("acme")], merges=True)
    assert [(row["source_id"], row["action"]) for row in made.rows] == [
        ("acme", "create"),
        ("other", "create"),
        ("acme", "merged"),
    ]
    assert made.summary["actions"]["merged"]["records"] == 1
    assert made.excepted == []


def test_new_unchanged_changed(tmp_path: Path) -> None:
    """New records are created, unchanged ones left, changed ones updated; a change knows what was last written."""
    old = receipt("patient", "c", hash="old", payload='{"columns": {"x": 1}, "refused": []}')
    made = plan(tmp_path, [mapped("a"), mapped("b"), mapped("c")], receipts={"patient": [receipt("patient", "b"), old]})

    assert made.actions == {"a": "create", "b": "unchanged", "c": "update"}
    assert made.summary["read"] == 3
    assert made.summary["chunks"] == ["b0000-00000"]
    assert [row["written"] for row in made.rows] == [None, None, old.payload]


def test_a_verification_takes_what_is_there(tmp_path: Path) -> None:
    """Only chunks with rows are read back, and no payload is fetched for that."""
    made = plan(
        tmp_path,
        [mapped("a")],
        [mapped("b")],
        receipts={"patient": [receipt("patient", "b")]},
        wanted=("unchanged", "update"),
        keep_old=False,
    )

    assert made.summary["chunks"] == ["b0001-00000"]
    assert [(row["source_id"], row["row_id"], row["written"]) for row in made.rows] == [("b", "row-b", None)]


def test_a_diff_takes_what_did_not_land_too(tmp_path: Path) -> None:
    """An orphan alone in its chunk is planned for the verification of a sample."""
    orphan = mapped("b", refs=[Ref("parentcustomerid", "location", "s.location.x", True)])
    receipts = {"patient": [receipt("patient", "a")]}
    made = plan(tmp_path, [mapped("a")], [orphan], receipts=receipts, wanted=(*LANDED, *NOT_LANDED), keep_old=False)
    assert made.summary["chunks"] == ["b0000-00000", "b0001-00000"]
    assert made.actions == {"a": "unchanged", "b": "orphan"}


@pytest.mark.parametrize("buckets", [[["a", "A"]], [["a"], ["A"]]])
def test_keys_are_compared_without_case_and_the_first_wins(tmp_path: Path, buckets: list[list[str]]) -> None:
    """Dataverse compares keys without case: the second record of a key is an exception, never a second row."""
    made = plan(tmp_path, *([mapped(key) for key in keys] for keys in buckets))

    assert made.summary["actions"]["create"]["records"] == made.summary["actions"]["duplicate"]["records"] == 1
    assert [row["source_id"] for row in made.rows if row["action"] == "create"] == ["a"]
    assert [row[:3] for row in made.excepted] == [("A", None, "duplicate_id")]


def test_buckets_add_up(tmp_path: Path) -> None:
    """Every bucket's records are decided, in the order of the buckets."""
    made = plan(tmp_path, [mapped("a"), mapped("b")], [mapped("c")])

    assert list(made.actions) == ["a", "b", "c"]
    assert made.summary["read"] == made.summary["actions"]["create"]["records"] == 3
    assert made.summary["chunks"] == ["b0000-00000", "b0001-00000"]


@pytest.mark.parametrize(("required", "action"), [(True, "orphan"), (False, "create")])
def test_missing_parent(tmp_path: Path, required: bool, action: str) -> None:
    """A missing required parent excepts the record, an optional one only the field."""
    ref = Ref("parentcustomerid", "location", "s.location.x", required)
    made = plan(tmp_path, [mapped("a", refs=[ref])])

    if required:
        assert made.summary["chunks"] == []
        assert [row[2] for row in made.excepted] == ["missing_parent"]
    else:
        (row,) = made.rows
        assert row["action"] == action
        assert row["missing"] == [{"column": "parentcustomerid", "object": "location", "key": "s.location.x"}]
        assert row["hash"] == "h-a~parentcustomerid"
    assert [row[4] for row in made.excepted] == ["s.location.x"]


def test_parent_that_landed_later_makes_the_record_changed(tmp_path: Path) -> None:
    """The hash remembers which lookups were missing, so that a retry fills them."""
    ref = Ref("parentcustomerid", "location", "s.location.x")
    receipts = {
        "patient": [receipt("patient", "a", hash="h-a~parentcustomerid")],
        "location": [receipt("location", "x", table="account")],
    }
    made = plan(tmp_path, [mapped("a", refs=[ref])], receipts=receipts)

    (row,) = made.rows
    assert row["action"] == "update"
    assert row["resolved"] == [{"column": "parentcustomerid", "table": "account", "row_id": "row-x"}]


def test_person_who_is_both_joins_the_row(tmp_path: Path) -> None:
    """A patient whose person landed as a practitioner goes into that row."""
    both = mapped("a")
    both.row_key = "s.party.7"
    made = plan(tmp_path, [both], receipts={"practitioner": [receipt("practitioner", "p", row_key="s.party.7")]})

    (row,) = made.rows
    assert (row["action"], row["row_id"]) == ("join", "row-p")
    assert needed(tmp_path) == (set(), True)


def test_what_a_plan_needs_to_know(tmp_path: Path) -> None:
    """The objects that records point at are looked up, others only where a person may share a row."""
    plan(tmp_path, [mapped("a", refs=[Ref("parentcustomerid", "location", "s.location.x")])])

    assert needed(tmp_path) == ({"location"}, False)


def test_a_held_back_column_stays_on_the_list(tmp_path: Path) -> None:
    """What an earlier run could not write is still an exception when nothing has changed since."""
    held = receipt("patient", "a", payload='{"columns": {}, "refused": ["createdon"]}')
    made = plan(tmp_path, [mapped("a")], receipts={"patient": [held]}, wanted=("unchanged",))

    assert [row[:3] for row in made.excepted] == [("a", "createdon", "held_back")]
    assert made.summary["fields_excepted"] == 1
    assert [row["refused"] for row in made.rows] == [["createdon"]]


def test_refused_fields_and_gone_records_are_told(tmp_path: Path) -> None:
    """Every refused field is listed, and so is a row whose record left the source."""
    record = mapped("a", issues=[Issue("npi", "cms_npi", "bad_npi", "The check digit is wrong.")])
    made = plan(tmp_path, [record], receipts={"patient": [receipt("patient", "z")]})

    assert made.excepted == [("a", "npi", "bad_npi", "The check digit is wrong.", None, "cms_npi")]
    assert made.summary["gone"] == ["z"]
    assert made.summary["fields_excepted"] == 1


@pytest.mark.parametrize(
    ("payload", "todo"), [('{"columns": {}}', True), ('{"columns": {}, "state": "inactive"}', False)]
)
def test_a_state_that_an_earlier_run_could_not_set_is_still_to_do(tmp_path: Path, payload: str, todo: bool) -> None:
    """A run that paused before its last phase leaves nothing open for good."""
    made = plan(
        tmp_path, [mapped("a", state="inactive")], receipts={"patient": [receipt("patient", "a", payload=payload)]}
    )

    expected = [("unchanged", True, False, payload)] if todo else []
    assert [(row["action"], row["todo_state"], row["todo_link"], row["written"]) for row in made.rows] == expected
    assert made.summary["states"] == len(expected)


# -- rows that are in the target already ---------------------------------------------------------------------------


def match(key: str, *row_ids: str, taken: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"source_key": f"s.patient.{key}", "source_id": key, "row_ids": list(row_ids), "taken": list(taken)}


@pytest.mark.parametrize("keep_owner", [True, False])
def test_a_match_without_doubt_is_adopted(tmp_path: Path, keep_owner: bool) -> None:
    """The row that was found is written instead of a new one; what is not found is created."""
    made = plan(
        tmp_path, [mapped("a"), mapped("b")], [mapped("c")], matches=[match("A", "r1"), match("c", "r3")],
        keep_owner=keep_owner,
    )  # fmt: skip

    assert made.actions == {"a": "adopt", "b": "create", "c": "adopt"}
    assert [row["row_id"] for row in made.rows] == ["r1", None, "r3"]
    assert [(row["adopted"], row["keep_owner"]) for row in made.rows] == [
        (True, keep_owner), (False, False), (True, keep_owner),
    ]  # fmt: skip
    assert made.summary["actions"]["adopt"]["records"] == 2
    assert made.excepted == []


def test_no_match_is_no_reason_to_wait(tmp_path: Path) -> None:
    """A rule that found nothing leaves everything as it is without rules."""
    assert plan(tmp_path, [mapped("a")], matches=[]).actions == {"a": "create"}


def test_two_rows_for_one_record_are_in_doubt(tmp_path: Path) -> None:
    made = plan(tmp_path, [mapped("a")], matches=[match("a", "r1", "r2")])

    assert made.summary["chunks"] == []
    [(source_id, field, code, message, _, _)] = made.excepted
    assert (source_id, field, code) == ("a", None, "ambiguous_match")
    assert "r1, r2" in message


def test_two_records_for_one_row_are_in_doubt_whatever_bucket_they_are_in(tmp_path: Path) -> None:
    made = plan(
        tmp_path,
        [mapped("a")],
        [mapped("b"), mapped("c")],
        matches=[match("a", "r1"), match("b", "r1"), match("c", "r2")],
    )

    assert made.actions["c"] == "adopt"
    assert made.summary["actions"]["ambiguous"]["records"] == 2
    assert [(row[0], row[2]) for row in made.excepted] == [("a", "ambiguous_match"), ("b", "ambiguous_match")]
    assert "r1" in made.excepted[0][3] and made.excepted[0][3].endswith(" b.")
    assert made.excepted[1][3].endswith(" a.")


@pytest.mark.parametrize(("payload", "action"), [('{"adopted": true}', "ambiguous"), ("{}", "create")])
def test_a_row_that_was_adopted_for_another_is_in_doubt_and_one_that_we_created_is_not(
    tmp_path: Path, payload: str, action: str
) -> None:
    """The same e-mail as somebody who was in the target before is a question; as somebody we brought, it is not."""
    doctor = receipt("practitioner", "p", row_id="r1", payload=payload)
    made = plan(tmp_path, [mapped("a")], receipts={"practitioner": [doctor]}, matches=[match("a", taken=("r1",))])

    assert set(made.summary["actions"]) == {action}
    assert [row[2] for row in made.excepted] == (["ambiguous_match"] if action == "ambiguous" else [])
    assert all("practitioner p" in row[3] for row in made.excepted)


def test_an_adopted_row_stays_so(tmp_path: Path) -> None:
    """A later change knows that the row was there before us; what has a row is looked for no more."""
    adopted = receipt("patient", "a", hash="old", payload='{"columns": {}, "refused": [], "adopted": true}')
    made = plan(tmp_path, [mapped("a")], receipts={"patient": [adopted]}, matches=[match("a", "r9")])

    [row] = made.rows
    assert (row["action"], row["row_id"], row["adopted"], row["keep_owner"]) == ("update", "row-a", True, True)


def test_both_records_of_a_shared_row_know_it(tmp_path: Path) -> None:
    """Neither may overwrite what the other one wrote, on the first day or later."""
    one = mapped("a", row_key="s.party.7", hash="new")
    receipts = {
        "practitioner": [receipt("practitioner", "p", row_key="s.party.7", row_id="r1")],
        "patient": [receipt("patient", "a", row_key="s.party.7", row_id="r1"), receipt("patient", "b")],
    }
    made = plan(tmp_path, [one, mapped("b", hash="new")], receipts=receipts)

    assert [(row["action"], row["shared"]) for row in made.rows] == [("update", True), ("update", False)]


def test_every_excepted_property_is_listed_once(tmp_path: Path) -> None:
    """A property is a record: with its patient, or alone when the map refuses it; and then it is no field of the patient."""
    refused = [
        Issue("properties.Shoe size", "ShoeSize", "not_number", "No number."),
        Issue("properties.Shoe size", "Size", "too_long", "Too long."),
        Issue("email", "emailaddress1", "bad_email", "No address."),
    ]
    made = plan(
        tmp_path,
        [
            mapped("a", properties=["Hobbies", "Shoe size"], properties_refused=1, issues=refused),
            mapped("b", status="excepted", reason="no_owner", message="Nobody.", properties=["Hobbies"]),
            mapped("a", properties=["Hobbies"]),
            mapped("c", status="excluded", reason="soft_deleted", properties=["Hobbies"]),
        ],
    )

    assert sorted((row[0], row[1], row[2], row[4]) for row in made.properties) == [
        ("a.Hobbies", None, "missing_parent", "s.patient.a"),  # of the copy
        ("a.Shoe size", None, "not_number", None),
        ("b.Hobbies", None, "missing_parent", "s.patient.b"),
    ]
    assert [row[:3] for row in made.excepted if row[1]] == [("a", "email", "bad_email")]
    actions = made.summary["actions"]
    listed = actions["create"]["refused"] + sum(actions[one]["properties"] for one in ("excepted", "duplicate"))
    assert (listed, made.summary["fields_excepted"]) == (3, 1)


def test_properties_of_a_patient_who_is_lost_in_the_load_are_listed(tmp_path: Path) -> None:
    """Less those that the plan has listed as refused."""
    refused = [Issue("properties.Shoe size", "ShoeSize", "not_number", "No number.")]
    made = plan(
        tmp_path, [mapped("a", properties=["Hobbies", "Shoe size"], properties_refused=1, issues=refused), mapped("b")]
    )
    assert lost_properties(made.rows) == [
        ExceptionRow(
            "custom_property",
            "a.Hobbies",
            None,
            "missing_parent",
            "The patient record it belongs to did not land.",
            "s.patient.a",
        )
    ]
