"""The simulator counts what was written to each row."""

import uuid

from tests.simulator.conftest import Dataverse


async def written(dv: Dataverse) -> dict[str, dict[str, list[int]]]:
    found: dict[str, dict[str, list[int]]] = (await dv.control.get("writes")).json()
    return found


async def test_writes_are_counted_by_row(dv: Dataverse) -> None:
    old = await dv.create("contacts", lastname="Before")
    assert await written(dv) == {}
    await dv.control.post("writes")
    new = await dv.create("contacts", lastname="After")
    for name in ("One", "Two"):
        await dv.api.patch(f"contacts({old})", json={"lastname": name})
    await dv.api.delete(f"contacts({new})")
    assert (await written(dv))["contact"] == {old: [0, 2, 0], new: [1, 0, 1]}
    await dv.control.post("writes")
    assert await written(dv) == {}


async def test_what_is_taken_back_with_its_request_is_not_counted(dv: Dataverse) -> None:
    taken = await dv.create("contacts", lastname="Before")
    await dv.control.post("writes")
    fine = str(uuid.uuid4())
    targets = [
        {"@odata.type": "Microsoft.Dynamics.CRM.contact", "contactid": one, "lastname": "X"} for one in (fine, taken)
    ]
    answer = await dv.api.post("contacts/Microsoft.Dynamics.CRM.CreateMultiple", json={"Targets": targets})
    assert answer.status_code == 412
    assert await written(dv) == {}
    await dv.ready()  # a solution's new columns and tables do not disturb the counting
    await dv.create("contacts", contactid=fine, lastname="X")
    assert (await written(dv))["contact"] == {fine: [1, 0, 0]}
