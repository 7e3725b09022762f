"""The choices of the map other than the defaults, on the whole road: two maps that between them take every one."""

import csv
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from mapping.objects import OBJECTS
from tests.e2e import dumps
from tests.e2e.clinic import Export, Row
from tests.e2e.road import Json, Road
from tests.e2e.system import System

ROWS: Final = {
    "location": "ClinicLocation", "appointment": "task", "encounter_notes": "annotation",
    "multi_select": "PatientPropertyValue", "specializations": "PractitionerSpecialization", "carrier": "account",
    "referral": "never",
}  # fmt: skip
ACTIVITIES: Final = {"appointment": "appointment", "multi_select": "text"}

#: Tables of the target that a choice fills and the defaults do not.
MORE: Final = (
    "cms_cliniclocation", "cms_patientpropertyvalue", "cms_practitionerspecialization", "task", "appointment",
    "activityparty",
)  # fmt: skip

Rows = dict[str, list[dict[str, Any]]]


@dataclass
class Walk:
    """One map's way, and what was seen along it."""

    road: Road
    answers: dict[str, str]
    options: list[Json] = field(default_factory=list)
    preflight: list[Json] = field(default_factory=list)
    before: Rows = field(default_factory=dict)
    rows: Rows = field(default_factory=dict)
    summary: Json = field(default_factory=dict)
    verified: list[Json] = field(default_factory=list)
    made: list[Json] = field(default_factory=list)
    after_second_run: Rows = field(default_factory=dict)
    second_day: Rows = field(default_factory=dict)
    first_day_again: Rows = field(default_factory=dict)
    rollback: Json = field(default_factory=dict)
    after: Rows = field(default_factory=dict)


def _target(system: System) -> Rows:
    # Parties are a table of the service's own, which is not counted.
    there = {*system.counts(), "activityparty"}
    every = dumps.whole(system) | {table: system.rows(table) for table in MORE if table in there}
    return {table: rows for table, rows in every.items() if rows}


def _said(rows: Rows) -> dict[str, list[dict[str, Any]]]:
    """What the rows say, without the times and numbers of their writing."""
    return {
        table: sorted(
            ({k: v for k, v in row.items() if k not in dumps.PASSING and k != "activitypartyid"} for row in some),
            key=lambda row: sorted((key, str(value)) for key, value in row.items()),
        )
        for table, some in rows.items()
    }


def _walk(
    system: System, export: Export, name: str, answers: dict[str, str], day_two: Callable[[Export], None],
    change_map: Callable[[Json], None] | None = None,
) -> Walk:  # fmt: skip
    walk = Walk(Road(system, name), answers)
    road = walk.road
    road.upload(export.folder)
    road.step("scope")
    walk.before = _target(system)
    if change_map:
        shown = road.get("map")["map"]
        change_map(shown)
        system.ask("PUT", f"{road.base}/map", json={"by": "tester", "map": {**shown, "controlled": "include"}})
        # The answers come after a sample: its rows are undone by the map that they were written by.
        road.confirm()
        road.step("prepare")
        road.step("sample")
    walk.options = road.post("map/options", options=answers)["options"]
    road.confirm()
    road.step("prepare")
    walk.preflight = road.table("preflight", "Findings")
    road.step("sample")
    road.sign_off()
    road.run()
    walk.verified.append(road.step("verify"))
    walk.summary = road.get("summary")
    walk.made = next(
        (one["rows"] for one in road.report("reconciliation")["tables"] if one["title"] == "Rows made from records"), []
    )
    walk.rows = _target(system)
    road.run()
    walk.after_second_run = _target(system)
    day_two(export)
    road.upload(export.folder)
    road.step("delta", pause_percent=100)
    walk.second_day = _target(system)
    walk.verified.append(road.step("verify"))
    road.rollback(runs="last")
    walk.first_day_again = _target(system)
    walk.rollback = road.rollback()
    walk.after = _target(system)
    return walk


