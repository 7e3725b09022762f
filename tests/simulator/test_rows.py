"""Create, read, update, upsert, delete of single rows, and the headers that change what they mean."""

import uuid

from tests.simulator.conftest import Dataverse, code


async def test_create_answers_with_the_url_or_with_the_row(dv: Dataverse) -> None:
    plain = await dv.api.post("contacts", json={"lastname": "Lee"})
    assert plain.status_code == 204
    assert plain.headers["OData-EntityId"].startswith(f"{dv.api.base_url}contacts(")

    full = await dv.api.post("contacts?$select=lastname", json={"lastname": "Lee"}, headers=REPRESENTATION)
    assert full.status_code == 201
    assert full.json()["lastname"] == "Lee"
    assert full.headers["Preference-Applied"] == "return=representation"
    assert "OData-EntityId" not in full.headers


async def test_a_chosen_id_is_kept_and_taken_once(dv: Dataverse) -> None:
    identity = str(uuid.uuid4())
    assert await dv.create("contacts", contactid=identity.upper(), lastname="Lee") == identity
    assert code(await dv.api.post("contacts", json={"contactid": identity})) == (412, "0x80040237")


async def test_system_columns_are_set(dv: Dataverse) -> None:
    me = (await dv.row("WhoAmI"))["UserId"]
    row = await dv.row(f"contacts({await dv.create('contacts', firstname='Kim', lastname='Lee')})")
    assert (
        row["_createdby_value"] == row["_modifiedby_value"] == row["_ownerid_value"] == row["_owninguser_value"] == me
    )
    assert row["createdon"] == row["modifiedon"]
    assert row["@odata.etag"] == f'W/"{row["versionnumber"]}"'
    assert (row["statecode"], row["statuscode"], row["fullname"], row["donotemail"]) == (0, 1, "Kim Lee", False)


async def test_columns_that_cannot_be_written_are_ignored(dv: Dataverse) -> None:
    identity = await dv.create(
        "contacts", lastname="Lee", createdon="2001-01-01T00:00:00Z", statecode=1, versionnumber=7
    )
    row = await dv.row(f"contacts({identity})")
    assert not row["createdon"].startswith("2001")
    assert row["statecode"] == 0
    assert row["versionnumber"] != 7


async def test_overriddencreatedon_becomes_createdon_on_create_only(dv: Dataverse) -> None:
    identity = await dv.create("contacts", lastname="Lee", overriddencreatedon="2001-02-03T04:05:06Z")
    before = await dv.row(f"contacts({identity})")
    assert before["createdon"] == "2001-02-03T04:05:06Z"
    assert before["overriddencreatedon"] == before["modifiedon"]
    response = await dv.api.patch(f"contacts({identity})", json={"overriddencreatedon": "1999-01-01T00:00:00Z"})
    assert response.status_code == 204
    assert (await dv.row(f"contacts({identity})"))["createdon"] == "2001-02-03T04:05:06Z"


async def test_update_changes_the_version_and_only_what_is_named(dv: Dataverse) -> None:
    identity = await dv.create("contacts", firstname="Kim", lastname="Lee", jobtitle="Nurse")
    before = await dv.row(f"contacts({identity})")
    assert (await dv.api.patch(f"contacts({identity})", json={"lastname": "Moe"})).status_code == 204
    after = await dv.row(f"contacts({identity})")
    assert (after["fullname"], after["jobtitle"]) == ("Kim Moe", "Nurse")
    assert after["versionnumber"] > before["versionnumber"]


REPRESENTATION = {"Prefer": "return=representation"}


async def test_patch_of_a_missing_row(dv: Dataverse) -> None:
    path = f"contacts({uuid.uuid4()})"
    missing = await dv.api.patch(path, json={"lastname": "Lee"}, headers={"If-Match": "*"})
    assert code(missing) == (404, "0x80040217")
    assert (await dv.api.patch(path, json={"lastname": "Lee"}, headers={"If-None-Match": "*"})).status_code == 204
    assert (await dv.row(path))["lastname"] == "Lee"
    other = await dv.api.patch(f"contacts({uuid.uuid4()})", json={"lastname": "Lee"}, headers=REPRESENTATION)
    assert other.status_code == 201


