"""Three causes, all mended: a retry takes up the one that was chosen, and what waited for it; the others stay as they were."""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from tests.e2e import dumps
from tests.e2e.clinic import Export
from tests.e2e.road import TARGET, Json, Road
from tests.e2e.system import System
from tests.e2e.test_retry import DONE_WITH_EXCEPTIONS, HANGS_ON_PATIENT, every

FIRST: Final = "chosen.patient.0001002"
SECOND: Final = "chosen.patient.0001003"
PLACE: Final = "chosen.location.LOC-01"
PLUGIN: Final = "0x80040265"
OTHER: Final = "0x80044331"
OF_FIRST: Final = f"patient/record/{PLUGIN}"
OF_SECOND: Final = f"patient/record/{OTHER}"
OF_PLACE: Final = f"location/record/{PLUGIN}"
OF_LINK: Final = f"location/field/{OTHER}"
DISPOSITIONS: Final = ("migrated", "unchanged", "exported", "excepted", "excluded")


@dataclass
class Looks:
    """What stood after some runs, in their order: exceptions, figures, state, rows, the run."""

    exceptions: list[list[Json]] = field(default_factory=list)
    objects: list[dict[str, Json]] = field(default_factory=list)
    migrations: list[Json] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    runs: list[Json] = field(default_factory=list)


@dataclass
class Seen(Looks):
    """What stood after the full run and after each retry."""

    early: Looks = field(default_factory=Looks)  #: after a retry that came before the full run
    refusals: dict[str, Json] = field(default_factory=dict)
    begun: int = 0  #: runs that refused retries began
    command: int = 0
    reported: list[Json] = field(default_factory=list)
    verified: dict[str, Json] = field(default_factory=dict)


def refusal(table: str, key: str, code: str, on: str = "create") -> Json:
    """A plug-in that refuses the row with this key."""
    return {"table": table, "source_key": f"^{key}$", "on": [on], "code": code, "message": "Not while the audit lasts."}


@pytest.fixture(scope="module")
def seen(system: System, export: Export) -> Seen:
    """A run that pauses for two places, and a retry of one of them. Then the full run under three refusals, retries by
    cause, one of everything, and the verification."""
    seen = Seen()
    road = Road(system, "chosen")

    def look(run: Json, into: Looks = seen) -> None:
        into.runs.append(run)
        into.exceptions.append(every(road))
        into.objects.append(road.get("summary")["objects"])
        into.migrations.append(road.get())
        into.rows.append(dumps.business(system, "chosen"))

    refused = [refusal("contact", FIRST, PLUGIN), refusal("contact", SECOND, OTHER), refusal("account", PLACE, PLUGIN)]
    system.faults({"plugins": [*refused, refusal("account", "chosen.location.LOC-02", OTHER)]})
    road.to_signed(export.folder)
    road.step("run", state="paused", target=TARGET, pause_percent=0)
    system.faults({"plugins": refused})
    look(road.step("retry", target=TARGET, causes=[f"location/record/{OTHER}"]), seen.early)
    look(road.run())
    for name, status, asked in (
        ("cause", 400, {"causes": ["patient/record/none"]}),
        ("object", 400, {"objects": ["patients"]}),
        ("staff", 400, {"objects": ["staff"]}),
        ("pause", 400, {"causes": [OF_FIRST], "pause_percent": 5}),
        ("nothing", 409, {"objects": ["referral"], "causes": [OF_FIRST]}),
    ):
        seen.refusals[name] = road.refused("steps/retry", status, target=TARGET, **asked)
    seen.refusals["step"] = road.refused("steps/delta", 400, causes=[OF_FIRST])
    seen.begun = len(road.get()["runs"]) - len(seen.migrations[0]["runs"])
    system.faults({"plugins": [refusal("account", "chosen.location.LOC-03", OTHER, on="update")]})
    look(road.step("retry", target=TARGET, causes=[OF_FIRST]))
    done = system.cli("retry", "--target", TARGET, "--object", "location", "--cause", OF_PLACE, "--json")
    seen.command = done.returncode
    look(json.loads(done.stdout))
    system.faults({})
    look(road.step("retry", target=TARGET, causes=[OF_LINK]))
    seen.reported = road.table("exceptions", "All")
    look(road.step("retry", target=TARGET))
    road.step("verify")
    seen.verified = road.get("summary")["objects"]
    return seen


def known(rows: list[Json]) -> set[tuple[Any, ...]]:
    return {tuple(row.values()) for row in rows}


def of(rows: list[Json], group: str) -> list[str]:
    """The records that are listed for a cause."""
    name, kind, code = group.split("/")
    return [
        row["source_id"]
        for row in rows
        if row["object"] == name and row["code"] == code and (row["field"] is None) == (kind == "record")
    ]


def waiting(rows: list[Json], parent: str) -> set[tuple[str, str]]:
    return {(row["object"], row["source_id"]) for row in rows if row["cause"] == parent and row["field"] is None}


def test_after_a_run_that_paused_what_no_run_has_come_to_is_left(seen: Seen) -> None:
    """The other place is still excepted, the sample's rows are still migrated, and the migration is not."""
    [rows], [objects], [migration], [run] = seen.early.rows, seen.early.objects, seen.early.migrations, seen.early.runs
    assert "location.LOC-02" in rows and "location.LOC-01" not in rows
    assert (migration["state"], migration["delta_until"]) == ("signed_off", None)
    assert migration["next"][0]["step"] == "run"
    assert " that no run has come to are left." in run["message"]
    assert objects["patient"]["read"] < seen.objects[0]["patient"]["read"]
    assert all(one["read"] == sum(one[key] for key in DISPOSITIONS) for one in objects.values())
    assert of(seen.early.exceptions[0], OF_PLACE) == ["LOC-01"]


