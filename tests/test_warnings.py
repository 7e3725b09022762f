"""The ten warnings: each is looked for where ``docs/reference/warnings.md`` says, and has words for whom it meets."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from activities.billing import billing_files
from activities.papers import Papers
from activities.prepare import _match
from activities.rows import Op, RowBuilder
from activities.unstructured import look
from activities.verify_chunk import _compare
from dataverse.auth import StaticToken
from dataverse.client import DataverseClient
from dataverse.preflight import Finding, PreflightSettings, preflight
from dataverse.users import User
from ledger.chunks import write_records
from local.dataverse.server import make_app
from mapping.catalog import build_schema
from mapping.describe import full_map
from mapping.model import ClinicMap
from mapping.schema import Schema
from reports.forecast import Work, forecast_report
from reports.prepare import owners_report
from reports.reconcile import manual_upload_report
from reports.scope import rebuild_report, scope_report
from reports.steps import delta_report
from reports.warnings import DAILY_REQUESTS, ODD, PROFESSIONAL_TABLES, WARNINGS, Seen, list_prices, warnings_of
from sources.profile import load_profile

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "warnings.md"
PROFILE = load_profile("sample_clinic")
NOTHING = Seen({}, custom_tables=7)


def said(id: str, seen: Seen) -> tuple[str, str]:
    """State and words of one warning."""
    return next((state, words) for name, state, words in warnings_of(seen) if name == id)


# -- all of them ---------------------------------------------------------------------------------------------------


def test_every_scope_report_has_a_row_for_each_of_the_ten() -> None:
    source = {"files": [], "documents": 0, "unknown_files": []}
    report = scope_report("m-00000000", PROFILE, source, NOTHING, {}, {})
    rows = next(table.rows for table in report.tables if table.title == "Warnings")
    assert [row[0] for row in rows] == list(WARNINGS)
    assert len(rows) == 10
    assert all(row[2].endswith(".") for row in rows)


def test_the_page_explains_each_and_says_where_it_is_checked() -> None:
    text = PAGE.read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| \[`(\w+)`\]\(#\w+\) \| ([\w, ]+) \|", text, re.MULTILINE))
    assert list(listed) == list(WARNINGS)
    for id, step in WARNINGS.items():
        assert step in listed[id].split(", "), id
        section = text.partition(f"\n## {id}\n")[2].partition("\n## ")[0]
        assert len(section.split()) > 30, id
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == set(ODD)


def test_what_was_not_checked_never_looks_good() -> None:
    states = {id: said(id, NOTHING)[0] for id in WARNINGS}
    for id in ("columns_before_write", "inactive_owner", "fifteen_tables"):
        assert states[id] == "checked in prepare"
    assert states["price_at_renewal"] == "not said"
    assert states["request_limits"] == "checked in plan"


# -- one by one ----------------------------------------------------------------------------------------------------


def test_no_public_api() -> None:
    state, words = said("no_public_api", NOTHING)
    assert state == "applies"
    assert "vendor" in words
    report = scope_report("m-00000000", PROFILE, {"files": [], "documents": 0, "unknown_files": []}, NOTHING, {}, {})
    abilities = {row[0] for table in report.tables if table.title == "What this source can do" for row in table.rows}
    assert {"List", "Count", "Changed since", "Deletes", "Ask the vendor for"} <= abilities


def test_billing_proprietary() -> None:
    names = ("old/Billing_2019.csv", "era_835_march.txt", "patients_extra.csv", "83500.csv", "photo.png", "Claims.xml")
    found = billing_files({"unknown_files": [{"name": name, "size": 1} for name in names]})
    assert found == ["old/Billing_2019.csv", "era_835_march.txt", "Claims.xml"]
    assert said("billing_proprietary", NOTHING)[0] == "does not apply"
    state, words = said("billing_proprietary", replace(NOTHING, records={"claim": 1200}, billing_files=2))
    assert state == "applies"
    assert "1,200 claims" in words
    assert "2 billing files" in words


def test_custom_fields_vary() -> None:
    assert said("custom_fields_vary", NOTHING)[0] == "does not apply"
    state, words = said("custom_fields_vary", replace(NOTHING, properties={"Veteran?": 40, "Household size": 2}))
    assert state == "applies"
    assert "2 custom properties with 42 values" in words
    drifted = replace(NOTHING, properties={"Veteran?": 40}, new_properties=1, lost_properties=2)
    assert "1 came and 2 went" in said("custom_fields_vary", drifted)[1]
    # And the drift: a later export brings a property that the confirmed map does not know.
    report = delta_report("m-00000000", "delta-0009", {}, {"Preferred nurse": 3})
    assert {fact.label: fact.value for fact in report.facts}["New custom properties"] == "1"
    assert report.tables[-1].rows == [("Preferred nurse", 3)]


def document(id: str, path: str | None, mime: str | None = None, **more: Any) -> dict[str, Any]:
    return {"_id": id, "_patient": "1", "path": path, "content_type": mime} | more


def test_unstructured_documents(tmp_path: Path) -> None:
    place = {"container": "drop", "blob": "b", "digest": "d"}
    papers = Papers(
        {
            name: {**place, "size": size}
            for name, size in (("a/good.pdf", 9), ("a/SCAN", 9), ("a/xray.png", 9), ("a/empty.pdf", 0), ("a/lost", 9))
        }
    )
    records = [
        document("1", "a/good.pdf", "application/pdf"),
        document("2", "a/SCAN"),
        document("3", "a/xray.png", "application/pdf"),
        document("4", "a/empty.pdf", "application/pdf"),
        document("5", "a/nowhere.pdf", "application/pdf"),
        document("6", None),
        document("7", "a/good.pdf", "application/pdf", _patient=None),
        document("8", "a/SCAN", _excluded="soft_deleted"),
    ]
    write_records(tmp_path / "document.ndjson.gz", records)
    seen = look(PROFILE, tmp_path / "document.ndjson.gz", papers)
    assert sorted(seen["odd"]) == [
        ("2", "no_extension"), ("3", "wrong_mime"), ("4", "zero_bytes"), ("5", "missing_file"), ("6", "no_file"),
        ("7", "no_patient"),
    ]  # fmt: skip
    assert set(seen["named"]) == {"a/good.pdf", "a/SCAN", "a/xray.png", "a/empty.pdf"}

    state, words = said("unstructured_documents", replace(NOTHING, documents=5, odd={"no_index": 1, "zero_bytes": 1}))
    assert state == "applies"
    assert "manual-upload" in words
    report = manual_upload_report("m-00000000", [], {}, {"odd": seen["odd"], "no_index": ["a/lost"]})
    look_at = {row[1]: row[2] for row in report.tables[1].rows}
    assert look_at["a/lost"] == "no_index"
    assert look_at["2"] == "no_extension"


def test_schedule_templates() -> None:
    accounts = {"schedule_templates": {"rows": 39}, "reminders": {"rows": 16}, "workflow_rules": {"rows": 0}}
    report = rebuild_report("m-00000000", PROFILE, accounts)
    rows = {row[0]: row for row in report.tables[0].rows}
    assert rows["Schedule templates"][1] == 39
    assert all(row[2] for row in rows.values())
    assert said("schedule_templates", NOTHING)[0] == "does not apply"
    state, words = said("schedule_templates", replace(NOTHING, rebuild={"Schedule templates": 39, "Workflows": 0}))
    assert state == "applies"
    assert "schedule templates: 39" in words
    assert "workflows" not in words


@pytest.fixture
async def target() -> AsyncIterator[DataverseClient]:
    """A new environment that nobody has prepared."""
    server = TestServer(make_app(":memory:", {"organization": {"name": "Test clinic"}}), host="127.0.0.1")
    await server.start_server()
    async with DataverseClient(str(server.make_url("/")), StaticToken("local")) as client:
        yield client
    await server.close()


def clinic_schema() -> Schema:
    """What the sample clinic's map needs of a target."""
    objects = {name: plain for name, plain in PROFILE.map.items() if name not in ("staff", "claim")}
    return build_schema(ClinicMap.model_validate({"system": "s", "profile": "p", "objects": objects}))


