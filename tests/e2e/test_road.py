"""The whole road of one small clinic: every gate, every count, every field, twice the same, and back to nothing."""

import base64
import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from azure.data.tables import TableClient, UpdateMode

from mapping.objects import OBJECTS
from tests.e2e import dumps
from tests.e2e.clinic import Export
from tests.e2e.road import TARGET, Json, Road
from tests.e2e.system import System

DISPOSITIONS = ("migrated", "unchanged", "exported", "excepted", "excluded")
LANDED = ("migrated", "unchanged", "exported")

#: A referral's status in the source, and the state of the opportunity; any other is open.
STATE_OF = {"Won": 1, "Completed": 1, "Lost": 2, "Declined": 2}

#: Where each object's records land.
TABLES_OF = {
    "location": ("account",), "insurance": ("cms_clinicinsurance",), "appointment": ("cms_clinicappointment",),
    "encounter": ("cms_clinicencounter",), "prescription": ("cms_clinicprescription",), "document": ("annotation",),
    "referral": ("opportunity", "cms_clinicreferral"),
}  # fmt: skip


@dataclass
class Story:
    """What was seen along the road."""

    road: Road
    export: Export
    refused: dict[str, Json] = field(default_factory=dict)
    documents: dict[str, Json] = field(default_factory=dict)
    states: dict[str, Json] = field(default_factory=dict)
    tables: dict[str, list[Json]] = field(default_factory=dict)  #: of the sample's diff
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    claims: dict[str, bytes] = field(default_factory=dict)
    after_second_run: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    audit: list[Json] = field(default_factory=list)


@pytest.fixture(scope="module")
def story(system: System, export: Export) -> Story:
    """The road, walked once, with a look at everything on the way."""
    road = Road(system, plan="sales_professional", seats=12, renewal="2027-01-31")
    seen = Story(road, export)
    for step in ("scope", "prepare", "sample", "run", "delta", "verify", "rollback", "plan"):
        if step != "scope":
            seen.refused[f"created: {step}"] = road.refused(f"steps/{step}")
    seen.refused["created: confirm"] = road.refused("confirm", hash="", controlled="include")
    road.upload(export.folder)
    road.step("scope")

    shown = road.get("map")
    seen.refused["mapped: prepare"] = road.refused("steps/prepare")
    seen.refused["mapped: undecided"] = road.refused("confirm", hash=shown["hash"])
    seen.refused["mapped: another hash"] = road.refused("confirm", hash="0" * 64)
    road.confirm()
    confirmed = road.get("map")
    changed = json.loads(json.dumps(confirmed["map"]))
    first = changed["objects"]["patient"]["routes"][0]["fields"]
    next(one for one in first if one["source"] == "middle_name")["status"] = "ignored"
    system.ask("PUT", f"{road.base}/map", json={"by": "tester", "map": changed})
    seen.states["after a changed map"] = road.get()
    seen.refused["changed map: prepare"] = road.refused("steps/prepare")
    system.ask("PUT", f"{road.base}/map", json={"by": "tester", "map": confirmed["map"]})
    seen.refused["put back: prepare"] = road.refused("steps/prepare")
    road.confirm()

    seen.refused["confirmed: sample"] = road.refused("steps/sample")
    road.step("prepare")
    seen.counts["prepared"] = system.counts()
    road.step("sample")
    seen.counts["sampled"] = system.counts()
    seen.tables = {one["title"]: one["rows"] for one in road.report("diff")["tables"]}
    seen.refused["sampled: run"] = road.refused("steps/run", target=TARGET)
    hash = road.get()["map_hash"]
    seen.refused["sampled: another sample"] = road.refused("sign-off", hash=hash, sample="sample-9999")
    seen.refused["sampled: another map"] = road.refused("sign-off", hash="0" * 64, sample=road.get()["sample_run"])
    road.sign_off()
    road.step("plan")
    seen.counts["planned"] = system.counts()
    seen.refused["signed: no target"] = road.refused("steps/run")
    seen.refused["signed: another target"] = road.refused("steps/run", target="Lakeside Family")
    seen.states["signed"] = road.get()

    road.run()
    seen.refused["migrated: scope"] = road.refused("steps/scope")
    seen.refused["migrated: map"] = system.refusal("PUT", f"{road.base}/map", json={"by": "tester", "map": changed})
    seen.refused["migrated: close"] = road.refused("close", typed=road.id)
    road.step("verify")
    seen.refused["verified: close unread"] = road.refused("close", typed="")
    seen.refused["verified: close"] = road.refused("close", typed=road.id)
    seen.documents["verified"] = road.get("summary")
    seen.states["verified"] = road.get()
    seen.counts["verified"] = system.counts()
    seen.claims = _claims(system, road)

    seen.rows = dumps.whole(system)
    road.run()
    seen.after_second_run = dumps.whole(system)
    seen.documents["second run"] = road.get("summary")
    seen.documents["preview"] = road.post("steps/rollback", preview=True)
    seen.counts["previewed"] = system.counts()
    seen.documents["rollback"] = road.rollback()
    seen.counts["rolled back"] = system.counts()
    seen.states["rolled back"] = road.get()
    seen.documents["audit"] = road.get("audit/verify")
    seen.audit = road.audit()
    return seen


