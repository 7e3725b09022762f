"""The client against the simulator: solution in, rows in, changed, closed, found, deleted."""

import hashlib
import io
import uuid
import zipfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from dataverse.auth import StaticToken
from dataverse.client import DataverseClient
from dataverse.dependents import find_dependents, read_relations
from dataverse.errors import BadPayload, NotFound
from dataverse.install import InstallFailed, import_solution
from dataverse.metadata import bulk_tables, custom_tables, read_metadata
from dataverse.notes import create_note, file_digest
from dataverse.orgs import read_organization
from dataverse.preflight import PreflightSettings, preflight
from dataverse.rows import (
    CONFLICT,
    FOUND,
    TAKEN,
    Change,
    Closing,
    change_rows,
    close_opportunities,
    closes_of,
    create_rows,
    read_rows,
    set_state,
    state_values,
)
from dataverse.solution import build_solution
from dataverse.users import find_teams, find_users, read_privileges, who_am_i
from mapping.catalog import build_schema
from mapping.model import ClinicMap, ObjectMap, Route
from mapping.schema import Schema
from tests.dataverse.conftest import Simulator
from tests.dataverse.fake import FakeClock
from tests.dataverse.samples import ANNOTATION, CONTACT, OPPORTUNITY, SCHEMA, VISIT, column

Row = dict[str, Any]


@pytest_asyncio.fixture
async def target(simulator: Simulator) -> AsyncIterator[DataverseClient]:
    """A client of a target that has the sample schema."""
    async with simulator.client() as client:
        if "cms_visit" not in await read_metadata(client, ["cms_visit"]):
            await import_solution(client, build_solution(SCHEMA), SCHEMA)
        yield client


def new_ids(count: int) -> list[str]:
    return [str(uuid.uuid4()) for _ in range(count)]


def people(ids: list[str]) -> list[Row]:
    return [
        {
            "contactid": i,
            "lastname": f"Person {n}",
            "birthdate": "1980-02-29",
            "gendercode": 2,
            "cms_sourcekey": f"t.{i}",
        }
        for n, i in enumerate(ids)
    ]


def visits_of(person: str, ids: list[str]) -> list[Row]:
    return [
        {
            "cms_visitid": i,
            "cms_name": f"visit {n}",
            "cms_sourcekey": f"t.visit.{i}",
            "cms_Patient@odata.bind": f"/contacts({person})",
            "cms_startedon": "2021-03-04T05:06:07Z",
            "cms_visitdate": "2021-03-04",
            "cms_minutes": n,
            "cms_weight": 70.125,
            "cms_closed": True,
            "cms_kind": 100_000_001,
            "cms_topics": "100000000,100000001",
            "overriddencreatedon": "2019-01-02T03:04:05Z",
        }
        for n, i in enumerate(ids)
    ]


async def test_the_solution_is_imported_and_the_preflight_says_what_was_missing(client: DataverseClient) -> None:
    routes = {
        "patient": "contact", "location": "account", "insurance": "ClinicInsurance", "appointment": "ClinicAppointment",
        "encounter": "ClinicEncounter", "prescription": "ClinicPrescription", "referral": "opportunity",
        "document": "annotation",
    }  # fmt: skip
    objects: Any = {name: ObjectMap(routes=[Route(table=table, fields=[])]) for name, table in routes.items()}
    schema = build_schema(ClinicMap(system="s", profile="p", prefix="abc", objects=objects))
    settings = PreflightSettings("sales_professional", 25, "ann.able@CLINIC.example", frozenset({"pdf", "exe"}))
    before = await preflight({"app-1": client}, schema, settings)
    missing = {f.subject for f in before if f.code == "table_missing"}
    assert missing == {"ClinicInsurance", "ClinicAppointment", "ClinicEncounter", "ClinicPrescription"}
    assert ("column_missing", "contact.SourceMRN") in {(f.code, f.subject) for f in before}
    assert ("key_missing", "contact.abc_sourcekey") in {(f.code, f.subject) for f in before}
    heard: list[tuple[str, int]] = []
    await import_solution(client, build_solution(schema), schema, lambda stage, percent: heard.append((stage, percent)))
    assert heard[-1] == ("keys", 100) and ("publish", 100) in heard
    after = await preflight({"app-1": client}, schema, settings)
    assert [f for f in after if f.severity == "error"] == []
    codes = {f.code: f for f in after}
    assert codes["organization"].subject == "Test clinic"
    assert codes["file_limit"].subject == "organization" and codes["file_limit"].severity == "warning"
    assert codes["documents_blocked"].subject == "exe"
    assert codes["fallback_owner"].severity == "info"
    assert "custom_tables" in codes