def _another_note(export: Export) -> None:
    """A note is written anew, a visit that was completed gets another reason."""

    def encounters(rows: list[Row]) -> None:
        next(row for row in rows if row["note_html"] and row["deleted"] != "1")["note_html"] = "<p>Written anew</p>"

    def appointments(rows: list[Row]) -> None:
        _completed(rows)["reason"] = "Another reason"

    export.change("encounters.csv", encounters)
    export.change("appointments.csv", appointments)


def _another_practitioner(export: Export) -> None:
    """A completed visit was with somebody else."""

    def change(rows: list[Row]) -> None:
        visit = _completed(rows)
        known = [row["provider_id"] for row in csv_rows(export, "providers.csv") if row["deleted"] != "1"]
        visit["provider_id"] = next(one for one in known if one != visit["provider_id"])

    export.change("appointments.csv", change)


def _completed(rows: list[Row]) -> Row:
    return next(row for row in rows if row["status"] == "Completed" and row["patient_id"] and row["deleted"] != "1")


def csv_rows(export: Export, name: str) -> list[Row]:
    """The rows of a file of the export."""
    with (export.folder / name).open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def _multi_selects(export: Export) -> dict[str, str]:
    """Label by code of the properties that take several values."""
    found = csv_rows(export, "custom_property_definitions.csv")
    return {row["code"]: row["label"] for row in found if row["type"] == "multiselect"}


@pytest.fixture(scope="module")
def in_rows(system: System, export: Export) -> Walk:
    """Everything in rows of its own."""
    return _walk(system, export, "rows", ROWS, _another_note)


@pytest.fixture(scope="module")
def in_activities(system: System, export: Export, in_rows: Walk) -> Walk:
    """Appointments as activities with their parties; properties that a person made choices of, as text."""
    labels = {f"properties.{label}" for label in _multi_selects(export).values()}
    values = {
        row["value"] for row in csv_rows(export, "custom_properties.csv") if row["property"] in _multi_selects(export)
    }

    def with_choices(clinic_map: Json) -> None:
        columns = {(one["table"], one["name"]): one for one in clinic_map["custom_columns"]}
        for one in clinic_map["objects"]["patient"]["routes"][0]["fields"]:
            if one["source"] in labels and one["column"]:
                one |= {"transform": "choices", "args": {}}
                columns["contact", one["column"]] |= {"type": "choices", "options": sorted(values), "max_length": None}

    return _walk(system, export, "activities", ACTIVITIES, _another_practitioner, with_choices)


@pytest.fixture(scope="module")
def walks(in_rows: Walk, in_activities: Walk) -> list[Walk]:
    return [in_rows, in_activities]


def test_the_options_are_as_they_were_answered(walks: list[Walk]) -> None:
    for walk in walks:
        now = {one["name"]: one["current"] for one in walk.options}
        assert {name: now[name] for name in walk.answers} == walk.answers
        assert all(one["current"] in (*one["answers"], None) for one in walk.options)


def test_nothing_differs_on_either_day(walks: list[Walk]) -> None:
    for walk in walks:
        differing = {
            n: one["fields_differing"] for n, one in walk.summary["objects"].items() if one["fields_differing"]
        }
        assert differing == {}
        for run in walk.verified:
            assert "nothing differs" in run["message"]


def test_a_second_run_writes_nothing(walks: list[Walk]) -> None:
    for walk in walks:
        assert walk.after_second_run == walk.rows


def test_a_second_day_is_taken_back_alone(walks: list[Walk]) -> None:
    for walk in walks:
        assert _said(walk.second_day) != _said(walk.rows)
        assert _said(walk.first_day_again) == _said(walk.rows)


def test_a_rollback_leaves_the_target_as_it_was(walks: list[Walk]) -> None:
    for walk in walks:
        assert walk.rollback["kept"] == walk.rollback["left"] == 0
        assert walk.after == walk.before