def _claims(system: System, road: Road) -> dict[str, bytes]:
    """The files of the latest export, by name, as the API gives them."""
    listed = road.get("claims")["claims"]
    files = [one for one in listed if one["run"] == listed[0]["run"]]
    asked = {"reveal": "billing", "by": "tester"}
    content = {
        one["name"]: system.call("GET", f"{road.base}/claims/{one['run']}/{one['name']}", params=asked) for one in files
    }
    return {name: answer.content for name, answer in content.items()}


# -- counts --------------------------------------------------------------------------------------------------------


def test_twelve_objects_are_read_and_each_record_has_one_disposition(story: Story) -> None:
    objects = story.documents["verified"]["objects"]
    assert set(objects) == set(OBJECTS)
    assert len(objects) == 12
    for name, one in objects.items():
        assert one["read"] == sum(one[key] for key in DISPOSITIONS), name
        assert one["read"] == story.export.manifest["objects"][name]["records"], name


def test_what_the_generator_calls_ready_lands(story: Story) -> None:
    """What is left out is left out for the reasons the generator planted; staff without a user are exceptions."""
    objects = story.documents["verified"]["objects"]
    for name, expected in story.export.manifest["objects"].items():
        left_out = sum(rows for reason, rows in expected["by"].items() if reason != "ready")
        assert objects[name]["excluded"] == left_out, name
        if name != "staff":
            assert sum(objects[name][key] for key in LANDED) == expected["by"]["ready"], name
            assert objects[name]["excepted"] == 0, name
    assert objects["claim"]["exported"] == objects["claim"]["read"] > 0
    assert 0 < objects["staff"]["excepted"] < objects["staff"]["read"]


def test_each_dataset_is_fed_merged_or_excluded_as_the_manifest_says(story: Story) -> None:
    found = story.documents["verified"]["datasets"]
    expected = story.export.manifest["datasets"]
    assert set(found) == set(expected)
    for name, one in found.items():
        kinds = dict.fromkeys(("fed", "merged", "excluded"), 0)
        for account, rows in expected[name]["accounts"].items():
            kinds[account.partition(":")[0]] += rows
        assert one == {"rows": expected[name]["rows"], **kinds}, name


def test_the_target_holds_what_the_summary_says(story: Story) -> None:
    objects, counts = story.documents["verified"]["objects"], story.counts["verified"]
    for name, tables in TABLES_OF.items():
        assert sum(counts.get(table, 0) for table in tables) == objects[name]["migrated"], name
    # One person is a patient and a practitioner: two records, one contact.
    people = objects["patient"]["migrated"] + objects["practitioner"]["migrated"]
    assert counts["contact"] == people - 1


def test_nothing_differs_and_everything_was_read_back(story: Story) -> None:
    objects = story.documents["verified"]["objects"]
    for name, one in objects.items():
        assert one["fields_differing"] == 0, name
        if name not in ("staff", "claim"):
            assert one["fields_verified"] >= one["migrated"] > 0, name
    assert story.states["verified"]["reconciliation"] == "clean"


