"""A plug-in of the target refuses a patient and a place: what hangs on them waits, says for whom, and lands by a retry."""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from tests.e2e import dumps
from tests.e2e.clinic import Export
from tests.e2e.road import TARGET, Json, Road
from tests.e2e.system import System

PATIENT: Final = "waiting.patient.0001002"
PLACE: Final = "waiting.location.LOC-01"
DONE_WITH_EXCEPTIONS: Final = 4
HANGS_ON_PATIENT: Final = {"custom_property", "insurance", "appointment", "encounter", "prescription", "document"}


@dataclass
class Retried:
    """What stood in the target under the plug-in, after retries, and after a rollback."""

    stopped: Json = field(default_factory=dict)
    states: list[Json] = field(default_factory=list)
    refused: dict[str, Any] = field(default_factory=dict)
    exceptions: list[Json] = field(default_factory=list)
    again: list[Json] = field(default_factory=list)
    landed: dict[str, Any] = field(default_factory=dict)
    commands: list[tuple[int, Json]] = field(default_factory=list)
    summaries: dict[str, Json] = field(default_factory=dict)
    left: dict[str, int] = field(default_factory=dict)
    after: Json = field(default_factory=dict)
    solution: list[Json] = field(default_factory=list)
    ours: set[str] = field(default_factory=set)


def refusal(table: str, key: str) -> Json:
    """A plug-in that takes no new row with this key, and quotes what it read."""
    return {"table": table, "source_key": f"^{key}$", "on": ["create"], "message": "Not while the audit lasts."}


@pytest.fixture(scope="module")
def retried(system: System, export: Export) -> Retried:
    """Stopped by a person; paused under the plug-in, finished under it by a retry; retried under it and without it."""
    seen = Retried()
    road = Road(system, "waiting")
    system.faults({"plugins": [refusal("contact", PATIENT), refusal("account", PLACE)]})
    road.to_signed(export.folder)
    run = road.start("run", target=TARGET, pause_percent=100)
    road.post(f"runs/{run}/stop")
    seen.stopped = road.finish(run)
    road.step("run", state="paused", target=TARGET, pause_percent=0)  # the place is refused: the full run ends there
    seen.states.append(road.get())
    road.step("retry", target=TARGET, pause_percent=100)
    seen.states.append(road.get())
    seen.refused = dumps.business(system, "waiting")
    seen.exceptions = every(road)
    seen.summaries["refused"] = road.get("summary")
    still: Json | None = None  # first the plug-in is still there
    for faults in (still, {}):
        if faults is not None:
            system.faults(faults)
        done = system.cli("retry", "--target", TARGET, "--pause-percent", "100", "--json")
        seen.commands.append((done.returncode, json.loads(done.stdout)))
        seen.again = seen.again or every(road)
    seen.landed = dumps.business(system, "waiting")
    road.step("verify")
    seen.summaries["retried"] = road.get("summary")
    seen.summaries["rollback"] = road.rollback(remove_solution=True)
    seen.after = road.get()
    seen.solution = road.table("rollback", "Tables and columns")
    tables = system.api("GET", "EntityDefinitions?$select=LogicalName&$expand=Attributes($select=LogicalName)").json()
    names = {one["LogicalName"]: {column["LogicalName"] for column in one["Attributes"]} for one in tables["value"]}
    seen.ours = {name for name in (*names, *names["contact"], *names["account"]) if name.startswith("cms_")}
    seen.left = system.counts()
    return seen


def every(road: Road) -> list[Json]:
    """All exceptions of the latest run that wrote."""
    found: list[Json] = []
    while len(found) < (page := road.get(f"exceptions?offset={len(found)}"))["total"]:
        found += page["exceptions"]
    return found


def records(rows: list[Json], cause: str) -> dict[str, set[str]]:
    """Records that wait for this one, by object."""
    found: dict[str, set[str]] = {}
    for row in rows:
        if row["cause"] == cause and row["field"] is None:
            found.setdefault(row["object"], set()).add(row["source_id"])
    return found


def test_a_run_is_stopped_by_a_person(retried: Retried) -> None:
    """It ends by name; the runs after it take up what is left."""
    assert (retried.stopped["state"], retried.stopped["stop_by"], retried.stopped["error"]) == (
        "stopped",
        "tester",
        None,
    )
    assert "start run again" in retried.stopped["message"]


