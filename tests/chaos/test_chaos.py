"""Chaos in its short form, and single faults where the whole road promises something about them."""

from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.chaos.image import differing, image, writes, written_otherwise
from tests.chaos.plan import make_plan
from tests.chaos.run import Chaos
from tests.chaos.stage import STEPS, Copied, Stage
from tests.e2e.road import Json
from tests.e2e.system import until

OTHER: Final = "migration.desk@lakeside-clinic.example"
ACCOUNTS: Final = {"method": "POST", "path_regex": "accounts/.*CreateMultiple"}


#: Between them: a host, workers and a replay killed, a rollback of everything, and one that takes over a delta.
SEEDS: Final = (3, 10)


@pytest.mark.parametrize("seed", SEEDS)
def test_it_ends_as_in_quiet(made: Stage, seed: int) -> None:
    plan = make_plan(seed, patient=False)
    seen = Chaos(made, plan).go()
    assert seen.findings == []
    assert seen.strikes.total() or seen.faults.total()


def test_a_seed_makes_one_plan() -> None:
    plans = [make_plan(seed) for seed in range(40)]
    assert plans == [make_plan(seed) for seed in range(40)]
    assert {one.end for one in plans} == {"all", "last", "cut run", "cut delta"}
    struck = {strike.what for one in plans for some in one.strikes.values() for strike in some}
    assert {"host", "workers", "replay"} <= struck


@pytest.fixture
def road(made: Stage) -> Iterator[Copied]:
    """A migration that is signed off; afterwards the target is as it was."""
    made.system.count_writes()
    copied = made.copy()
    yield copied
    made.system.faults()
    assert differing(made.before, image(made.system, whole=True)) == []


def take(road: Copied, phase: str) -> Json:
    options = dict(STEPS[phase])
    return road.step(options.pop("step"), **options)


def exceptions(road: Copied) -> list[Json]:
    return list(road.get("exceptions")["exceptions"])


def test_a_commit_long_after_the_client_gave_up_makes_no_second_row(made: Stage, road: Copied) -> None:
    """Four tries are lost, nothing is there; then, in the quiet period, the server does the first one's work."""
    held = {"match": ACCOUNTS, "times": 1, "late": {}}
    lost = {"match": ACCOUNTS, "times": 3, "reset": "before"}
    reads = {"match": {"method": "GET", "path_regex": r"/accounts\?"}, "every": 1, "delay_ms": 1}
    made.system.faults({"rules": [held, lost, reads]})
    run = road.start(**STEPS["run"])

    # After each of the four silences it reads once, and once more before it waits.
    until("it waits for the quiet period's end", lambda: made.system.struck()["rules"] == [1, 3, 5])
    made.system.commit()
    assert road.finish(run)["state"] == "done"
    assert differing(made.quiet.images["run"], image(made.system)) == []
    assert written_otherwise(made.quiet.writes["run"], writes(made.system)) == []
    take(road, "undo")


def test_an_owner_disabled_after_the_check_is_refused_or_seen(made: Stage, road: Copied) -> None:
    """Patients are quietly given to somebody else, which verify shows; what hangs on them is refused, and excepted."""
    policy = {"contact": "replaced", "*": "refused"}
    contacts = [
        row for (table, _), row in made.quiet.images["run"].items() if table == "contact" and "cms_sourcekey" in row
    ]
    owners = [row["ownerid"] for row in contacts if str(row["cms_sourcekey"]).startswith("clinic.patient")]
    victim = max(set(owners), key=owners.count)
    made.system.edit("systemuser", victim, {"isdisabled": True}, OTHER)
    try:
        made.system.faults({"behaviour": {"disabled_owner": policy}})
        assert take(road, "run")["state"] == "done"
        refused = {row["code"] for row in exceptions(road) if row["field"] is None}
        landed = [
            row for row in made.system.rows("contact") if str(row.get("cms_sourcekey")).startswith("clinic.patient")
        ]
        road.step("verify")
        found = road.table("reconciliation", "Findings")
        take(road, "undo")
    finally:
        made.system.edit("systemuser", victim, {"isdisabled": False}, OTHER)
    assert "0x80040225" in refused
    assert len(landed) == sum(str(row["cms_sourcekey"]).startswith("clinic.patient") for row in contacts)
    assert victim not in {row["ownerid"] for row in landed}
    shown = {row["Source id"] for row in found if row["Object"] == "patient" and "owner" in row["Column"]}
    assert len(shown) >= owners.count(victim) > 0