async def test_preflight_owner_plan_and_reach(client: DataverseClient, simulator: Simulator) -> None:
    async def codes(owner: str) -> set[tuple[str, str]]:
        found = await preflight({"app-1": client}, SCHEMA, PreflightSettings(fallback_owner=owner))
        return {(f.code, f.severity) for f in found if f.code.startswith("fallback")}

    assert await codes("dan.gone@clinic.example") == {("fallback_owner_disabled", "error")}
    assert await codes("nobody@clinic.example") == {("fallback_owner_missing", "error")}
    assert await codes("team:Front desk") == {("fallback_owner", "info")}
    assert await codes("") == {("fallback_owner_none", "warning")}
    async with DataverseClient("http://127.0.0.1:9", StaticToken("t"), clock=FakeClock().clock()) as nowhere:
        [found] = await preflight({"app-1": nowhere}, SCHEMA, PreflightSettings())
    assert (found.code, found.severity) == ("target_unreachable", "error")


async def test_a_broken_solution_is_refused_with_its_reason(client: DataverseClient) -> None:
    name = column("Name", "text", prefix="bad", max_length=100)
    names: Any = {
        "logical": "bad_visit",
        "schema_name": "bad_Visit",
        "set_name": "bad_visits",
        "id_column": "bad_visitid",
    }
    table = replace(VISIT, **names, name_column="bad_name", columns={"Name": name}, key_column=None)
    schema = Schema("bad", {"Visit": table})
    content = rewritten(build_solution(schema), "PrimaryName|", "")
    with pytest.raises(InstallFailed, match="primary name"):
        await import_solution(client, content, schema)