async def test_fifteen_tables(target: DataverseClient) -> None:
    many = PROFESSIONAL_TABLES + 1
    assert said("fifteen_tables", replace(NOTHING, custom_tables=many))[0] == "applies"
    assert said("fifteen_tables", replace(NOTHING, custom_tables=many, plan="sales_enterprise"))[0] == "does not apply"
    # Prepare counts those of the target, too.
    one = next(table for table in build_schema(full_map("new")).tables.values() if table.custom)
    tables = {f"T{n}": replace(one, plain=f"T{n}", logical=f"new_t{n}", schema_name=f"new_T{n}") for n in range(many)}
    found = await preflight({"app-1": target}, Schema("new", tables), PreflightSettings("sales_professional"))
    finding = next(one for one in found if one.code == "fifteen_tables")
    assert finding.severity == "error"
    assert str(PROFESSIONAL_TABLES) in finding.message
    for folding in ("Appointment activity", "one choice", "opportunities", "Sales Enterprise"):
        assert folding in finding.fix


def test_price_at_renewal() -> None:
    prices = list_prices()
    assert prices.source.startswith("https://www.microsoft.com/")
    assert set(prices.plans) == {"sales_professional", "sales_enterprise"}
    state, words = said("price_at_renewal", replace(NOTHING, plan="sales_enterprise", seats=10))
    assert state == "not said"
    assert "Say renewal date" in words
    assert str(prices.plans["sales_enterprise"].price) in words
    asked = replace(NOTHING, plan="sales_enterprise", seats=10, renewal=date(2027, 1, 31))
    state, words = said("price_at_renewal", asked)
    assert state == "applies"
    monthly = prices.plans["sales_enterprise"].price * 10
    assert f"{monthly:,} a month" in words
    assert f"{monthly * 12:,} a year" in words
    assert "2027-01-31" in words
    rise = (prices.plans["sales_enterprise"].price - prices.plans["sales_enterprise"].before.price) * 120
    assert f"rises by {rise:,} a year" in words
    for told in (words, said("price_at_renewal", NOTHING)[1]):
        assert prices.source in told
        assert f"{prices.read:%Y-%m-%d}" in told


