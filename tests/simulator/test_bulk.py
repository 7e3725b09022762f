"""CreateMultiple, UpdateMultiple, UpsertMultiple: one transaction, one answer."""

import uuid
from typing import Any

import httpx

from tests.simulator.conftest import Dataverse, code

PREFIX = "Microsoft.Dynamics.CRM."


async def bulk(dv: Dataverse, message: str, targets: list[dict[str, Any]], table: str = "cms_visit") -> httpx.Response:
    typed = [{"@odata.type": PREFIX + table, **target} for target in targets]
    set_name = dv.environment.catalog.tables[table].set_name
    return await dv.api.post(f"{set_name}/{PREFIX}{message}", json={"Targets": typed})


async def names(dv: Dataverse) -> list[str]:
    return [row["cms_name"] for row in (await dv.row("cms_visits", **{"$orderby": "cms_name"}))["value"]]


async def test_create_multiple_keeps_order_and_chosen_ids(dv: Dataverse) -> None:
    await dv.ready()
    chosen = str(uuid.uuid4())
    response = await bulk(dv, "CreateMultiple", [{"cms_name": "a"}, {"cms_name": "b", "cms_visitid": chosen}])
    assert response.status_code == 200
    ids = response.json()["Ids"]
    assert ids[1] == chosen
    assert (await dv.row(f"cms_visits({ids[0]})"))["cms_name"] == "a"


async def test_one_bad_target_undoes_all_and_is_not_named(dv: Dataverse) -> None:
    await dv.ready()
    response = await bulk(dv, "CreateMultiple", [{"cms_name": "a"}, {"cms_name": "x" * 101}, {"cms_name": "c"}])
    assert code(response) == (400, "0x80044331")
    assert "1" not in response.json()["error"]["message"].replace("100", "")
    assert await names(dv) == []
    twice = await bulk(dv, "CreateMultiple", [{"cms_sourcekey": "k"}, {"cms_sourcekey": "K"}])
    assert code(twice) == (412, "0x80060892")
    assert await names(dv) == []


async def test_every_target_names_its_type(dv: Dataverse) -> None:
    await dv.ready()
    path = f"cms_visits/{PREFIX}CreateMultiple"
    assert code(await dv.api.post(path, json={"Targets": [{"cms_name": "a"}]})) == (400, "0x80048d19")
    other = {"Targets": [{"@odata.type": PREFIX + "contact"}]}
    assert code(await dv.api.post(path, json=other)) == (400, "0x80048d19")
    assert code(await dv.api.post(path, json={"Targets": []})) == (400, "0x80048d19")


async def test_update_multiple_takes_the_first_of_two_for_a_row(dv: Dataverse) -> None:
    await dv.ready()
    identity = await dv.create("cms_visits", cms_name="a", cms_sourcekey="k1")
    targets = [{"cms_visitid": identity, "cms_name": "b"}, {"cms_visitid": identity, "cms_name": "c"}]
    assert (await bulk(dv, "UpdateMultiple", targets)).status_code == 204
    assert await names(dv) == ["b"]
    by_key = [{"@odata.id": "cms_visits(cms_sourcekey='k1')", "cms_name": "d"}]
    assert (await bulk(dv, "UpdateMultiple", by_key)).status_code == 204
    assert await names(dv) == ["d"]
    missing = [{"cms_visitid": identity, "cms_name": "e"}, {"cms_visitid": str(uuid.uuid4()), "cms_name": "f"}]
    assert code(await bulk(dv, "UpdateMultiple", missing)) == (404, "0x80040217")
    assert code(await bulk(dv, "UpdateMultiple", [{"cms_name": "g"}])) == (400, "0x80048d19")
    assert await names(dv) == ["d"]


async def test_upsert_multiple_mixes_ids_and_keys(dv: Dataverse) -> None:
    await dv.ready()
    held = await dv.create("cms_visits", cms_name="old", cms_sourcekey="k1")
    new = str(uuid.uuid4())
    targets = [
        {"@odata.id": "cms_visits(cms_sourcekey='k1')", "cms_name": "a", "cms_sourcekey": "k1"},
        {"@odata.id": "cms_visits(cms_sourcekey='k2')", "cms_name": "b"},
        {"cms_visitid": new, "cms_name": "c"},
    ]
    response = await bulk(dv, "UpsertMultiple", targets)
    assert (response.status_code, response.content) == (204, b"")
    assert await names(dv) == ["a", "b", "c"]
    assert (await dv.row(f"cms_visits({held})"))["cms_name"] == "a"
    assert (await dv.row("cms_visits(cms_sourcekey='k2')"))["cms_name"] == "b"
    key_twice = [{"@odata.id": "cms_visits(cms_sourcekey='k3')", "cms_sourcekey": "k3"}]
    assert code(await bulk(dv, "UpsertMultiple", key_twice)) == (400, "0x80040216")
    same_row = [{"cms_visitid": new, "cms_name": "x"}, {"cms_visitid": new, "cms_name": "y"}]
    assert code(await bulk(dv, "UpsertMultiple", same_row))[0] == 412
    assert await names(dv) == ["a", "b", "c"]


async def test_which_tables_take_bulk_messages(dv: Dataverse) -> None:
    await dv.ready()
    assert code(await bulk(dv, "CreateMultiple", [{"subject": "n"}], "annotation")) == (400, "0x80040800")
    assert code(await bulk(dv, "DeleteMultiple", [{"contactid": str(uuid.uuid4())}], "contact"))[0] == 501
    for table in ("contact", "account", "task", "appointment", "opportunity", "cms_visit"):
        assert len(await filters(dv, table)) == 1, table
    for table in ("annotation", "opportunityclose"):
        assert await filters(dv, table) == [], table


async def filters(dv: Dataverse, table: str) -> list[dict[str, Any]]:
    condition = f"sdkmessageid/name eq 'CreateMultiple' and primaryobjecttypecode eq '{table}'"
    found = await dv.row("sdkmessagefilters", **{"$select": "sdkmessagefilterid", "$filter": condition})
    rows: list[dict[str, Any]] = found["value"]
    return rows
