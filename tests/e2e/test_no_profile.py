"""A known system taken for an unknown one: a profile and a map are proposed, and every record goes the whole road."""

import shutil
from pathlib import Path

from tests.e2e.clinic import Export
from tests.e2e.road import Road
from tests.e2e.system import System

DISPOSITIONS = ("migrated", "unchanged", "exported", "excepted", "excluded")


def test_a_profile_that_a_person_changed_is_what_the_source_is_read_by(system: System, export: Export) -> None:
    road = Road(system, "edited", profile="none")
    road.upload(export.folder)
    road.step("scope")
    text = road.get("profile")["yaml"]
    refused = system.refusal("PUT", f"{road.base}/profile", 409, json={"yaml": text.replace("datasets:", "datasetz:")})
    assert refused["code"] == "bad_profile"
    system.ask("PUT", f"{road.base}/profile", json={"yaml": text.replace("Proposed profile", "Lakeside's old system")})
    read = road.get()["snapshot"]
    road.step("scope")
    assert road.get()["snapshot"] != read
    assert "Lakeside's old system" in road.step("scope")["message"]  # nothing is read anew now


def test_what_the_proposal_left_out_is_decided_before_the_map_is_confirmed(
    system: System, export: Export, tmp_path: Path
) -> None:
    folder = shutil.copytree(export.folder, tmp_path / "export")
    road = Road(system, "left", profile="none")
    road.upload(folder)
    road.step("scope")
    shown = road.get("map")
    left = len(shown["left_behind"])
    reasons = dict.fromkeys(shown["unmarked"], "Not wanted.")
    phi = {"ssn": "migrate", "clinical_note": "migrate"}
    error = road.refused("confirm", hash=shown["hash"], controlled="include", phi=phi, out_of_scope=reasons)
    assert error["code"] == "fields_undecided"
    assert error["message"].startswith(f"{left} source fields would be left behind")
    road.confirm()
    lines = road.get("map/changes")["changes"]
    assert [line["by"] for line in lines if line["action"] == "accept"] == ["tester"] * left
    (folder / "locations.csv").open("a").write("\n")
    road.upload(folder)
    road.step("scope")
    assert road.get("map")["left_behind"] == []  # what was accepted is not asked anew


def test_without_a_profile_every_record_is_accounted_for_and_reads_back_as_mapped(
    system: System, export: Export
) -> None:
    road = Road(system, profile="none")
    road.to_migrated(export.folder)
    road.step("verify")
    summary = road.get("summary")
    assert summary["state"] == "verified"
    for name, one in summary["objects"].items():
        assert one["read"] == sum(one[key] for key in DISPOSITIONS), name
        assert one["fields_differing"] == 0, name
    counted = {"patient": "patients.csv", "encounter": "encounters.csv", "prescription": None, "claim": None}
    for name, file in counted.items():
        one = summary["objects"][name]
        assert one["migrated"] + one["exported"] > 0, name
        assert file is None or one["read"] == len(export.rows(file))
    for name, rows in summary["datasets"].items():
        assert rows["rows"] == rows["fed"] + rows["merged"] + rows["excluded"], name
    assert [one["File"] for one in road.table("scope", "Files nobody knows")] == ["old_billing.csv"]

    shown = road.get("profile")
    assert shown["own"] is True
    assert "patients:" in shown["yaml"]
    refused = system.refusal("PUT", f"{road.base}/profile", 409, json={"yaml": shown["yaml"]})
    assert refused["code"] == "already_migrated"
