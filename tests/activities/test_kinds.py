"""What the sample is chosen for, what comes along, and what it says that it could not cover."""

from pathlib import Path
from typing import Any

import pytest

from activities.choose_sample import choose
from activities.kinds import expected
from activities.mapped import as_row, write_index
from ledger import duck
from ledger.chunks import write_records
from mapping.catalog import build_schema
from mapping.compile import compile_map
from mapping.model import ClinicMap
from tests.mapping.samples import OWNERS, RECORDS, a_map

Row = dict[str, Any]


class Clinic:
    """Records of a small clinic, by object and bucket; patients lie in bucket b0000, one in b0001 that is not looked at."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.map: ClinicMap = a_map(options={"ClinicInsurance.CoverageOrder": []})
        route = self.map.objects["insurance"].routes[0]
        order = route.fields[0].model_copy(update={"source": "order", "column": "CoverageOrder", "transform": "choice"})
        route.fields.append(order)
        self.records: dict[tuple[str, str], list[Row]] = {}
        for number in range(1, 4):
            self.add("practitioner", "once", _id=f"D{number}", first=f"Doctor {number}")
        self.add("location", "once", _id="L1", parent=None)
        self.add("location", "once", _id="L2", parent="L1")
        for number in range(1, 61):
            self.patient(f"P{number}")

    def add(self, name: str, bucket: str = "b0000", **record: Any) -> None:
        """A record of that object, as the sample one but for what is said."""
        self.records.setdefault((name, bucket), []).append(RECORDS[name] | record)

    def patient(self, id: str, bucket: str = "b0000", **record: Any) -> None:
        """A patient who shows nothing that others do not show."""
        usual: Row = {"first": "Eve", "home": None, "sex": "F", "status": "A", "properties": {}}
        self.add("patient", bucket, **({"_id": id, "_patient": id, "id": id} | usual | record))

    def choose(self, most: int = 100) -> tuple[Row, dict[str, list[Row]]]:
        """What was said of the sample, and its records by object."""
        schema = build_schema(self.map)
        compiled = compile_map(self.map, schema, OWNERS)
        for (name, bucket), records in self.records.items():
            chunk = f"{bucket}-00000"
            path = self.folder / "mapped" / name / f"{chunk}.ndjson.gz"
            rows = [as_row(compiled[name](one), chunk, pos, one.get("_patient")) for pos, one in enumerate(records)]  # type: ignore[index]
            write_records(path, rows)
            write_records(self.folder / "shaped" / name / f"{bucket}.ndjson.gz", records)
            (self.folder / "index" / name).mkdir(parents=True, exist_ok=True)
            write_index([path], self.folder / "index" / name / f"{bucket}.parquet")
            if bucket == "b0001":
                path.unlink()
                (self.folder / "shaped" / name / f"{bucket}.ndjson.gz").unlink()
        said = choose(self.folder, self.map, schema, {"b0000"}, most)
        with duck.cursor() as db:
            found = {}
            for path in (self.folder / "sample").iterdir():
                cursor = db.execute("SELECT * FROM read_parquet($path)", {"path": str(path)})
                names = [one[0] for one in cursor.description or []]
                found[path.stem] = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        return said, found


@pytest.fixture
def clinic(tmp_path: Path) -> Clinic:
    return Clinic(tmp_path)


def ids(rows: list[Row]) -> set[str]:
    return {row["source_id"] for row in rows}


def test_who_shows_something_of_their_own_is_in_the_sample(clinic: Clinic) -> None:
    """The longest and the shortest text, a custom field filled, an entry of a value map, a refusal."""
    clinic.patient("PL", first="Wolfeschlegelsteinhausen")
    clinic.patient("PS", first="E")
    clinic.patient("PC", properties={"Shoe size": "42"})
    clinic.patient("PV", sex="M")
    clinic.patient("PR", properties={"Shoe size": "big"})
    said, found = clinic.choose()
    assert {"PL", "PS", "PC", "PV", "PR"} <= ids(found["patient"])
    assert {
        "patient firstname longest", "patient firstname shortest", "patient cms_shoesize", "patient cms_shoesize empty",
        "patient gendercode made from\tM", "patient gendercode is\tMale", "patient transform choice",
        "patient refused not_number properties.Shoe size",
    } <= set(said["covered"])  # fmt: skip
    assert said["patients"] == 50
    assert (said["looked_at"], said["of"]) == (65, 65)


def test_each_set_of_insurance_and_each_practitioner_is_in_the_sample(clinic: Clinic) -> None:
    for patient, orders in (("P1", ["Primary"]), ("P2", ["Primary", "Secondary"]), ("P3", ["Secondary", "Primary"])):
        for order in orders:
            clinic.add("insurance", _id=f"{patient}{order}", _patient=patient, patient=patient, order=order)
    for number in (1, 2):
        visit = {"_id": f"A{number}", "_patient": f"P{number}", "patient": f"P{number}"}
        clinic.add("appointment", **visit, _practitioner=f"D{number}", practitioner=f"D{number}")
    said, found = clinic.choose()
    sets = {kind for kind in said["covered"] if "set-up" in kind}
    assert sets == {"insurance set-up none", "insurance set-up primary", "insurance set-up primary + secondary"}
    assert {"practitioner demo.practitioner.D1", "practitioner demo.practitioner.D2"} <= set(said["covered"])
    assert ids(found["practitioner"]) == {"D1", "D2"}


def test_what_the_chosen_point_at_comes_along(clinic: Clinic) -> None:
    """A location brings its parent; nobody else's come."""
    clinic.patient("PH", home="L2")
    clinic.add("location", "once", _id="L9", parent=None)
    _, found = clinic.choose()
    assert ids(found["location"]) == {"L1", "L2"}
    assert "practitioner" not in found