async def test_patch_of_an_existing_row(dv: Dataverse) -> None:
    identity = await dv.create("contacts", lastname="Lee")
    path = f"contacts({identity})"
    refused = await dv.api.patch(path, json={"lastname": "Moe"}, headers={"If-None-Match": "*"})
    assert refused.status_code == 412
    etag = (await dv.row(path))["@odata.etag"]
    assert (await dv.api.patch(path, json={"lastname": "Moe"}, headers={"If-Match": etag})).status_code == 204
    stale = await dv.api.patch(path, json={"lastname": "Poe"}, headers={"If-Match": etag})
    assert code(stale) == (412, "0x80060882")
    assert (await dv.row(path))["lastname"] == "Moe"
    shown = await dv.api.patch(path, json={"lastname": "Roe"}, headers=REPRESENTATION)
    assert (shown.status_code, shown.json()["lastname"]) == (200, "Roe")


async def test_delete_once_and_by_version(dv: Dataverse) -> None:
    identity = await dv.create("contacts", lastname="Lee")
    path = f"contacts({identity})"
    assert code(await dv.api.delete(path, headers={"If-Match": 'W/"1"'})) == (412, "0x80060882")
    assert (await dv.api.delete(path)).status_code == 204
    assert code(await dv.api.delete(path)) == (404, "0x80040217")
    assert code(await dv.api.get(path)) == (404, "0x80040217")


async def test_one_property_can_be_read_set_and_cleared(dv: Dataverse) -> None:
    path = f"contacts({await dv.create('contacts', lastname='Lee')})/jobtitle"
    assert (await dv.api.get(path)).status_code == 204
    assert (await dv.api.put(path, json={"value": "Nurse"})).status_code == 204
    assert (await dv.row(path))["value"] == "Nurse"
    assert (await dv.api.get(path + "/$value")).text == "Nurse"
    assert (await dv.api.delete(path)).status_code == 204
    assert (await dv.api.get(path)).status_code == 204


async def test_get_with_the_current_etag_says_not_modified(dv: Dataverse) -> None:
    path = f"contacts({await dv.create('contacts', lastname='Lee')})"
    etag = (await dv.api.get(path)).headers["ETag"]
    assert (await dv.api.get(path, headers={"If-None-Match": etag})).status_code == 304
    assert (await dv.api.get(path, headers={"If-None-Match": "null"})).status_code == 200


async def test_deep_insert_and_activity_parties(dv: Dataverse) -> None:
    contact = await dv.create("contacts", lastname="Lee")
    appointment = await dv.create(
        "appointments",
        subject="Visit",
        scheduledstart="2024-05-01T09:00:00Z",
        scheduledend="2024-05-01T09:30:00Z",
        appointment_activity_parties=[
            {"partyid_contact@odata.bind": f"/contacts({contact})", "participationtypemask": 5}
        ],
    )
    parties = await dv.row(f"appointments({appointment})/appointment_activity_parties")
    assert [(p["_partyid_value"], p["participationtypemask"]) for p in parties["value"]] == [(contact, 5)]
    path = f"appointments({appointment})/appointment_activity_parties"
    assert (await dv.api.put(path, json={"value": []})).status_code == 204
    assert (await dv.row(path))["value"] == []


async def test_requests_need_a_token_and_a_known_path(dv: Dataverse) -> None:
    assert (await dv.api.get("WhoAmI", headers={"Authorization": ""})).status_code == 401
    assert (await dv.api.get("WhoAmI", headers={"Authorization": "Bearer"})).status_code == 401
    assert code(await dv.api.get("nothings")) == (404, "0x8006088a")
    who = await dv.api.get("WhoAmI")
    assert int(who.headers["x-ms-dop-hint"]) > 0
    assert who.headers["x-ms-service-request-id"]


async def test_impersonation_shows_both_users(dv: Dataverse) -> None:
    ana = await dv.user("ana.ruiz@clinic.example")
    me = (await dv.row("WhoAmI"))["UserId"]
    created = await dv.api.post("contacts", json={"lastname": "Lee"}, headers={**REPRESENTATION, "MSCRMCallerID": ana})
    assert (created.json()["_createdby_value"], created.json()["_createdonbehalfby_value"]) == (ana, me)
    as_ana = await dv.api.get("WhoAmI", headers={"Authorization": "Bearer ana.ruiz@clinic.example"})
    assert as_ana.json()["UserId"] == ana
