"""Whose the records are, and where they go: counted over buckets, told to whoever reads the owners report."""

from pathlib import Path
from typing import Any

from activities.ownership import Deciders, Share, count_owned, share_out
from ledger.chunks import write_records
from mapping.model import ClinicMap
from mapping.owners import OwnerMatch, Owners
from reports.prepare import owners_report
from tests.mapping.samples import a_map

OWNERS = Owners(
    staff={
        "1": OwnerMatch("systemusers/u1", "Active", "found", "ann@clinic.test"),
        "2": OwnerMatch("systemusers/u2", "Active", "disabled", "bob@clinic.test"),
    },
    by_email={"ann@clinic.test": "1"},
    practitioner={"p1": "1", "p2": "2"},
    fallback="teams/t",
)
DECIDERS = Deciders(matched="Ada", rules="Ben", fallback="Cyd")


def bucket(folder: Path, label: str, objects: dict[str, list[dict[str, Any]]]) -> Path:
    made: dict[Any, tuple[int, Path]] = {}
    for name, records in objects.items():
        path = folder / label / f"{name}.ndjson.gz"
        made[name] = (write_records(path, records), path)
    target = folder / f"{label}.parquet"
    assert count_owned(made, target)
    return target


def test_every_record_is_told_with_the_person_it_names_first(tmp_path: Path) -> None:
    files = [
        bucket(
            tmp_path,
            "b0000",
            {
                "patient": [
                    {"_id": "1", "_owner": "1"},
                    {"_id": "2", "_owner": " ANN@clinic.test"},
                    {"_id": "3", "_owner": "2", "_provider": "p1"},
                    {"_id": "4", "_owner": "2", "_excluded": "soft_deleted"},
                ],
                "appointment": [{"_id": "5", "_practitioner": "p2"}, {"_id": "6", "_practitioner": "p1"}],
                "claim": [{"_id": "7", "_practitioner": "p1"}],  # leaves as a file: nobody owns it
            },
        ),
        bucket(tmp_path, "b0001", {"appointment": [{"_id": "8", "_practitioner": "p9"}, {"_id": "9"}]}),
    ]
    clinic: ClinicMap = a_map()
    found = share_out(files, clinic, OWNERS)
    assert {person: (dict(one.objects), dict(one.rules)) for person, one in found.items()} == {
        ("staff", "1"): ({"patient": 2}, {"self": 2}),
        ("staff", "2"): ({"patient": 1}, {"provider": 1}),
        ("practitioner", "p2"): ({"appointment": 1}, {"fallback": 1}),
        ("practitioner", "p1"): ({"appointment": 1}, {"self": 1}),
        ("practitioner", "p9"): ({"appointment": 1}, {"fallback": 1}),
    }
    told = {
        person: DECIDERS.tell(person in {("staff", "1"), ("practitioner", "p1")}, one) for person, one in found.items()
    }
    assert (told["staff", "1"]["decision"], told["staff", "1"]["by"]) == ("owns the rows", "Ada")
    assert told["staff", "2"]["decision"] == "rows go to the patient's provider (1)"
    assert told["staff", "2"]["by"] == "Ben"
    assert (told["practitioner", "p2"]["by"], told["practitioner", "p2"]["rows"]) == ("Cyd", 1)
    assert DECIDERS.tell(False, None) == {"rows": 0, "objects": {}, "decision": "owns nothing", "by": "Ben"}


def test_the_report_has_staff_practitioners_and_strangers(tmp_path: Path) -> None:
    share = Share()
    share.objects.update(patient=1200, appointment=3)
    share.rules.update(fallback=1203)
    told = DECIDERS.tell(False, share)
    staff = {
        "staff": "2",
        "name": "Bob",
        "email": "b@c.test",
        "match": "disabled",
        "active": "Active",
        "disposition": "excepted",
    }
    doctor = {"practitioner": "p2", "name": "Bob", "email": "b@c.test", "staff": "2", "match": "disabled"}
    people = {
        "rows": [{**staff, **told, "reason": ""}],
        "practitioners": [{**doctor, **told, "reason": ""}],
        "strangers": [{"kind": "practitioner", "id": "p9", **told}],
    }
    first, second, third = owners_report("m-00000000", people, "team:Front desk", usable=True).tables
    shown = [1203, "appointment 3, patient 1,200", "rows go to the fallback owner (1,203)", "Cyd"]
    assert first.rows == [["2", "Bob", "b@c.test", "disabled", "Active", "excepted", *shown, ""]]
    assert second.rows == [["p2", "Bob", "b@c.test", "2", "disabled", *shown, ""]]
    assert third.rows == [["practitioner", "p9", *shown]]