def test_the_sample_is_proved_and_says_what_it_covers(story: Story) -> None:
    """Read back from the target, against the source; what did not land is there with its reason."""
    proofs = {one["Proof"]: one for one in story.tables["Four proofs"]}
    assert len(proofs) == 4
    for one in proofs.values():
        assert (one["Verdict"], one["Proved"] == one["Of"] > 0) == ("proved", True)
    assert story.tables["Findings"] == []
    left_out = {(one["Object"], one["Reason"]) for one in story.tables["Records that did not land"]}
    assert ("insurance", "no_insurance") in left_out
    assert all(one["Reason"] for one in story.tables["Fields"] if one["Verdict"] == "refused")
    kinds = {(one["Object"], one["Kind"], one["Value"]) for one in story.tables["In the sample"]}
    assert {("insurance", "set-up primary", ""), ("appointment", "cms_status is", "No-show")} <= kinds
    assert {one["Why"] for one in story.tables["Not in the sample"]} <= {
        "in the map; no record that was looked at shows it", "in the data, but with no patient of the sample",
    }  # fmt: skip
    signed = story.states["signed"]
    assert (signed["signed_version"], signed["unexplained"]) == (signed["map_version"], 0)
    assert signed["signed_counts"]["fields"] == len(story.tables["Fields"])


def test_the_sample_and_the_plan(story: Story) -> None:
    """Nothing is there before the sample; the sample stays; the plan writes nothing."""
    assert story.counts["prepared"] == {}
    assert story.counts["sampled"]["contact"] >= 16
    assert story.counts["planned"] == story.counts["sampled"]
    facts = story.road.report("diff")["facts"]
    assert facts["Differ"] == "0"
    assert [one["Verdict"] for one in story.road.table("diff", "Four proofs")] == ["proved"] * 4
    assert int(facts["Rehearsed undo"].replace(",", "")) == sum(story.counts["sampled"].values())


def test_reports_are_there_in_three_forms(story: Story) -> None:
    listed = {one["name"]: one["formats"] for one in story.road.get("reports")["reports"]}
    expected = {
        "scope", "map", "owners", "preflight", "forecast", "diff", "exceptions", "manual-upload", "reconciliation",
        "rollback", "rebuild-inventory", "drugs", "cutover-checklist",
    }  # fmt: skip
    assert expected <= set(listed)
    assert listed.pop("evidence") == ["csv", "html", "json", "pdf"]
    assert all(formats == ["csv", "html", "json"] for formats in listed.values())
    page = story.road.system.call("GET", f"{story.road.base}/reports/reconciliation.html")
    assert "<title>Reconciliation" in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")


def test_the_evidence_adds_up_and_is_a_file_to_keep(story: Story) -> None:
    records = story.road.table("evidence", "Records")
    assert {row["Sum"] for row in records} == {"adds up"}
    assert sum(row["Read"] for row in records) > 0
    assert story.road.report("evidence")["facts"]["Audit log"] == "whole"
    file = story.road.system.call("GET", f"{story.road.base}/reports/evidence.pdf")
    assert (file.headers["content-type"], file.content[:5]) == ("application/pdf", b"%PDF-")


# -- gates ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "code"),
    [
        ("created: prepare", "out_of_order"),
        ("created: sample", "out_of_order"),
        ("created: run", "out_of_order"),
        ("created: delta", "out_of_order"),
        ("created: verify", "out_of_order"),
        ("created: plan", "out_of_order"),
        ("created: rollback", "nothing_written"),
        ("created: confirm", "no_map"),
        ("mapped: prepare", "out_of_order"),
        ("mapped: undecided", "controlled_undecided"),
        ("changed map: prepare", "out_of_order"),
        ("put back: prepare", "out_of_order"),
        ("confirmed: sample", "out_of_order"),
        ("sampled: run", "out_of_order"),
        ("sampled: another sample", "sample_outdated"),
        ("sampled: another map", "map_changed"),
        ("signed: no target", "wrong_target"),
        ("signed: another target", "wrong_target"),
        ("migrated: scope", "already_migrated"),
        ("migrated: map", "already_migrated"),
        ("migrated: close", "out_of_order"),
        ("verified: close unread", "not_acknowledged"),
        ("verified: close", "delta_window_open"),
    ],
)
def test_a_step_out_of_order_is_refused_with_the_reason(story: Story, moment: str, code: str) -> None:
    error = story.refused[moment]
    assert error["code"] == code
    assert error["message"].endswith(".")
    assert " " in error["message"]


def test_a_map_that_was_not_read_cannot_be_confirmed(story: Story) -> None:
    assert story.refused["mapped: another hash"]["code"] in ("map_changed", "controlled_undecided")


def test_a_changed_map_voids_the_confirmation(story: Story) -> None:
    changed = story.states["after a changed map"]
    assert changed["state"] == "mapped"
    assert changed["confirmed_by"] is None


