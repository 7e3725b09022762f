"""Delicate health information on the whole road: decided, redacted, left out, not kept, and read again when it is wanted."""

import gzip
import json
from typing import Any

import pytest
from azure.storage.blob import ContainerClient

from tests.e2e.clinic import Export, Row
from tests.e2e.road import Road
from tests.e2e.system import System

CANARY = "Quetzalcoatlus"


@pytest.fixture(scope="module")
def road(system: System, export: Export) -> Road:
    """A source with a marked value in every encounter's note, and a file nobody knows, read and proposed."""

    def mark(rows: list[dict[str, str]]) -> None:
        for row in rows:
            row["note_html"] = f"<p>{CANARY}</p>"

    def orphan(rows: list[dict[str, str]]) -> None:
        rows.append(rows[0] | {"policy_id": "POL-LOST", "patient_id": "nobody", "payer_id": "X", "deleted": "0"})

    export.change("encounters.csv", mark)
    export.change("insurance_policies.csv", orphan)
    (export.folder / "lab_orders.csv").write_text("order,patient,test\n1,P1,HbA1c\n2,P1,TSH\n3,P2,TSH\n")
    one = Road(system)
    one.upload(export.folder)
    one.step("scope")
    return one


def test_nothing_is_confirmed_while_a_delicate_field_is_undecided(road: Road) -> None:
    shown = road.get("map")
    asked = {"hash": shown["hash"], "controlled": "include", "phi": {"ssn": "redact"}}
    error = road.refused("confirm", **asked)
    assert error["code"] == "phi_undecided" and "encounter.note_html" in error["message"]
    assert "patient.ssn" not in error["message"]
    assert {one["phi"] for one in shown["undecided"]} == {"ssn", "clinical_note"}


def test_a_dataset_that_feeds_nothing_is_counted_and_needs_a_reason(road: Road) -> None:
    shown = road.get("map")
    assert shown["unmarked"] == ["lab_orders"]
    assert shown["map"]["out_of_scope"]["allergies"]  # the profile says why
    phi = {"ssn": "redact", "clinical_note": "redact"}
    error = road.refused("confirm", hash=shown["hash"], controlled="include", phi=phi)
    assert error["code"] == "scope_undecided" and "lab_orders" in error["message"]
    assert "allergies" not in error["message"]
    assert road.get("summary")["datasets"]["lab_orders"] == {"rows": 3, "fed": 0, "merged": 0, "excluded": 3}
    left = {row["Dataset"]: row for row in road.table("scope", "Not migrated")}
    assert (left["lab_orders"]["Rows"], left["lab_orders"]["Said by"]) == (3, "nobody yet")
    assert "lab_orders.csv" not in {row["File"] for row in road.table("scope", "Files nobody knows")}


def test_what_is_left_out_is_not_kept_and_what_is_redacted_lands_as_a_mark(road: Road, system: System) -> None:
    assert CANARY in staged(road)
    road.confirm(phi={"ssn": "redact", "clinical_note": "leave_out"})
    assert road.get("map")["map"]["out_of_scope"]["lab_orders"] == "Not wanted."
    road.step("prepare")
    assert CANARY not in staged(road)
    road.step("sample")
    numbers = {row["governmentid"] for row in system.rows("contact")}
    assert numbers == {None, "[redacted]"}
    assert all(row["cms_clinicalnotes"] is None for row in system.rows("cms_clinicencounter"))
    left = [row for row in diff(road) if row["Field"] == "note_html"]
    assert left and {row["Verdict"] for row in left} == {"not migrated"}
    assert CANARY not in json.dumps(left)


def test_a_field_that_was_left_out_is_read_again_when_somebody_wants_it(road: Road, system: System) -> None:
    place = next(
        f"encounter.{number}.{index}"
        for number, route in enumerate(road.get("map")["map"]["objects"]["encounter"]["routes"])
        for index, one in enumerate(route["fields"])
        if one["source"] == "note_html"
    )
    wanted = {"field": place, "source": "note_html", "action": "review", "review": "migrate"}
    road.post("map/fields", edits=[wanted])
    assert road.refused("steps/sample")["next"] == "confirm"
    road.confirm()
    road.step("prepare")
    road.step("sample")
    notes = {row["cms_clinicalnotes"] for row in system.rows("cms_clinicencounter")}
    assert notes == {CANARY}
    assert not [row for row in diff(road) if row["Verdict"] == "differs"]