def rewritten(content: bytes, old: str, new: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(out, "w") as archive:
        for name in source.namelist():
            archive.writestr(name, source.read(name).decode().replace(old, new))
    return out.getvalue()


async def test_metadata_is_read_as_the_solution_made_it(target: DataverseClient) -> None:
    tables = await read_metadata(target, ["cms_visit", "contact", "cms_none"])
    assert set(tables) == {"cms_visit", "contact"}
    visit = tables["cms_visit"]
    assert (visit.set_name, visit.id_column, visit.has_notes, visit.custom) == ("cms_visits", "cms_visitid", True, True)
    assert visit.columns["cms_name"].max_length == 200
    assert visit.columns["cms_visitdate"].behavior == "DateOnly"
    assert visit.columns["cms_topics"].type == "MultiSelectPicklist"
    assert visit.columns["cms_kind"].options == {100_000_000: "First <visit>", 100_000_001: "Follow-up & more"}
    assert visit.lookups["cms_party"] == {"contact": "cms_Party_contact", "account": "cms_Party_account"}
    assert [(k.columns, k.status) for k in visit.keys] == [(("cms_sourcekey",), "Active")]
    assert await bulk_tables(target, ["cms_visit", "annotation"]) == {"cms_visit"}
    assert "cms_visit" in await custom_tables(target)


async def test_rows_land_and_come_back_as_sent(target: DataverseClient) -> None:
    [person] = new_ids(1)
    ids = new_ids(250)
    assert all(o.ok for o in await create_rows(target, CONTACT, people([person])))
    rows = visits_of(person, ids)
    assert all(o.ok for o in await create_rows(target, VISIT, rows))
    columns = [c.read_name for c in VISIT.columns.values()]
    back = await read_rows(target, VISIT, [*ids, *new_ids(1)], columns)
    assert set(back) == set(ids)
    row = back[ids[7]]
    assert row["@odata.etag"].startswith('W/"')
    assert row["_cms_patient_value"] == person
    assert row["createdon"].startswith("2019-01-02T03:04:05")
    assert (row["cms_minutes"], row["cms_weight"], row["cms_closed"]) == (7, 70.125, True)
    assert (row["cms_kind"], row["cms_topics"], row["cms_visitdate"]) == (
        100_000_001,
        "100000000,100000001",
        "2021-03-04",
    )
    again = await create_rows(target, VISIT, rows, begun=ids)
    assert {o.code for o in again} == {FOUND}


async def test_rows_at_fault_are_found_and_the_others_land(target: DataverseClient) -> None:
    [person] = new_ids(1)
    await create_rows(target, CONTACT, people([person]))
    ids = new_ids(100)
    rows = visits_of(person, ids)
    rows[13]["cms_name"] = "x" * 201
    rows[14]["cms_kind"] = 5
    rows[70]["cms_Patient@odata.bind"] = f"/contacts({new_ids(1)[0]})"
    rows[99]["cms_sourcekey"] = rows[0]["cms_sourcekey"]
    outcomes = await create_rows(target, VISIT, rows)
    assert {o.index: o.code for o in outcomes if not o.ok} == {
        13: "0x80044331",
        14: "0x8004431a",
        70: "0x80040217",
        99: "0x80060892",
    }
    assert outcomes[13].column == "cms_name"
    assert len(await read_rows(target, VISIT, ids, ())) == 96


async def test_activities_and_notes_go_by_batch(target: DataverseClient) -> None:
    [person] = new_ids(1)
    await create_rows(target, CONTACT, people([person]))
    ids = new_ids(3)
    notes: list[Row] = [
        {"annotationid": i, "subject": "s", "objectid_contact@odata.bind": f"/contacts({person})"} for i in ids
    ]
    notes[1]["nothing"] = 1
    outcomes = await create_rows(target, ANNOTATION, notes)
    assert [o.ok for o in outcomes] == [True, False, True]
    assert outcomes[1].code == "0x80048d19"


async def test_changes_are_guarded(target: DataverseClient) -> None:
    ids = new_ids(3)
    await create_rows(target, CONTACT, people(ids))
    before = await read_rows(target, CONTACT, ids, ["lastname"])
    await change_rows(target, [Change("PATCH", CONTACT, ids[1], {"lastname": "Theirs"})])
    changes = [Change("PATCH", CONTACT, i, {"lastname": "Ours"}, before[i]["@odata.etag"]) for i in ids]
    outcomes = await change_rows(target, changes)
    assert [(o.ok, o.code) for o in outcomes] == [(True, ""), (False, CONFLICT), (True, "")]
    assert [o.code for o in await change_rows(target, changes)] == [FOUND, CONFLICT, FOUND]
    deletes = [Change("DELETE", CONTACT, i, None, before[i]["@odata.etag"]) for i in ids[:1]]
    assert [o.code for o in await change_rows(target, deletes)] == [CONFLICT]
    now = await read_rows(target, CONTACT, ids, ())
    outcomes = await change_rows(target, [Change("DELETE", CONTACT, i, None, now[i]["@odata.etag"]) for i in ids])
    assert all(o.ok for o in outcomes) and await read_rows(target, CONTACT, ids, ()) == {}
    [gone] = await change_rows(target, [Change("DELETE", CONTACT, ids[0])])
    assert gone.code == FOUND


async def test_a_parent_with_children_is_kept_and_its_children_are_named(target: DataverseClient) -> None:
    person, other = new_ids(2)
    await create_rows(target, CONTACT, people([person, other]))
    [visit, note] = new_ids(2)
    await create_rows(target, VISIT, visits_of(person, [visit]))
    bound = {"objectid_contact@odata.bind": f"/contacts({person})"}
    await create_rows(target, ANNOTATION, [{"annotationid": note, "subject": "s", **bound}])
    relations = await read_relations(target, "contact", "cms")
    columns = {(r.child, r.column, r.delete) for r in relations}
    assert ("cms_visit", "cms_patient", "Restrict") in columns
    assert {"annotation", "opportunity"} <= {child for child, _, _ in columns}
    found = await find_dependents(target, relations, [person, other], known=set())
    assert {(d.table, d.id, d.column) for d in found[person]} == {
        ("cms_visit", visit, "cms_patient"),
        ("annotation", note, "objectid"),
    }
    assert all(d.modified_on and d.modified_by for d in found[person]) and other not in found
    assert await find_dependents(target, relations, [person], known={visit, note}) == {}
    [outcome] = await change_rows(target, [Change("DELETE", CONTACT, person)])
    assert not outcome.ok


async def test_states_and_opportunities_close_once(target: DataverseClient) -> None:
    person, won, lost = new_ids(3)
    await create_rows(target, CONTACT, people([person]))
    bound = {"customerid_contact@odata.bind": f"/contacts({person})"}
    deals = [{"opportunityid": i, "name": "n", "estimatedvalue": 120.5, **bound} for i in (won, lost)]
    assert all(o.ok for o in await create_rows(target, OPPORTUNITY, deals))
    for closing in (Closing(won, True, "Won", 120.5, "2021-01-02T00:00:00Z"), Closing(lost, False, "Lost")):
        [first] = await close_opportunities(target, OPPORTUNITY, [closing])
        assert first.ok and first.code == ""
        assert (await close_opportunities(target, OPPORTUNITY, [closing]))[0].code == FOUND
    rows = await read_rows(target, OPPORTUNITY, [won, lost], ["statecode", "statuscode"])
    assert [(rows[i]["statecode"], rows[i]["statuscode"]) for i in (won, lost)] == [(1, 3), (2, 4)]
    closes = await closes_of(target, [won, lost])
    assert {i: len(c) for i, c in closes.items()} == {won: 1, lost: 1}
    reopened = await set_state(target, OPPORTUNITY, {won: state_values("opportunity", "active")})
    assert reopened[won].ok
    assert (await close_opportunities(target, OPPORTUNITY, [Closing(won, False, "Lost")]))[0].ok
    inactive = {person: state_values("contact", "inactive")}
    assert (await set_state(target, CONTACT, inactive))[person].code == ""
    assert (await set_state(target, CONTACT, inactive))[person].code == FOUND


async def test_a_file_comes_back_with_the_same_digest(target: DataverseClient, tmp_path: Path) -> None:
    person, note, big = new_ids(3)
    await create_rows(target, CONTACT, people([person]))
    octets = bytes(range(256)) * 5000 + b"end"
    path = tmp_path / "scan.pdf"
    path.write_bytes(octets)
    row = {"annotationid": note, "subject": "scan", "filename": "scan.pdf", "mimetype": "application/pdf"}
    row["objectid_contact@odata.bind"] = f"/contacts({person})"
    assert (await create_note(target, ANNOTATION, row, path)).ok
    assert (await create_note(target, ANNOTATION, row, path, begun=True)).code == FOUND
    assert (await create_note(target, ANNOTATION, row, path)).code == TAKEN
    digest = await file_digest(target, note)
    assert digest is not None and (digest.sha256, digest.size) == (hashlib.sha256(octets).hexdigest(), len(octets))
    assert await file_digest(target, big) is None
    blocked = await create_note(target, ANNOTATION, {**row, "annotationid": big, "filename": "scan.exe"}, path)
    assert blocked.code == "0x80043e09"
    organization = await read_organization(target)
    path.write_bytes(b"x" * organization.max_upload_bytes)
    large = await create_note(target, ANNOTATION, {**row, "annotationid": big}, path)
    assert large.code == "0x80044a02"


async def test_users_teams_and_privileges(target: DataverseClient) -> None:
    asked = ["ANN.able@clinic.example", "dan.gone@clinic.example", "nobody@clinic.example"]
    found = await find_users(target, asked)
    assert [(len(found[e]), [u.disabled for u in found[e]]) for e in asked] == [(1, [False]), (1, [True]), (0, [])]
    assert [t.name for t in await find_teams(target, "Front desk")] == ["Front desk"]
    me = await who_am_i(target)
    held = await read_privileges(target, me.user_id)
    assert held["prvreadcontact"] == "Global" and "prvoverridecreatedoncreatedby" in held


async def test_what_is_not_there_is_told(target: DataverseClient) -> None:
    with pytest.raises(NotFound):
        await target.get(f"contacts({new_ids(1)[0]})")
    with pytest.raises(BadPayload):
        await target.get("contacts?$select=zebulon")


async def test_the_hint_of_the_target_is_taken(target: DataverseClient) -> None:
    answer = await target.get("WhoAmI")
    assert target.limiter.limit == int(answer.headers["x-ms-dop-hint"])
    assert isinstance(answer.headers, httpx.Headers)