def test_who_decided_is_kept(story: Story) -> None:
    signed = story.states["signed"]
    assert signed["confirmed_by"] == signed["signed_by"] == "tester"
    assert signed["confirmed_hash"] == signed["signed_hash"] == signed["map_hash"]


# -- rows ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def source(export: Export) -> dict[str, list[dict[str, str]]]:
    """The CSV files of the export, read by another program than the product's."""
    read = {}
    for path in export.folder.glob("*.csv"):
        with path.open(newline="", encoding="utf-8-sig") as file:
            read[path.stem] = list(csv.DictReader(file))
    return read


def test_patients_arrive_as_they_were(story: Story, source: dict[str, list[dict[str, str]]]) -> None:
    contacts = {row["cms_sourcepatientid"]: row for row in story.rows["contact"] if row["cms_sourcepatientid"]}
    assert contacts.keys() == {one["patient_id"] for one in source["patients"]}
    for one in source["patients"]:
        row = contacts[one["patient_id"]]
        assert row["cms_sourcemrn"] == one["mrn"]  # leading zeros
        assert row["lastname"] == one["last_name"]
        assert row["address1_postalcode"] == (one["zip"] or None)
        if not one["linked_person_id"]:
            assert row["cms_sourcekey"] == f"clinic.patient.{one['patient_id']}"


def test_the_original_creation_time_stands_on_the_system_column(
    story: Story, source: dict[str, list[dict[str, str]]]
) -> None:
    contacts = {row["cms_sourcepatientid"]: row for row in story.rows["contact"]}
    shared = [row for row in story.rows["contact"] if row["cms_sourcekey"].startswith("clinic.practitioner.")]
    theirs = {row["contactid"] for row in shared}
    checked = 0
    for one in source["patients"]:
        row = contacts[one["patient_id"]]
        if row["contactid"] in theirs:
            continue  # a shared contact keeps the creation time of whichever record came first
        assert _moment(row["createdon"]) == _moment(one["created_at"])
        assert _moment(row["overriddencreatedon"]) > _moment(row["createdon"])
        checked += 1
    assert checked >= 14


def test_lookups_lead_to_the_rows_they_led_to_in_the_source(
    story: Story, source: dict[str, list[dict[str, str]]]
) -> None:
    ids = {
        row["cms_sourcekey"]: row[f"{table}id"]
        for table in ("contact", "account", "cms_clinicappointment")
        for row in story.rows[table]
    }
    patients = {row["cms_sourcepatientid"]: row["contactid"] for row in story.rows["contact"]}
    appointments = {row["cms_sourcekey"]: row for row in story.rows["cms_clinicappointment"]}
    checked = 0
    for one in source["appointments"]:
        row = appointments.get(f"clinic.appointment.{one['appointment_id']}")
        if row is None:
            continue
        assert row["cms_patient"] == patients[one["patient_id"]]
        assert row["cms_location"] == ids[f"clinic.location.{one['location_id']}"]
        if practitioner := ids.get(f"clinic.practitioner.{one['provider_id']}"):
            assert row["cms_practitioner"] == practitioner
            checked += 1
    assert checked > 20
    satellites = [row for row in story.rows["account"] if row.get("parentaccountid")]
    assert satellites
    assert {row["parentaccountid"] for row in satellites} <= {row["accountid"] for row in story.rows["account"]}


def test_owners_are_enabled_users_of_the_right_rule(story: Story, source: dict[str, list[dict[str, str]]]) -> None:
    """An appointment belongs to its practitioner's user, whether or not that one still works at the clinic; where the user
    cannot own it, to the next rule's. The report tells as much of each practitioner."""
    system = story.road.system
    users = {row["systemuserid"]: row for row in system.rows("systemuser")}
    by_mail = {row["internalemailaddress"]: row for row in users.values() if row.get("internalemailaddress")}
    mails = {one["provider_id"]: one["work_email"] for one in source["providers"]}
    for table in ("contact", "account", "cms_clinicappointment", "cms_clinicencounter", "opportunity"):
        for row in story.rows[table]:
            assert not users[row["ownerid"]]["isdisabled"], table
    appointments = {row["cms_sourcekey"]: row for row in story.rows["cms_clinicappointment"]}
    checked = 0
    told = {row["practitioner"]: row for row in story.road.get("owners")["practitioners"]}
    for one in source["appointments"]:
        made = appointments.get(f"clinic.appointment.{one['appointment_id']}")
        user = by_mail.get(mails.get(one["provider_id"], ""))
        if made is not None and user is not None and not user["isdisabled"]:
            assert made["ownerid"] == user["systemuserid"]
            assert told[one["provider_id"]]["match"] == "found"
            assert told[one["provider_id"]]["decision"] == "owns the rows"
            checked += 1
    assert checked > 20
    assert sum(row["objects"].get("appointment", 0) for row in told.values()) >= checked
    assert all(row["decision"] and row["by"] for row in (*told.values(), *story.road.get("owners")["owners"]))


