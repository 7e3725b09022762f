"""What other people did to migrated rows survives a rollback: exactly that, listed with who and when."""

from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from tests.e2e import dumps
from tests.e2e.clinic import Export
from tests.e2e.road import Json, Road
from tests.e2e.system import System

OTHER: Final = "migration.desk@lakeside-clinic.example"
NAME: Final = "Migration Desk"

Rows = dict[str, list[dict[str, Any]]]


@dataclass
class Meddled:
    """A migrated clinic in which somebody worked, rolled back, and rolled back by force."""

    before: Rows
    edited: str = ""
    noted: str = ""
    moved: str = ""
    removed: str = ""
    foreign: str = ""
    note: str = ""
    totals: Json = field(default_factory=dict)
    kept: Rows = field(default_factory=dict)
    listed: list[Json] = field(default_factory=list)
    between: Json = field(default_factory=dict)
    preview: Json = field(default_factory=dict)
    forced: Json = field(default_factory=dict)
    left: Rows = field(default_factory=dict)
    after: Json = field(default_factory=dict)
    audit: Json = field(default_factory=dict)


@pytest.fixture(scope="module")
def meddled(system: System, export: Export) -> Meddled:
    """Another user changes a patient, writes a note on another, moves an appointment, deletes one, makes a contact."""
    road = Road(system)
    road.to_migrated(export.folder)
    seen = Meddled(dumps.whole(system))
    patients = [row for row in seen.before["contact"] if row["cms_sourcekey"].startswith("clinic.patient.")]
    seen.edited, seen.noted = patients[2]["contactid"], patients[5]["contactid"]
    system.edit("contact", seen.edited, {"telephone1": "+1 617 555 0100"}, OTHER)
    note = {"subject": "Call back", "notetext": "on Monday", "objectid_contact@odata.bind": f"/contacts({seen.noted})"}
    answer = system.api("POST", "annotations", OTHER, json=note)
    seen.note = answer.headers["OData-EntityId"].rpartition("(")[2].rstrip(")")
    free = [row for row in seen.before["cms_clinicappointment"] if row["cms_patient"] == patients[8]["contactid"]]
    used = {row.get("cms_appointment") for row in seen.before["cms_clinicencounter"]}
    free = [row for row in free if row["cms_clinicappointmentid"] not in used]
    seen.moved, seen.removed = free[0]["cms_clinicappointmentid"], free[1]["cms_clinicappointmentid"]
    system.edit("cms_clinicappointment", seen.moved, {"cms_notes": "moved by phone"}, OTHER)
    system.api("DELETE", f"cms_clinicappointments({seen.removed})", OTHER)
    answer = system.api("POST", "contacts", OTHER, json={"lastname": "Walk-in"})
    seen.foreign = answer.headers["OData-EntityId"].rpartition("(")[2].rstrip(")")

    seen.totals = road.rollback()
    seen.kept = dumps.whole(system)
    seen.listed = road.table("rollback", "Kept and left")
    seen.between = road.get()
    seen.preview = road.post("steps/rollback", preview=True, force=True)
    seen.forced = road.rollback(force=True)
    seen.left = dumps.whole(system)
    seen.after = road.get()
    seen.audit = road.get("audit/verify")
    return seen


def ids(rows: Rows) -> set[str]:
    """The ids of all rows."""
    return {str(row.get(f"{table}id") or row.get("activityid")) for table, some in rows.items() for row in some}


def needed_by(rows: Rows, wanted: set[str]) -> set[str]:
    """Those rows, and all that they point at, however far."""
    ours = {str(row.get(f"{table}id")): row for table, some in rows.items() for row in some}
    found: set[str] = set()
    ahead = set(wanted)
    while ahead:
        one = ahead.pop()
        found.add(one)
        ahead |= {value for value in ours[one].values() if isinstance(value, str) and value in ours} - found
    return found


def test_what_others_touched_stays_with_what_it_hangs_on_and_everything_else_goes(meddled: Meddled) -> None:
    touched = {meddled.edited, meddled.noted, meddled.moved}
    stays = needed_by(meddled.before, touched) | {meddled.note, meddled.foreign}
    assert ids(meddled.kept) == stays
    assert len(stays) < len(ids(meddled.before)) / 4


def test_what_they_wrote_is_as_they_left_it(meddled: Meddled) -> None:
    contacts = {row["contactid"]: row for row in meddled.kept["contact"]}
    assert contacts[meddled.edited]["telephone1"] == "+1 617 555 0100"
    assert contacts[meddled.foreign]["lastname"] == "Walk-in"
    assert [row["notetext"] for row in meddled.kept["annotation"]] == ["on Monday"]
    [moved] = meddled.kept["cms_clinicappointment"]
    assert moved["cms_notes"] == "moved by phone"


def test_each_is_listed_with_who_and_when(meddled: Meddled) -> None:
    listed = {row["Row"]: row for row in meddled.listed}
    assert listed.keys() == ids(meddled.kept) - {meddled.note, meddled.foreign}
    for one in (meddled.edited, meddled.moved):
        assert listed[one]["Why"] == "changed by others"
    assert "annotation" in listed[meddled.noted]["Why"]
    for one in (meddled.edited, meddled.moved, meddled.noted):
        assert listed[one]["Who"] == NAME
        assert listed[one]["When"] > "2020"
    assert meddled.totals["kept"] == 2
    assert meddled.totals["kept"] + meddled.totals["left"] == len(listed)
    # All that went, but the one that somebody else had deleted already.
    gone = ids(meddled.before) - ids(meddled.kept) - {meddled.removed}
    assert meddled.totals["deleted"] == len(gone)


def test_the_map_can_be_mended_and_the_rest_still_be_forced_out(meddled: Meddled) -> None:
    assert meddled.between["state"] == "confirmed"
    assert meddled.between["written"] is True
    assert "rollback" in [step["step"] for step in meddled.between["next"]]
    assert meddled.preview["runs"]
    assert sum(meddled.preview["edited"].values()) > 0


def test_force_takes_ours_whatever_happened_to_them(meddled: Meddled) -> None:
    """The note goes with its contact, as the platform has it; what was never ours stays."""
    assert ids(meddled.left) == {meddled.foreign}
    assert meddled.forced["deleted"] == len(ids(meddled.kept)) - 2
    assert meddled.forced["kept"] == meddled.forced["left"] == 0
    assert meddled.after["written"] is False
    assert meddled.audit["whole"] is True