def test_a_policy_whose_patient_is_missing_is_in_the_sample_and_in_its_proof(road: Road) -> None:
    """It hangs on nobody who could bring it, and counts in the proof with its exception's code."""
    lost = [row for row in diff(road) if row["Source id"] == "POL-LOST"]
    assert lost and {(row["Verdict"], row["Reason"]) for row in lost} == {("refused", "missing_parent")}
    proof = next(one for one in road.table("diff", "Four proofs") if one["Proof"].startswith("Insurance"))
    assert (proof["Of"] - proof["Proved"], proof["Verdict"]) == (1, "proved but for exceptions")
    assert proof["Why not"] == "missing_parent: 1"
    assert road.get()["unexplained"] == 0


def staged(road: Road) -> str:
    """All that lies in staging for this migration, as text."""
    storage = road.system.places().app_environment()["AzureWebJobsStorage"]
    with ContainerClient.from_connection_string(storage, "staging") as container:
        blobs = [container.download_blob(one).readall() for one in container.list_blob_names(name_starts_with=road.id)]
    return " ".join(
        (gzip.decompress(one) if one[:2] == b"\x1f\x8b" else one).decode("utf-8", "replace") for one in blobs
    )


def diff(road: Road) -> list[dict[str, Any]]:
    """The rows of the field-level diff."""
    return road.table("diff", "Fields")


def test_what_only_grows_leaves_the_confirmation_and_a_changed_field_voids_it(
    road: Road, system: System, export: Export
) -> None:
    confirmed = road.get()

    def offer_yoga(rows: list[Row]) -> None:
        next(row for row in rows if row["type"] and row["type"] != "Blocked")["type"] = "Yoga"

    export.change("appointments.csv", offer_yoga)
    road.upload(export.folder)
    said = road.step("scope")["message"]
    assert "what was confirmed stands" in said
    changes = {row["What"]: row for row in road.table("scope", "What changed since the last source")}
    assert list(changes) == ["new choice values"] and changes["new choice values"]["Now"] == "Yoga"
    grown = road.get()
    assert grown["confirmed_hash"] == grown["map_hash"] != confirmed["map_hash"]
    assert (grown["state"], grown["confirmed_by"], grown["signed_hash"]) == ("confirmed", "tester", None)
    road.step("prepare")
    options = [
        option["Label"]["UserLocalizedLabel"]["Label"]
        for option in picklist(system, "cms_clinicappointment", "cms_appointmenttype")
    ]
    assert "Yoga" in options

    def new_property(rows: list[Row]) -> list[Row]:
        return [*rows, {**rows[0], "row_id": "new-1", "property": "favourite_nurse", "value": "Rosa"}]

    export.change("custom_properties.csv", new_property)
    road.upload(export.folder)
    assert "needs a new confirmation" in road.step("scope")["message"]
    assert road.get()["confirmed_hash"] is None
    changes = {row["What"]: row for row in road.table("scope", "What changed since the last source")}
    assert changes["mapped field"]["Where"].startswith("patient.properties.")
    assert road.refused("steps/prepare")["next"] == "confirm"


def picklist(system: System, table: str, column: str) -> list[dict[str, Any]]:
    """The options of a choice in the target."""
    path = (
        f"EntityDefinitions(LogicalName='{table}')/Attributes(LogicalName='{column}')"
        "/Microsoft.Dynamics.CRM.PicklistAttributeMetadata"
    )
    answer = system.api("GET", path, params={"$expand": "OptionSet,GlobalOptionSet"})
    one = answer.json()
    return list((one["OptionSet"] or one["GlobalOptionSet"])["Options"])