def test_referrals_with_money_become_opportunities_won_and_lost(
    story: Story, source: dict[str, list[dict[str, str]]]
) -> None:
    deals = {row["cms_sourcekey"]: row for row in story.rows["opportunity"]}
    with_money = [one for one in source["referrals"] if Decimal(one["amount"] or 0) > 0 and one["deleted"] != "1"]
    assert deals.keys() == {f"clinic.referral.{one['referral_id']}" for one in with_money}
    closed = {row["opportunityid"]: row for row in story.rows.get("opportunityclose", [])}
    states = set()
    for one in with_money:
        row = deals[f"clinic.referral.{one['referral_id']}"]
        assert Decimal(str(row["estimatedvalue"])) == Decimal(one["amount"])
        assert row["statecode"] == STATE_OF.get(one["status"], 0), one["status"]
        assert (row["opportunityid"] in closed) == bool(row["statecode"])
        states.add(row["statecode"])
    assert len(states) > 1


def test_documents_keep_name_type_content_and_time(story: Story, source: dict[str, list[dict[str, str]]]) -> None:
    notes = {row["notetext"].rpartition("clinic.document.")[2]: row for row in story.rows["annotation"]}
    assert notes
    for one in source["documents_index"]:
        row = notes[one["document_id"]]
        assert row["filename"] == one["file_name"]
        assert row["mimetype"] == one["content_type"]
        assert base64.b64decode(row["documentbody"]) == (story.export.folder / one["file_path"]).read_bytes()
        assert _moment(row["createdon"]) < datetime(2026, 1, 1, tzinfo=UTC)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


# -- claims --------------------------------------------------------------------------------------------------------


def test_claims_leave_as_files_whose_sums_are_the_source_s(story: Story) -> None:
    lines = (story.export.folder / "claims.ndjson").read_text().splitlines()
    claims = [one for one in map(json.loads, lines) if not one["deleted"]]
    manifest = json.loads(story.claims["manifest.json"])
    assert manifest["exported"] == len(claims)
    expected = {
        "claim_lines": sum(Decimal(str(line["charge"])) for one in claims for line in one["lines"]),
        "claim_payments": sum(Decimal(str(paid["amount"])) for one in claims for paid in one["payments"]),
        "claim_adjustments": sum(Decimal(str(less["amount"])) for one in claims for less in one["adjustments"]),
    }
    assert {name: Decimal(value) for name, value in manifest["sums"].items()} == expected
    rows = {name: list(csv.DictReader(io.StringIO(story.claims[f"{name}.csv"].decode()))) for name in expected}
    assert sum(Decimal(row["charge"]) for row in rows["claim_lines"]) == expected["claim_lines"]
    assert sum(Decimal(row["amount"]) for row in rows["claim_payments"]) == expected["claim_payments"]
    nested = {one["claim_id"]: one for one in json.loads(story.claims["claims.json"])}
    for one in claims:
        kept = nested[one["claimId"]]
        assert len(kept["status_history"]) == len(one["history"])
        assert len(kept["payments"]) == len(one["payments"])
        assert kept["patient_source_key"] == f"clinic.patient.{one['patientId']}"


def test_billing_that_nobody_knows_leaves_as_it_is_with_a_dictionary(story: Story) -> None:
    [raw] = json.loads(story.claims["manifest.json"])["raw"]
    assert raw["name"] == "old_billing.csv"
    assert story.claims[raw["file"]] == (story.export.folder / "old_billing.csv").read_bytes()
    assert list(csv.DictReader(io.StringIO(story.claims["data-dictionary.csv"].decode()))) == [
        {"file": raw["file"], "column": column, "rows": "2", "filled": filled, "longest": longest}
        for column, filled, longest in (("invoice", "2", "2"), ("amount", "1", "5"), ("memo", "1", "12"))
    ]


