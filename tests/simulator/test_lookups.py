"""Lookups and owners: how they are bound, read, emptied and refused."""

import uuid

from tests.simulator.conftest import Dataverse, code


async def test_every_form_of_a_bind(dv: Dataverse) -> None:
    await dv.ready()
    contact = await dv.create("contacts", lastname="Lee", cms_sourcekey="demo.patient.1")
    base = str(dv.api.base_url)
    for target in (
        f"/contacts({contact})",
        f"contacts({contact.upper()})",
        f"{base}contacts({contact})",
        f"/api/data/v9.2/contacts({contact})",
        "/contacts(cms_sourcekey='demo.patient.1')",
        "/contacts(cms_sourcekey='DEMO.Patient.1')",
    ):
        visit = await dv.create("cms_visits", **{"cms_PatientId@odata.bind": target})
        assert (await dv.row(f"cms_visits({visit})"))["_cms_patientid_value"] == contact, target


async def test_binds_that_are_refused(dv: Dataverse) -> None:
    await dv.ready()
    contact = await dv.create("contacts", lastname="Lee")
    account = await dv.create("accounts", name="North")

    async def bound(name: str, value: object) -> tuple[int, str]:
        return code(await dv.api.post("cms_visits", json={f"{name}@odata.bind": value}))

    assert await bound("cms_patientid", f"/contacts({contact})") == (400, "0x80048d19")  # the name's case counts
    assert await bound("cms_PatientId", f"/accounts({account})") == (400, "0x80048d19")  # wrong table
    assert await bound("cms_PatientId", "nonsense") == (400, "0x80048d19")
    assert await bound("cms_PatientId", 5) == (400, "0x80048d19")
    assert await bound("cms_PatientId", f"/contacts({uuid.uuid4()})") == (404, "0x80040217")
    assert await bound("cms_PatientId", "/contacts(cms_sourcekey='none')") == (404, "0x80060891")
    assert code(await dv.api.post("cms_visits", json={"cms_patientid": contact})) == (400, "0x80048d19")
    assert code(await dv.api.post("cms_visits", json={"_cms_patientid_value": contact})) == (400, "0x80048d19")


async def test_null_empties_a_lookup(dv: Dataverse) -> None:
    await dv.ready()
    contact = await dv.create("contacts", lastname="Lee")
    visit = await dv.create("cms_visits", **{"cms_PatientId@odata.bind": f"/contacts({contact})"})
    path = f"cms_visits({visit})"
    for body in ({"cms_PatientId@odata.bind": None}, {"cms_PatientId": None}):
        await dv.api.patch(path, json={"cms_PatientId@odata.bind": f"/contacts({contact})"})
        assert (await dv.api.patch(path, json=body)).status_code == 204
        assert (await dv.row(path))["_cms_patientid_value"] is None
    reference = f"{path}/cms_PatientId/$ref"
    assert (await dv.api.put(reference, json={"@odata.id": f"/contacts({contact})"})).status_code == 204
    assert (await dv.row(f"{path}/cms_PatientId"))["contactid"] == contact
    assert (await dv.api.delete(reference)).status_code == 204
    assert (await dv.row(path))["_cms_patientid_value"] is None


async def test_a_lookup_to_several_tables_knows_which(dv: Dataverse) -> None:
    account = await dv.create("accounts", name="North")
    contact = await dv.create(
        "contacts", lastname="Lee", **{"parentcustomerid_account@odata.bind": f"/accounts({account})"}
    )
    row = (await dv.api.get(f"contacts({contact})", headers=ANNOTATIONS)).json()
    assert row["_parentcustomerid_value"] == account
    assert row["_parentcustomerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"] == "account"
    assert (
        row["_parentcustomerid_value@Microsoft.Dynamics.CRM.associatednavigationproperty"] == "parentcustomerid_account"
    )
    assert row["_parentcustomerid_value@OData.Community.Display.V1.FormattedValue"] == "North"
    assert row["statecode@OData.Community.Display.V1.FormattedValue"] == "Active"
    other = await dv.create("contacts", lastname="Moe")
    await dv.api.patch(f"contacts({contact})", json={"parentcustomerid_contact@odata.bind": f"/contacts({other})"})
    assert (await dv.api.get(f"contacts({contact})/parentcustomerid_account")).status_code == 204
    assert (await dv.row(f"contacts({contact})/parentcustomerid_contact"))["lastname"] == "Moe"


ANNOTATIONS = {"Prefer": 'odata.include-annotations="*"'}


async def test_owner_may_be_a_user_or_a_team(dv: Dataverse) -> None:
    ana = await dv.user("ana.ruiz@clinic.example")
    team = (await dv.row("teams"))["value"][0]["teamid"]
    contact = await dv.create("contacts", lastname="Lee", **{"ownerid@odata.bind": f"/systemusers({ana})"})
    row = await dv.row(f"contacts({contact})")
    assert (row["_ownerid_value"], row["_owninguser_value"], row["_owningteam_value"]) == (ana, ana, None)
    await dv.api.patch(f"contacts({contact})", json={"ownerid@odata.bind": f"/teams({team})"})
    row = await dv.row(f"contacts({contact})")
    assert (row["_ownerid_value"], row["_owninguser_value"], row["_owningteam_value"]) == (team, None, team)


async def test_owners_that_are_refused(dv: Dataverse) -> None:
    gone = await dv.user("left.long.ago@clinic.example")
    narrow = await dv.user("narrow@clinic.example")
    contact = await dv.create("contacts", lastname="Lee")

    async def owned(identity: str) -> tuple[int, str]:
        body = {"ownerid@odata.bind": f"/systemusers({identity})"}
        return code(await dv.api.patch(f"contacts({contact})", json=body))

    assert await owned(gone) == (403, "0x80040225")
    assert await owned(narrow) == (403, "0x80040231")
    assert await owned(str(uuid.uuid4())) == (404, "0x80040217")
    assert code(await dv.api.patch(f"contacts({contact})", json={"ownerid@odata.bind": None})) == (400, "0x80040200")


async def test_a_caller_without_a_privilege_is_refused(dv: Dataverse) -> None:
    narrow = {"Authorization": "Bearer narrow@clinic.example"}
    assert code(await dv.api.post("accounts", json={"name": "North"}, headers=narrow)) == (403, "0x80040220")
    assert code(await dv.api.get("contacts", headers=narrow)) == (403, "0x80040220")
    held = await dv.row(
        f"systemusers({await dv.user('narrow@clinic.example')})/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()"
    )
    names = {p["PrivilegeName"] for p in held["RolePrivileges"]}
    assert "prvReadAccount" in names
    assert not names & {"prvReadContact", "prvCreateAccount"}
