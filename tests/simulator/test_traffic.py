"""The simulator notes the requests that come to it."""

from typing import Any

from tests.simulator.conftest import Dataverse, configure


async def noted(dv: Dataverse) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await dv.control.get("requests")).json()
    return found


async def test_requests_are_noted_with_their_rows_and_without_keys(dv: Dataverse) -> None:
    await dv.create("contacts", lastname="Before")
    assert await noted(dv) == []
    await dv.control.post("requests")
    target = {"@odata.type": "Microsoft.Dynamics.CRM.contact", "lastname": "After"}
    await dv.api.post("contacts/Microsoft.Dynamics.CRM.CreateMultiple", json={"Targets": [target] * 3})
    await dv.api.delete("contacts(11111111-1111-1111-1111-111111111111)")
    created, missed = await noted(dv)
    assert (created["method"], created["path"]) == ("POST", "contacts/Microsoft.Dynamics.CRM.CreateMultiple")
    assert (created["rows"], created["status"]) == (3, 200)
    assert (missed["method"], missed["path"], missed["status"]) == ("DELETE", "contacts", 404)
    assert 0 <= created["at"] <= created["at"] + created["seconds"] <= missed["at"]
    assert created["user"] == missed["user"] != ""
    await dv.control.post("requests")
    assert await noted(dv) == []


async def test_what_a_limit_refused_is_noted_too(dv: Dataverse) -> None:
    await configure(dv, {"limits": {"requests": 1}})
    await dv.control.post("requests")
    for _ in range(2):
        await dv.api.get("WhoAmI")
    assert [(one["status"], one["rows"]) for one in await noted(dv)] == [(200, 0), (429, 0)]
