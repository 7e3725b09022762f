"""Faults of single rows: plug-ins, duplicate detection rules, and people who edit what was just read."""

from typing import Any

import pytest

from tests.simulator.conftest import Dataverse, code, configure

TYPE = {"@odata.type": "Microsoft.Dynamics.CRM.cms_visit"}
BULK = "cms_visits/Microsoft.Dynamics.CRM.CreateMultiple"
ANA = "ana.ruiz@clinic.example"


async def test_a_plugin_refuses_the_row_it_dislikes(dv: Dataverse) -> None:
    await configure(dv, {"plugins": [{"table": "contact", "when": {"lastname": "Bad"}}]})
    await dv.create("contacts", lastname="Good")
    refused = await dv.api.post("contacts", json={"lastname": "Bad"})
    assert code(refused) == (400, "0x80040265")
    assert refused.json()["error"]["message"]
    await dv.create("accounts", name="Bad")
    assert (await dv.control.get("counts")).json() == {"account": 1, "contact": 1}


async def test_one_row_takes_a_whole_bulk_request_down(dv: Dataverse) -> None:
    await dv.ready()
    await configure(dv, {"plugins": [{"table": "cms_visit", "source_key": r"^demo\.encounter\.(3|5)$"}]})
    targets = [{**TYPE, "cms_sourcekey": f"demo.encounter.{number}"} for number in range(6)]
    refused = await dv.api.post(BULK, json={"Targets": targets})
    assert code(refused) == (400, "0x80040265")
    assert "demo.encounter" not in refused.text
    assert (await dv.control.get("counts")).json() == {}
    assert (await dv.api.post(BULK, json={"Targets": targets[:3] + targets[4:5]})).status_code == 200


async def test_every_nth_row_and_another_error(dv: Dataverse) -> None:
    sql = {"status": 500, "code": "0x80044150", "message": "Sql error: Generic SQL error. Sql Number: 1205"}
    await configure(dv, {"plugins": [{"table": "contact", "every": 3, "times": 1, **sql}]})
    answers = [await dv.api.post("contacts", json={"lastname": "L"}) for _ in range(6)]
    assert [a.status_code for a in answers] == [204, 204, 500, 204, 204, 204]
    assert code(answers[2]) == (500, "0x80044150")
    assert (await dv.control.get("faults")).json()["plugins"] == [1]


async def test_a_plugin_may_be_about_updates_or_deletes(dv: Dataverse) -> None:
    identity = await dv.create("contacts", lastname="Lee", firstname="Ann")
    await configure(dv, {"plugins": [{"on": ["update"], "when": {"firstname": "Ann"}}]})
    path = f"contacts({identity})"
    assert code(await dv.api.patch(path, json={"lastname": "Moe"})) == (400, "0x80040265")
    assert (await dv.api.patch(path, json={"firstname": "Bea"})).status_code == 204
    await configure(dv, {"plugins": [{"on": ["delete"], "table": "contact"}]})
    assert code(await dv.api.delete(path)) == (400, "0x80040265")
    assert (await dv.row(path))["lastname"] == "Lee"


async def test_a_duplicate_rule_acts_for_those_who_ask(dv: Dataverse) -> None:
    await configure(dv, {"duplicate_rules": [{"table": "contact", "columns": ["emailaddress1"]}]})
    body = {"lastname": "Lee", "emailaddress1": "a@b.example"}
    asked = {"MSCRM.SuppressDuplicateDetection": "false"}
    assert (await dv.api.post("contacts", json=body, headers=asked)).status_code == 204
    refused = await dv.api.post("contacts", json={**body, "emailaddress1": "A@B.example"}, headers=asked)
    assert code(refused) == (500, "0x80040333")
    assert "a duplicate of the current record already exists" in refused.json()["error"]["message"]
    assert (await dv.api.post("contacts", json=body)).status_code == 204
    blank = {"lastname": "Moe"}
    for _ in range(2):
        assert (await dv.api.post("contacts", json=blank, headers=asked)).status_code == 204