async def test_columns_before_write(target: DataverseClient) -> None:
    """A target that was not prepared: every table, column and key is named, with its fix, and nothing was written."""
    schema = clinic_schema()
    found = await preflight(
        {"app-1": target}, schema, PreflightSettings(fallback_owner="fallback.owner@clinic.example")
    )
    errors: dict[str, list[Finding]] = {}
    for one in found:
        if one.severity == "error":
            errors.setdefault(one.code, []).append(one)
    assert {one.subject for one in errors["table_missing"]} == {
        table.plain for table in schema.tables.values() if table.custom
    }
    contact = schema.table("contact")
    lacking = {one.subject for one in errors["column_missing"] if one.subject.startswith("contact.")}
    assert lacking == {f"contact.{column.plain}" for column in contact.columns.values() if column.custom}
    assert "contact.cms_sourcekey" in {one.subject for one in errors["key_missing"]}
    assert all(one.fix for some in errors.values() for one in some)


def test_request_limits() -> None:
    state, words = said("request_limits", replace(NOTHING, records={"patient": DAILY_REQUESTS}))
    assert state == "applies"
    assert "2 days" in words
    state, words = said("request_limits", replace(NOTHING, records={"patient": 1000, "claim": 10**9}))
    assert state == "checked in plan"
    assert "2,000 requests" in words
    actions = {"patient": {"create": {"records": 1000}}}
    made = forecast_report("m", actions, Work(created=1000), None, 1, {}, 10_000, 0, (0, 0), "")
    facts = {one.label: one for one in made.facts}
    assert "10.1 % of 10,000 a day" in facts["Requests counted"].note
    assert facts["Service limit"].value.endswith("/s")


def user(**more: Any) -> User:
    plain: dict[str, Any] = {"id": "u", "email": "a@b.example", "name": "Ann", "disabled": False, "application": False}
    return User(**(plain | more))


@pytest.mark.parametrize(
    ("active", "users", "usable"),
    [
        ("true", [user()], True),
        ("true", [user(disabled=True)], False),
        ("false", [user()], True),
        ("true", [], False),
        ("true", [user(), user(id="v")], False),
        ("true", [user(application=True)], False),
    ],
)
def test_inactive_owner_before_the_write(active: str, users: list[User], usable: bool) -> None:
    match, words = _match({"_id": "7", "email": "a@b.example", "active": active}, users)
    assert match.usable is usable
    assert bool(words) is (not usable or active == "false")
    row: dict[str, Any] = {
        "staff": "7",
        "name": "",
        "email": "a@b.example",
        "match": match.match,
        "active": match.status,
        "reason": words,
    }
    row |= {"rows": 0, "objects": {}, "decision": "", "by": "", "disposition": "unchanged" if usable else "excepted"}
    people = {"rows": [row], "practitioners": [], "strangers": []}
    report = owners_report("m-00000000", people, "team:Front desk", usable=True)
    assert {fact.label: fact.value for fact in report.facts}["Not usable"] == ("0" if usable else "1")


def test_inactive_owner_shows_when_the_platform_substitutes() -> None:
    """Verify compares the owner of every row: another one than was written is a finding of its own class."""
    schema = clinic_schema()
    table = schema.table("contact")
    op = Op(0, "update", "1", "s.patient.1", "s.patient.1", table, "row", {}, {"_ownerid_value": "ann"})
    empty = ClinicMap.model_validate(
        {"system": "s", "profile": "p", "objects": {"patient": {"routes": [{"table": "contact", "fields": []}]}}}
    )
    builder = RowBuilder(schema, 0)
    same = _compare(empty, builder, "patient", {0: op}, {"row": {"_ownerid_value": "ann"}}, {}, None)
    assert (same.differing, same.findings) == (0, [])
    found = _compare(empty, builder, "patient", {0: op}, {"row": {"_ownerid_value": "the application"}}, {}, None)
    assert found.differing == 1
    assert [one["class"] for one in found.findings] == ["owner substituted"]