def test_what_cannot_be_chosen_is_refused_before_a_run_begins(seen: Seen) -> None:
    assert OF_FIRST in seen.refusals["cause"]["next"]
    assert "patient" in seen.refusals["object"]["next"]
    assert "prepare" in seen.refusals["staff"]["next"]
    assert (seen.refusals["nothing"]["code"], seen.refusals["step"]["code"]) == ("nothing_to_retry", "bad_request")
    assert "pause" in seen.refusals["pause"]["message"]
    assert seen.begun == 0


def test_the_record_of_the_chosen_cause_lands_and_what_waited_for_it(seen: Seen) -> None:
    assert "patient.0001002" not in seen.rows[0]
    landed = seen.rows[1].keys() - seen.rows[0].keys()
    assert "patient.0001002" in landed
    waited = waiting(seen.exceptions[0], FIRST)
    assert {name for name, _ in waited} >= {"insurance", "appointment", "custom_property"}
    assert {name for name, _ in waited} <= HANGS_ON_PATIENT | {"referral"}
    assert waiting(seen.exceptions[1], FIRST) == set()
    rows = {f"{name}.{id}" for name, id in waited if name not in ("document", "custom_property")}
    assert {key.replace("_2F", "/") for key in landed} == rows | {"patient.0001002"}


def test_nothing_else_is_touched_and_its_exceptions_stay(seen: Seen) -> None:
    same = seen.rows[0].keys()
    assert {key: seen.rows[1][key] for key in same} == seen.rows[0]
    before, after = known(seen.exceptions[0]), known(seen.exceptions[1])
    mended = {("patient", "0001002")} | waiting(seen.exceptions[0], FIRST)
    assert {row[:2] for row in before - after} == mended
    assert {row[:2] for row in after - before} <= mended  # what landed says which of its lookups stayed empty
    assert of(seen.exceptions[1], OF_SECOND) == ["0001003"]
    assert waiting(seen.exceptions[1], SECOND) == waiting(seen.exceptions[0], SECOND) != set()


@pytest.mark.parametrize("number", range(5))
def test_the_sums_hold_and_as_many_are_listed_as_are_counted(seen: Seen, number: int) -> None:
    objects, listed = seen.objects[number], seen.exceptions[number]
    assert {name: one["read"] for name, one in objects.items()} == {
        name: one["read"] for name, one in seen.objects[0].items()
    }
    assert all(one["read"] == sum(one[key] for key in DISPOSITIONS) for one in objects.values())
    records = Counter(row["object"] for row in listed if row["field"] is None)
    assert dict(records) == {name: one["excepted"] for name, one in objects.items() if one["excepted"]}
    fields = Counter(row["object"] for row in listed if row["field"] is not None)
    assert dict(fields) == {name: one["fields_excepted"] for name, one in objects.items() if one["fields_excepted"]}
    assert len(known(listed)) == len(listed)


def test_the_run_says_what_was_chosen_and_the_migration_stays_where_it_was(seen: Seen) -> None:
    assert seen.runs[1]["message"].startswith(f"Retried {OF_FIRST}: ")
    before, after = seen.migrations[:2]
    assert (before["state"], after["state"]) == ("migrated", "migrated")
    assert after["delta_until"] == before["delta_until"]
    assert after["next"][0]["step"] == "verify"


def test_a_place_that_lands_fills_the_lookups_that_were_empty(seen: Seen) -> None:
    assert seen.command == DONE_WITH_EXCEPTIONS
    assert "location.LOC-01" in seen.rows[2]
    pointing = [row for row in seen.exceptions[1] if row["cause"] == PLACE]
    assert {"patient", "appointment", "location"} <= {row["object"] for row in pointing}
    assert [row for row in seen.exceptions[2] if row["cause"] == PLACE] == []
    assert of(seen.exceptions[2], OF_SECOND) == ["0001003"]


def test_a_refused_link_is_an_exception_of_its_field_and_is_retried_alone(seen: Seen) -> None:
    assert of(seen.exceptions[2], OF_LINK) == ["LOC-03"]
    assert "parentaccountid" not in seen.rows[2]["location.LOC-03"]
    assert seen.rows[3]["location.LOC-03"]["parentaccountid"] == "location.LOC-01"
    assert seen.runs[3]["message"].startswith(f"Retried {OF_LINK}: 0 created, 0 changed")
    assert known(seen.exceptions[2]) - known(seen.exceptions[3]) == {
        tuple(row.values()) for row in seen.exceptions[2] if (row["object"], row["code"]) == ("location", OTHER)
    }


def test_the_report_lists_the_same(seen: Seen) -> None:
    listed = {(row["object"], row["source_id"], row["field"] or "", row["code"]) for row in seen.exceptions[3]}
    assert {(row["Object"], row["Source id"], row["Field"] or "", row["Code"]) for row in seen.reported} == listed


def test_a_retry_of_everything_takes_up_the_rest(seen: Seen) -> None:
    assert "patient.0001003" in seen.rows[4]
    assert waiting(seen.exceptions[4], SECOND) == set()
    assert {name for name, one in seen.verified.items() if one["excepted"]} == {"staff"}
    assert {name for name, one in seen.verified.items() if one["fields_differing"]} == set()
    assert "Retried" not in seen.runs[4]["message"]
