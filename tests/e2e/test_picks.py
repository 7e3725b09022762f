"""An export nobody knows with a dataset that says little of itself: a person picks what it is, and it lands as that."""

import csv
import shutil
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.clinic import Export
from tests.e2e.road import Json, Road
from tests.e2e.system import System

#: The columns of the prescriptions as the badly named dataset has them: the proposal takes it for lines of claims.
SAID: Final = {
    "rx_id": "nr", "drug_name": "item", "rxnorm": "item_code", "dose": "how_much", "sig": "remarks",
    "frequency": "how_often", "quantity": "number", "refills": "again", "written_on": "day", "pharmacy": "shop",
    "controlled": "special", "prescriber_id": "by_whom",
}  # fmt: skip


@pytest.fixture
def misnamed(export: Export, tmp_path: Path) -> Path:
    """The export with its prescriptions as ``tbl_q.csv``."""
    folder = tmp_path / "clinic"
    shutil.copytree(export.folder, folder)
    with (folder / "prescriptions.tsv").open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file, delimiter="\t")
    (folder / "prescriptions.tsv").unlink()
    _write(folder / "tbl_q.csv", [[SAID.get(column, column) for column in header], *rows])
    return folder


def _write(path: Path, rows: list[list[str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


def _rows(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def _pick(road: Road, **datasets: Json) -> Json:
    answer = road.system.ask("PATCH", f"{road.base}/profile/datasets", json={"by": "tester", "datasets": datasets})
    return dict(answer)


def _refused(road: Road, status: int = 409, **datasets: Json) -> Json:
    asked = {"by": "tester", "datasets": datasets}
    return road.system.refusal("PATCH", f"{road.base}/profile/datasets", status, json=asked)


def _dataset(road: Road, name: str) -> Json:
    return next(one for one in road.get("profile")["datasets"] if one["name"] == name)


def test_a_dataset_lands_as_what_a_person_picked(system: System, misnamed: Path) -> None:
    road = Road(system, "picked", profile="none")
    road.upload(misnamed)
    assert _refused(road, tbl_q={"object": "prescription"})["code"] == "no_profile"
    road.step("scope")
    before = _dataset(road, "tbl_q")
    assert before["feeds"] == ["claim"] and before["taken"]["object"] == "claim" and not before["picked"]
    assert before["rows"] == len(_rows(misnamed / "tbl_q.csv")) - 1 and before["columns"] == 20

    # A person decides about a field of the map, and confirms it: neither is to be lost but where it has to be.
    fields = road.get("map")["map"]["objects"]["patient"]["routes"][0]["fields"]
    at = next(place for place, one in enumerate(fields) if one["source"] == "chart_color")
    edit = {"field": f"patient.0.{at}", "source": "chart_color", "action": "ignore", "reason": "Nobody uses it."}
    road.post("map/fields", edits=[edit])
    road.confirm()

    assert _refused(road, 404, tbl_z={"object": "claim"})["code"] == "not_found"
    assert "no object" in _refused(road, 400, tbl_q={"object": "pills"})["message"]
    assert "why tbl_q feeds nothing" in _refused(road, 400, tbl_q={"object": "none"})["message"]
    unlinked = _refused(road, workflow_rules={"object": "encounter"})
    assert unlinked["code"] == "bad_pick" and "workflow_rules cannot feed encounter: no column" in unlinked["message"]
    assert not road.get("profile")["outdated"]

    answer = _pick(
        road, tbl_q={"object": "prescription"}, immunizations={"object": "none", "reason": "In the archive."}
    )
    assert {"dataset": "tbl_q", "before": ["claim"], "after": ["prescription"]} in answer["changes"]
    assert _dataset(road, "tbl_q")["waits"] and road.get("profile")["outdated"]
    assert road.get()["confirmed_hash"]  # nothing has changed yet
    assert road.refused("confirm", hash=road.get()["map_hash"])["code"] == "picks_wait"
    road.step("scope")
    assert _dataset(road, "tbl_q")["feeds"] == ["prescription"] and not road.get("profile")["outdated"]
    assert road.get()["confirmed_hash"] is None
    shown = road.get("map")["map"]
    kept = next(one for one in shown["objects"]["patient"]["routes"][0]["fields"] if one["source"] == "chart_color")
    assert kept["status"] == "ignored" and kept["reason"] == "Nobody uses it."
    assert shown["out_of_scope"]["immunizations"] == "In the archive."

    # Another export: the pick stands, whoever reads it.
    rows = _rows(misnamed / "tbl_q.csv")
    _write(misnamed / "tbl_q.csv", [*rows, ["4711", *rows[-1][1:]]])
    road.upload(misnamed)
    road.step("scope")
    assert _dataset(road, "tbl_q")["feeds"] == ["prescription"] and _dataset(road, "tbl_q")["picked"]["by"] == "tester"

    road.confirm()
    road.step("prepare")
    road.step("sample")
    assert _refused(road, tbl_q={"object": "claim"})["code"] == "already_written"
    road.sign_off()
    road.run()
    counted = road.get("summary")["objects"]["prescription"]
    landed = [one for one in system.rows("cms_clinicprescription") if one["cms_sourcekey"].startswith("picked.")]
    assert len(landed) == counted["migrated"] > 0 and counted["read"] == len(rows)
    said = {row[rows[0].index("item")] for row in rows[1:]}
    assert {one["cms_medicationname"] for one in landed} <= said
    assert _refused(road, tbl_q={"object": "claim"})["code"] == "already_migrated"


def test_nothing_is_picked_for_a_known_system_or_in_a_profile_that_a_person_wrote(
    system: System, export: Export, misnamed: Path
) -> None:
    known = Road(system, "known-picks")
    known.upload(export.folder)
    known.step("scope")
    refused = _refused(known, patients={"object": "staff"})
    assert refused["code"] == "known_system" and "sample_clinic is a known system" in refused["message"]

    written = Road(system, "written-picks", profile="none")
    written.upload(misnamed)
    written.step("scope")
    _pick(written, tbl_q={"object": "prescription"})
    text = written.get("profile")["yaml"].replace("Proposed profile", "Lakeside's old system")
    system.ask("PUT", f"{written.base}/profile", json={"yaml": text})
    assert _refused(written, tbl_q={"object": "claim"})["code"] == "own_profile"
    # What a person wrote is what counts, not what was picked before.
    written.step("scope")
    assert _dataset(written, "tbl_q")["feeds"] == ["claim"]