def test_the_summary_keeps_its_twelve_objects_and_their_sums(walks: list[Walk]) -> None:
    for walk in walks:
        assert set(walk.summary["objects"]) == set(OBJECTS)
        for one in walk.summary["objects"].values():
            assert one["read"] == sum(one[key] for key in ("migrated", "unchanged", "exported", "excepted", "excluded"))


def test_made_rows_are_told_with_their_object(in_rows: Walk, in_activities: Walk) -> None:
    made = {one["Rows"]: one for one in in_rows.made}
    assert {name: one["Told with"] for name, one in made.items()} == {
        "specializations": "practitioner", "insurance carriers": "insurance", "property values": "custom_property",
        "encounter notes": "encounter",
    }  # fmt: skip
    assert all(
        one["In the target"] and one["Fields verified"] and not one["Fields that differ"] for one in made.values()
    )
    assert in_activities.made == []


def _keyed(rows: Rows, table: str, system: str, object: str) -> dict[str, dict[str, Any]]:
    """Rows of an object by their source id."""
    prefix = f"{system}.{object}."
    return {
        row["cms_sourcekey"].removeprefix(prefix): row
        for row in rows.get(table, ())
        if str(row["cms_sourcekey"]).startswith(prefix)
    }


def test_locations_have_a_table_of_their_own(in_rows: Walk) -> None:
    locations = _keyed(in_rows.rows, "cms_cliniclocation", "rows", "location")
    assert len(locations) == in_rows.summary["objects"]["location"]["migrated"]
    visits = [row for row in in_rows.rows["cms_clinicencounter"] if row["cms_locationcliniclocation"]]
    assert visits
    assert {row["cms_locationcliniclocation"] for row in visits} <= {
        row["cms_cliniclocationid"] for row in locations.values()
    }


def test_each_carrier_is_one_account(in_rows: Walk, export: Export) -> None:
    carriers = {row["accountid"]: row for row in in_rows.rows["account"]}
    policies = in_rows.rows["cms_clinicinsurance"]
    named = [row for row in policies if row["cms_carrier"]]
    assert named
    for row in named:
        assert carriers[row["cms_carrieraccount"]]["name"].casefold() == row["cms_carrier"].casefold()
    assert len({row["name"].casefold() for row in carriers.values()}) == len(carriers)
    assert all(row["cms_sourcekey"].startswith("rows.carrier.") for row in carriers.values())


def test_notes_hang_on_their_encounter_at_its_time(in_rows: Walk) -> None:
    encounters = _keyed(in_rows.rows, "cms_clinicencounter", "rows", "encounter")
    notes = [row for row in in_rows.rows["annotation"] if "Carryover: rows.encounter-note." in row["notetext"]]
    assert notes
    assert all(row["cms_clinicalnotes"] is None for row in encounters.values())
    for row in notes:
        encounter = encounters[row["notetext"].rpartition("Carryover: rows.encounter-note.")[2]]
        assert (row["objectid"], row["objectid__type"]) == (encounter["cms_clinicencounterid"], "cms_clinicencounter")
        assert row["createdon"] == encounter["cms_encounterdate"]
        assert row["ownerid"] == encounter["ownerid"]
        assert not row["isdocument"]
        assert row["filename"] is None
    written = [row["notetext"] for row in in_rows.second_day["annotation"]]
    assert any(text.startswith("Written anew") for text in written)


def test_each_value_of_a_property_is_a_row(in_rows: Walk, export: Export) -> None:
    labels = _multi_selects(export)
    patients = {row["contactid"]: row["cms_sourcepatientid"] for row in in_rows.rows["contact"]}
    found = {
        (patients[row["cms_patient"]], row["cms_property"], row["cms_value"])
        for row in in_rows.rows["cms_patientpropertyvalue"]
    }
    expected = {
        (row["patient_id"], labels[row["property"]], row["value"])
        for row in csv_rows(export, "custom_properties.csv")
        if row["property"] in labels and row["value"] and row["patient_id"] in patients.values()
    }
    assert found == expected
    assert found


