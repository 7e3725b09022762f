"""State and status, closed activities, won and lost opportunities."""

from typing import Any

from tests.simulator.conftest import Dataverse, code


async def test_state_and_status_go_together(dv: Dataverse) -> None:
    contact = await dv.create("contacts", lastname="Lee")

    async def patched(**body: Any) -> tuple[int, str] | int:
        response = await dv.api.patch(f"contacts({contact})", json=body)
        return 204 if response.status_code == 204 else code(response)

    assert await patched(statecode=0, statuscode=2) == (400, "0x80048408")
    assert await patched(statuscode=2) == (400, "0x80048408")
    assert await patched(statecode=1, statuscode=2) == 204
    assert await patched(statecode=0) == 204
    row = await dv.row(f"contacts({contact})")
    assert (row["statecode"], row["statuscode"]) == (0, 1)
    assert code(await dv.api.post("contacts", json={"statuscode": 2})) == (400, "0x80048408")
    assert code(await dv.api.patch(f"contacts({contact})", json={"statecode": 7})) == (400, "0x8004431a")


async def test_a_closed_activity_is_read_only_until_opened(dv: Dataverse) -> None:
    path = f"tasks({await dv.create('tasks', subject='Call')})"
    assert (await dv.api.patch(path, json={"statecode": 1, "statuscode": 5})).status_code == 204
    assert (await dv.row(path))["actualend"]
    assert code(await dv.api.patch(path, json={"subject": "Other"})) == (400, "0x8004022e")
    mixed = {"statecode": 0, "subject": "Other"}
    assert code(await dv.api.patch(path, json=mixed)) == (400, "0x8004022e")
    assert (await dv.api.patch(path, json={"statecode": 0, "statuscode": 2})).status_code == 204
    assert (await dv.api.patch(path, json={"subject": "Other"})).status_code == 204
    assert (await dv.api.delete(path)).status_code == 204


async def test_a_scheduled_appointment_can_be_edited(dv: Dataverse) -> None:
    path = f"appointments({await dv.create('appointments', subject='Visit')})"
    assert (await dv.api.patch(path, json={"statecode": 3, "statuscode": 5})).status_code == 204
    assert (await dv.api.patch(path, json={"location": "Room 2"})).status_code == 204


async def opportunity(dv: Dataverse) -> tuple[str, str]:
    contact = await dv.create("contacts", lastname="Lee")
    bind = {"customerid_contact@odata.bind": f"/contacts({contact})"}
    return contact, await dv.create("opportunities", name="Referral", estimatedvalue=1200.5, **bind)


async def test_win_closes_with_an_activity(dv: Dataverse) -> None:
    _, identity = await opportunity(dv)
    close = {"subject": "Won", "actualrevenue": 900, "opportunityid@odata.bind": f"/opportunities({identity})"}
    body = {"Status": 3, "OpportunityClose": close}
    assert (await dv.api.post("WinOpportunity", json=body)).status_code == 204
    row = await dv.row(f"opportunities({identity})")
    assert (row["statecode"], row["statuscode"], row["actualvalue"]) == (1, 3, 900)
    assert row["actualclosedate"]
    closes = (await dv.row("opportunitycloses", **{"$filter": f"_opportunityid_value eq {identity}"}))["value"]
    assert [(c["subject"], c["statecode"], c["actualrevenue"]) for c in closes] == [("Won", 1, 900)]
    assert code(await dv.api.post("WinOpportunity", json=body))[0] == 400

    assert (await dv.api.patch(f"opportunities({identity})", json={"statecode": 0, "statuscode": 1})).status_code == 204
    assert (await dv.row(f"opportunitycloses({closes[0]['activityid']})"))["statecode"] == 2


async def test_lose_takes_the_lost_statuses_only(dv: Dataverse) -> None:
    _, identity = await opportunity(dv)
    close = {"subject": "Lost", "opportunityid@odata.bind": f"/opportunities({identity})"}
    wrong = await dv.api.post("LoseOpportunity", json={"Status": 3, "OpportunityClose": close})
    assert code(wrong) == (400, "0x80048408")
    assert (await dv.row("opportunitycloses"))["value"] == []
    assert (await dv.api.post("LoseOpportunity", json={"Status": 5, "OpportunityClose": close})).status_code == 204
    assert (await dv.row(f"opportunities({identity})"))["statuscode"] == 5
    assert (await dv.api.post("LoseOpportunity", json={"Status": 5})).status_code == 400


async def test_an_opportunity_is_not_closed_by_patch(dv: Dataverse) -> None:
    _, identity = await opportunity(dv)
    assert code(await dv.api.patch(f"opportunities({identity})", json={"statecode": 1}))[0] == 400


async def test_delete_follows_the_relationships(dv: Dataverse) -> None:
    await dv.ready()
    contact, identity = await opportunity(dv)
    account = await dv.create("accounts", name="North")
    close = {"subject": "Won", "opportunityid@odata.bind": f"/opportunities({identity})"}
    await dv.api.post("WinOpportunity", json={"Status": 3, "OpportunityClose": close})
    await dv.create("annotations", subject="Note", **{"objectid_contact@odata.bind": f"/contacts({contact})"})
    await dv.create("tasks", subject="Call", **{"regardingobjectid_contact_task@odata.bind": f"/contacts({contact})"})
    visit = await dv.create(
        "cms_visits",
        **{
            "cms_PatientId@odata.bind": f"/contacts({contact})",
            "cms_LocationId@odata.bind": f"/accounts({account})",
        },
    )
    # Restrict: nothing of the cascade may have happened.
    assert code(await dv.api.delete(f"contacts({contact})")) == (400, "0x80040227")
    counts = {
        "account": 1,
        "annotation": 1,
        "cms_visit": 1,
        "contact": 1,
        "opportunity": 1,
        "opportunityclose": 1,
        "task": 1,
    }
    assert (await dv.control.get("counts")).json() == counts
    # RemoveLink: the visit stays, without its location.
    assert (await dv.api.delete(f"accounts({account})")).status_code == 204
    assert (await dv.row(f"cms_visits({visit})"))["_cms_locationid_value"] is None
    # Cascade: note, task, opportunity and its close go with the contact.
    assert (await dv.api.delete(f"cms_visits({visit})")).status_code == 204
    assert (await dv.api.delete(f"contacts({contact})")).status_code == 204
    assert (await dv.control.get("counts")).json() == {}


async def test_contacts_go_with_their_account_and_rings_end(dv: Dataverse) -> None:
    account = await dv.create("accounts", name="North")
    first = await dv.create(
        "contacts", lastname="A", **{"parentcustomerid_account@odata.bind": f"/accounts({account})"}
    )
    second = await dv.create("contacts", lastname="B", **{"parentcustomerid_contact@odata.bind": f"/contacts({first})"})
    await dv.api.patch(f"accounts({account})", json={"primarycontactid@odata.bind": f"/contacts({second})"})
    assert (await dv.api.delete(f"accounts({account})")).status_code == 204
    assert (await dv.control.get("counts")).json() == {}