def test_deleted_ids_are_not_used_again(made: Stage, road: Copied) -> None:
    """Where deleted rows lie in a recycle bin, the sample that is undone and migrated again takes new ids."""
    made.system.faults({"behaviour": {"recycle_bin": True}})
    assert road.step("sample")["state"] == "done"
    times = {tuple(one) for rows in made.system.written().values() for one in rows.values()}
    assert max(created for created, _, _ in times) == 1
    assert made.system.counts()["cms_clinicappointment"] == sum(
        t == "cms_clinicappointment" for t, _ in made.quiet.images["run"]
    )
    road.step("rollback")


def test_what_others_do_between_our_read_and_our_write_stays(made: Stage, road: Copied) -> None:
    """A row changed just before the delta's write is a conflict; before the rollback's deletes, it is kept."""
    take(road, "run")
    changed = _changed_patients(made)
    made.next_day(road)
    made.system.faults({"edits": [_edit("contact", changed[0], {"telephone2": "555-0100"}, times=1)]})
    take(road, "delta")
    conflicts = [(row["object"], row["code"]) for row in exceptions(road) if row["source_id"] == changed[0]]
    theirs = _contact(made, changed[0])["telephone2"]

    appointment = _lonely(made, "cms_clinicappointment")
    note = {"table": "annotation", "nav": "objectid_contact", "set": {"subject": "Call back"}}
    made.system.faults(
        {
            "edits": [
                _edit("cms_clinicappointment", appointment, {"cms_notes": "moved by phone"}, times=1),
                {
                    "table": "contact",
                    "source_key": f"^clinic.patient.{changed[1]}$",
                    "user": OTHER,
                    "add": note,
                    "times": 1,
                },
            ]
        }
    )
    totals = road.rollback()
    listed = {row["Row"]: row["Why"] for row in road.table("rollback", "Kept and left")}
    kept = image(made.system)
    road.rollback(force=True)
    assert conflicts == [("patient", "conflict")]
    assert theirs == "555-0100"
    assert totals["kept"] >= 2
    by_key = {str(row.get("cms_sourcekey")): id for (_, id), row in kept.items()}
    assert listed[by_key[f"clinic.appointment.{appointment}"]] == "changed by others"
    assert "annotation" in listed[by_key[f"clinic.patient.{changed[1]}"]]


def _edit(table: str, id: str, values: Json, **more: Any) -> Json:
    return {"table": table, "source_key": rf"\.{id}$", "user": OTHER, "set": values, **more}


def _changed_patients(made: Stage) -> list[str]:
    """Source ids of patients that the next day changes."""
    one, two = made.quiet.images["run"], made.quiet.images["delta"]
    rows = [row for key, row in one.items() if key[0] == "contact" and key in two and two[key] != row]
    return [
        str(row["cms_sourcekey"]).rpartition(".")[2] for row in rows if ".patient." in str(row.get("cms_sourcekey"))
    ]


def _contact(made: Stage, id: str) -> Json:
    return next(row for row in made.system.rows("contact") if str(row["cms_sourcekey"]).endswith(f"patient.{id}"))


def _lonely(made: Stage, table: str) -> str:
    """Source id of a row of this table that no other row points at."""
    rows = made.quiet.images["delta"]
    held = {value for (_, id), row in rows.items() for value in row.values() if isinstance(value, str) and value != id}
    free = (row for (name, id), row in rows.items() if name == table and id not in held)
    return str(next(free)["cms_sourcekey"]).rpartition(".")[2]