def test_each_specialization_is_a_row_and_one_is_the_primary(in_rows: Walk, export: Export) -> None:
    rows = in_rows.rows["cms_practitionerspecialization"]
    contacts = {row["contactid"]: row["cms_sourcekey"] for row in in_rows.rows["contact"]}
    for row in csv_rows(export, "providers.csv"):
        names = [name.strip() for name in row["specialties"].split(";") if name.strip()]
        if row["deleted"] == "1" or row["linked_person_id"]:
            continue
        own = [one for one in rows if contacts[one["cms_practitioner"]] == f"rows.practitioner.{row['provider_id']}"]
        assert sorted(one["cms_name"] for one in own) == sorted(names)
        assert [one["cms_name"] for one in own if one["cms_primary"]] == names[:1]


def test_appointments_are_tasks_and_closed_as_their_status_says(in_rows: Walk) -> None:
    tasks = in_rows.rows["task"]
    assert len(tasks) == in_rows.summary["objects"]["appointment"]["migrated"]
    states = {(row["cms_sourcestatus"], row["statecode"]) for row in tasks}
    assert {("Completed", 1), ("Cancelled", 2), ("Scheduled", 0)} <= states
    assert "opportunity" not in in_rows.rows


def test_parties_of_appointments(in_activities: Walk) -> None:
    for rows in (in_activities.rows, in_activities.second_day):
        parties: dict[str, set[tuple[int, str]]] = {}
        for one in rows["activityparty"]:
            parties.setdefault(one["activityid"], set()).add((one["participationtypemask"], one["partyid"]))
        for row in rows["appointment"]:
            expected = {(5, row["regardingobjectid"])} | (
                {(5, row["cms_practitioner"])} if row["cms_practitioner"] else set()
            )
            if row["ownerid__type"] == "systemuser":
                expected.add((7, row["ownerid"]))
            assert parties[row["activityid"]] == expected
    states = {(row["cms_sourcestatus"], row["statecode"]) for row in in_activities.rows["appointment"]}
    assert {("Completed", 1), ("Cancelled", 2), ("Scheduled", 3)} <= states


def test_appointment_activities_carry_a_warning(in_rows: Walk, in_activities: Walk) -> None:
    codes = [{row["Code"]: row for row in walk.preflight} for walk in (in_rows, in_activities)]
    assert "appointment_invitations" not in codes[0]
    warning = codes[1]["appointment_invitations"]
    assert warning["Severity"] == "warning"
    assert "mailbox" in warning["What to do"]


def test_several_values_as_one_text(in_activities: Walk, export: Export) -> None:
    labels = _multi_selects(export)
    several: dict[tuple[str, str], list[str]] = {}
    for row in csv_rows(export, "custom_properties.csv"):
        if row["property"] in labels and row["value"]:
            several.setdefault((row["patient_id"], row["property"]), []).append(row["value"])
    texts = {value for row in in_activities.rows["contact"] for value in row.values() if isinstance(value, str)}
    patients = {row["cms_sourcepatientid"] for row in in_activities.rows["contact"]}
    chosen = ["; ".join(values) for (patient, _), values in several.items() if len(values) > 1 and patient in patients]
    assert chosen
    assert set(chosen) <= texts


def test_an_option_that_is_not_there_is_refused(in_rows: Walk) -> None:
    error = in_rows.road.refused("map/options", options={"weather": "fine"})
    assert error["code"] == "bad_option"


def test_an_option_goes_back_to_its_default(in_rows: Walk) -> None:
    before = in_rows.road.get("map")["map"]
    made = in_rows.road.post("map/options", options={"encounter_notes": "memo", "carrier": "text"})
    assert {one["name"]: one["current"] for one in made["options"]} == {
        **{one["name"]: one["current"] for one in in_rows.options}, "encounter_notes": "memo", "carrier": "text"
    }  # fmt: skip
    after = in_rows.road.get("map")["map"]
    assert before["objects"].keys() - after["objects"].keys() == {"encounter_note", "carrier"}