def test_one_of_each_kind_that_cannot_land_comes_along(clinic: Clinic) -> None:
    """An orphan, a record without an id, one that names nobody, one that was deleted: none of them hangs on a patient."""
    lost = {"_patient": "P404", "patient": "P404"}
    for number in range(3):
        clinic.add("insurance", _id=f"I{number}", **lost)
    clinic.add("insurance", _id="", **lost)
    clinic.add("insurance", _id="", _patient="P405", patient="P405")
    clinic.add("insurance", _id="IN", _patient=None, patient="")
    clinic.add("appointment", _id="A0", _excluded="blocked_time", _patient=None, patient=None, practitioner="D3")
    clinic.patient("PX", _excluded="soft_deleted")
    clinic.add("insurance", _id="IX", _patient="PX", patient="PX")
    said, found = clinic.choose()
    assert len([one for one in found["insurance"] if one["source_id"] in {"I0", "I1", "I2", "IX"}]) == 1
    assert sorted(one["reason"] for one in found["insurance"] if one["status"] != "mapped") == [
        "missing_id",
        "missing_patient",
    ]
    assert [one["reason"] for one in found["appointment"]] == ["blocked_time"]
    assert "PX" in ids(found["patient"])
    assert {"insurance orphan of patient", "insurance excepted missing_id"} <= set(said["covered"])


def test_a_record_without_an_id_brings_no_others(clinic: Clinic) -> None:
    """They have one key, the empty one."""
    clinic.patient("PA", home="L2")  # surely chosen
    clinic.add("insurance", _id="", _patient="PA", patient="PA")
    for number in range(1, 61):
        clinic.add("encounter", _id="", _patient=f"P{number}", patient=f"P{number}", title=f"Nothing {number}")
    _, found = clinic.choose()
    assert len(found["insurance"]) == 1
    assert len(found["encounter"]) < 60


def test_what_could_not_be_covered_is_said(clinic: Clinic) -> None:
    """Kinds of patients who were not looked at, and what the map makes room for and nobody shows."""
    clinic.patient("PO", "b0001", status="gone")
    said, found = clinic.choose()
    assert "PO" not in ids(found["patient"])
    assert (said["looked_at"], said["of"]) == (60, 61)
    assert "patient refused unknown_value status" in said["not_covered"]
    unseen = set(said["not_seen"])
    assert {"patient gendercode made from\tM", "patient cms_hobbies", "patient cms_hobbies is\tChess"} <= unseen
    assert "patient firstname" not in unseen
    assert expected(clinic.map, build_schema(clinic.map)) <= {*said["covered"], *said["not_covered"], *unseen}


def test_a_smaller_sample_may_be_asked_for(clinic: Clinic) -> None:
    for number in range(80):
        clinic.patient(f"PR{number}", first=f"{'x' * number}")
    said, _ = clinic.choose(60)
    assert said["patients"] <= 60