def test_a_retry_finishes_a_run_that_paused(retried: Retried) -> None:
    """It loads what is left, so it is what opens the delta window, and what verify waits for."""
    paused, finished = retried.states
    assert (paused["state"], paused["delta_until"]) == ("signed_off", None)
    assert (finished["state"], finished["next"][0]["step"]) == ("migrated", "verify")
    assert finished["delta_until"] is not None


def test_the_refused_parents_are_listed_and_everything_else_lands(retried: Retried) -> None:
    refused = {row["source_id"]: row["message"] for row in retried.exceptions if row["code"] == "0x80040265"}
    assert refused.keys() == {"0001002", "LOC-01"}
    assert "patient.0001002" not in retried.refused
    assert "location.LOC-01" not in retried.refused
    assert {"patient.0001001", "location.LOC-02", "location.LOC-03"} <= retried.refused.keys()


def test_as_many_records_are_listed_as_are_counted(retried: Retried) -> None:
    """Of every object, those that are no rows of their own (staff, custom properties) included."""
    counted = {name: one["excepted"] for name, one in retried.summaries["refused"]["objects"].items()}
    listed = Counter(row["object"] for row in retried.exceptions if row["field"] is None)
    assert dict(listed) == {name: excepted for name, excepted in counted.items() if excepted}
    assert listed["staff"] and listed["custom_property"]
    fields = Counter(row["object"] for row in retried.exceptions if row["field"])
    assert not fields["custom_property"]
    assert all(row["message"] and row["code"] for row in retried.exceptions)


def test_children_wait_and_name_the_cause(retried: Retried) -> None:
    waiting = records(retried.exceptions, PATIENT)
    assert waiting.keys() <= HANGS_ON_PATIENT | {"referral"}
    assert waiting.keys() >= {"insurance", "appointment"}
    for name, ids in waiting.items():
        codes = {row["code"] for row in retried.exceptions if row["object"] == name and row["source_id"] in ids}
        assert codes == {"missing_parent"}
        assert not any(f"{name}.{id}" in retried.refused for id in ids)


def test_a_lookup_that_may_be_empty_is_an_exception_of_the_field_alone(retried: Retried) -> None:
    fields = {(row["object"], row["source_id"]) for row in retried.exceptions if row["cause"] == PLACE and row["field"]}
    assert ("location", "LOC-03") in fields  # a satellite: rows of the same object are linked in a second pass
    assert {"patient", "appointment"} <= {name for name, _ in fields}
    assert "parentaccountid" not in retried.refused["location.LOC-03"]


def test_a_retry_under_the_same_plug_in_changes_nothing(retried: Retried) -> None:
    code, document = retried.commands[0]
    assert code == DONE_WITH_EXCEPTIONS, document
    assert document["message"].startswith("0 created, 0 changed")

    def known(rows: list[Json]) -> set[tuple[Any, ...]]:
        return {(row["object"], row["source_id"], row["field"], row["code"]) for row in rows}

    assert known(retried.again) == known(retried.exceptions)


def test_without_it_parents_and_children_land_as_if_nothing_had_been(retried: Retried) -> None:
    code, document = retried.commands[1]
    assert code == DONE_WITH_EXCEPTIONS, document
    assert not document["message"].startswith("0 created")
    assert "patient.0001002" in retried.landed
    assert retried.landed["location.LOC-03"]["parentaccountid"] == "location.LOC-01"
    waited = {
        f"{name}.{id}"
        for name, ids in records(retried.exceptions, PATIENT).items()
        for id in ids
        if name not in ("document", "custom_property")
    }
    assert {key.replace("_2F", "/") for key in retried.landed} >= waited
    objects = retried.summaries["retried"]["objects"]
    assert {name for name, one in objects.items() if one["excepted"]} == {"staff"}
    assert {name: one["fields_differing"] for name, one in objects.items() if one["fields_differing"]} == {}


def test_a_rollback_takes_back_all_of_it(retried: Retried) -> None:
    assert retried.left == {}
    assert retried.summaries["rollback"]["kept"] == retried.summaries["rollback"]["left"] == 0


def test_the_tables_and_columns_go_with_it_when_that_is_asked_for(retried: Retried) -> None:
    """Nothing holds anything any more, so nothing stays; the target has to be prepared anew."""
    assert retried.ours == set()
    assert {row["What"] for row in retried.solution} == {"removed"}
    assert {"cms_clinicappointment", "contact.cms_sourcekey"} <= {row["Table or column"] for row in retried.solution}
    assert (retried.after["state"], retried.after["prepared_hash"]) == ("confirmed", None)
    assert retried.after["next"][0]["step"] == "prepare"