async def test_a_duplicate_rule_may_act_always_and_on_updates(dv: Dataverse) -> None:
    await configure(dv, {"duplicate_rules": [{"table": "contact", "columns": ["lastname"], "always": True}]})
    await dv.create("contacts", lastname="Lee")
    other = await dv.create("contacts", lastname="Moe")
    assert code(await dv.api.post("contacts", json={"lastname": "lee"})) == (500, "0x80040333")
    assert code(await dv.api.patch(f"contacts({other})", json={"lastname": "Lee"})) == (500, "0x80040333")
    assert (await dv.api.patch(f"contacts({other})", json={"lastname": "Moe"})).status_code == 204


@pytest.mark.parametrize("how", ["one", "many", "batch"])
async def test_somebody_edits_between_our_read_and_our_write(dv: Dataverse, how: str) -> None:
    identity = await dv.create("contacts", lastname="Lee")
    await dv.create("contacts", lastname="Moe")
    edit = {"table": "contact", "when": {"lastname": "Lee"}, "times": 1, "user": ANA, "set": {"jobtitle": "Nurse"}}
    await configure(dv, {"edits": [edit]})
    path = f"contacts({identity})"
    if how == "one":
        etag = (await dv.row(path))["@odata.etag"]
    elif how == "many":
        rows = (await dv.row("contacts", **{"$orderby": "lastname"}))["value"]
        etag = rows[0]["@odata.etag"]
    else:
        part = f"--b\r\nContent-Type: application/http\r\n\r\nGET /api/data/v9.2/{path} HTTP/1.1\r\n\r\n\r\n--b--\r\n"
        kind = {"Content-Type": "multipart/mixed; boundary=b"}
        answer = await dv.api.post("$batch", content=part, headers=kind)
        etag = answer.text.partition('"@odata.etag":"')[2].partition('",')[0].replace("\\", "")
    stale = await dv.api.patch(path, json={"jobtitle": "ours"}, headers={"If-Match": etag})
    assert code(stale) == (412, "0x80060882")
    row = await dv.row(path)
    assert (row["jobtitle"], row["_modifiedby_value"]) == ("Nurse", await dv.user(ANA))
    assert (await dv.api.patch(path, json={}, headers={"If-Match": row["@odata.etag"]})).status_code == 204


async def test_somebody_deletes_what_was_read(dv: Dataverse) -> None:
    identity = await dv.create("contacts", lastname="Lee")
    await configure(dv, {"edits": [{"table": "contact", "user": ANA, "delete": True}]})
    await dv.row(f"contacts({identity})")
    assert (await dv.api.delete(f"contacts({identity})")).status_code == 404


async def test_somebody_adds_a_row_that_points_at_ours(dv: Dataverse) -> None:
    identity = await dv.create("contacts", lastname="Lee")
    added = {"table": "task", "nav": "regardingobjectid_contact_task", "set": {"subject": "Call"}}
    await configure(dv, {"edits": [{"table": "contact", "user": ANA, "times": 1, "add": added}]})
    await dv.row(f"contacts({identity})")
    (task,) = (await dv.row("tasks"))["value"]
    assert (task["_regardingobjectid_value"], task["_createdby_value"]) == (identity, await dv.user(ANA))


@pytest.mark.parametrize(
    "wrong",
    [
        {"plugins": [{"on": ["merge"]}]},
        {"plugins": [{"unknown": 1}]},
        {"duplicate_rules": [{"table": "contact"}]},
        {"edits": [{"table": "contact", "user": ANA}]},
        {"behaviour": {"bulk_ids": "maybe"}},
        {"behaviour": {"disabled_owner": {"contact": "maybe"}}},
        {"behaviour": {"cascades": {"x": "Maybe"}}},
        {"limits": {"windows": 1}},
        {"limits": {"servers": 0}},
        {"rules": [{"reset": "during"}]},
        {"rules": [{"late": {"answer": "soon"}}]},
    ],
)
async def test_a_wrong_configuration_changes_nothing(dv: Dataverse, wrong: Any) -> None:
    await configure(dv, {"dop_hint": 9})
    assert (await dv.control.post("faults", json=wrong)).status_code == 400
    assert (await dv.api.get("WhoAmI")).headers["x-ms-dop-hint"] == "9"