def test_the_scope_names_the_ten_warnings_and_the_odd_files(story: Story) -> None:
    warnings = {row["Warning"]: row for row in story.road.table("scope", "Warnings")}
    assert len(warnings) == 10
    applies = {id for id, row in warnings.items() if row["State"] == "applies"}
    assert applies == {
        "no_public_api", "billing_proprietary", "custom_fields_vary", "unstructured_documents", "schedule_templates",
        "price_at_renewal",
    }  # fmt: skip
    assert "12 seats" in warnings["price_at_renewal"]["What"]
    assert {row["File"] for row in story.road.table("scope", "Files nobody knows")} == {"old_billing.csv"}
    look = {row["Document or file"]: row["Reason"] for row in story.road.table("manual-upload", "To look at")}
    assert {name for name, what in look.items() if what == "no_index"} == {
        path.relative_to(story.export.folder).as_posix() for path in story.export.folder.rglob("unfiled/*")
    }


# -- again, and back -----------------------------------------------------------------------------------------------


def test_a_second_run_writes_nothing(story: Story) -> None:
    """Version numbers and modification times are those of the first run."""
    assert story.after_second_run == story.rows
    first, second = story.documents["verified"]["objects"], story.documents["second run"]["objects"]
    for name in OBJECTS:
        assert [second[name][key] for key in ("read", *DISPOSITIONS)] == [
            first[name][key] for key in ("read", *DISPOSITIONS)
        ]


def test_a_preview_writes_nothing_and_says_what_a_rollback_takes_back(story: Story) -> None:
    assert story.counts["previewed"] == story.counts["verified"]
    assert story.documents["preview"]["edited"] == {} and story.documents["preview"]["seconds"] >= 0
    preview = story.documents["preview"]["objects"]
    rows = sum(len(some) for table, some in story.rows.items() if table != "opportunityclose")
    assert sum(one["delete"] for one in preview.values()) == rows


def test_the_rollback_empties_the_target(story: Story) -> None:
    assert story.counts["rolled back"] == {}
    rows = sum(len(some) for some in story.rows.values())
    assert story.documents["rollback"] == {"deleted": rows, "restored": 0, "kept": 0, "left": 0}
    assert story.states["rolled back"]["state"] in ("confirmed", "prepared")
    assert story.states["rolled back"]["written"] is False


def test_the_audit_log_is_whole_and_names_every_row(story: Story) -> None:
    assert story.documents["audit"]["findings"] == []
    assert story.documents["audit"]["whole"] is True
    assert story.documents["audit"]["rows"] == len(story.audit)
    created = {row["row_id"] for row in story.audit if row["operation"] == "create"}
    deleted = {row["row_id"] for row in story.audit if row["operation"] == "delete"}
    standing = {row[f"{table}id"] for table, some in story.rows.items() if table != "opportunityclose" for row in some}
    assert standing <= created
    assert created == deleted  # the sample's rehearsal included
    assert all(row["operator"] == "tester" and row["map_hash"] for row in story.audit)


@pytest.fixture
def audit_table(story: Story) -> Iterator[TableClient]:
    """The table itself, which only an administrator of the storage account could reach."""
    with TableClient.from_connection_string(story.road.system.places().storage, "audit") as table:
        yield table


def test_tampering_with_the_audit_log_is_found(story: Story, audit_table: TableClient) -> None:
    victim = next(row for row in story.audit if row["operation"] == "create" and row["RowKey"] > "00000001")
    key = {"PartitionKey": victim["PartitionKey"], "RowKey": victim["RowKey"]}
    kept = audit_table.get_entity(key["PartitionKey"], key["RowKey"])

    audit_table.update_entity({**kept, "source_id": "somebody-else"}, mode=UpdateMode.REPLACE)
    found = story.road.get("audit/verify")
    assert found["whole"] is False
    assert [(f["partition"], f["damage"]) for f in found["findings"]] == [(key["PartitionKey"], "edited")]

    audit_table.delete_entity(partition_key=key["PartitionKey"], row_key=key["RowKey"])
    found = story.road.get("audit/verify")
    assert {f["damage"] for f in found["findings"]} == {"removed"}

    audit_table.create_entity(dict(kept))
    assert story.road.get("audit/verify")["whole"] is True
