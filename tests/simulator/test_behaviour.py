"""Traits in which real environments differ: each setting of each, alone."""

import base64
import uuid
from typing import Any

import pytest

from tests.simulator import packages
from tests.simulator.conftest import Dataverse, code, configure

LEFT = "left.long.ago@clinic.example"
LABEL = {"LocalizedLabels": [{"Label": "x", "LanguageCode": 1033}]}


async def behave(dv: Dataverse, **behaviour: Any) -> None:
    await configure(dv, {"behaviour": behaviour})


async def test_a_disabled_owner_is_refused_accepted_or_replaced(dv: Dataverse) -> None:
    left = await dv.user(LEFT)
    me = (await dv.row("WhoAmI"))["UserId"]
    body = {"lastname": "Lee", "ownerid@odata.bind": f"/systemusers({left})"}
    assert code(await dv.api.post("contacts", json=body)) == (403, "0x80040225")
    for policy, owner in (("accepted", left), ("replaced", me)):
        await behave(dv, disabled_owner=policy)
        row = await dv.row(f"contacts({await dv.create('contacts', **body)})")
        assert (row["_ownerid_value"], row["_owninguser_value"]) == (owner, owner)
    await behave(dv, disabled_owner={"contact": "accepted"})
    identity = await dv.create("contacts", **body)
    assert (await dv.row(f"contacts({identity})"))["_ownerid_value"] == left
    account = {"name": "A", "ownerid@odata.bind": f"/systemusers({left})"}
    assert code(await dv.api.post("accounts", json=account)) == (403, "0x80040225")


async def test_ids_in_the_recycle_bin_stay_taken(dv: Dataverse) -> None:
    await behave(dv, recycle_bin=True)
    identity = await dv.create("contacts", lastname="Lee")
    assert (await dv.api.delete(f"contacts({identity})")).status_code == 204
    assert (await dv.api.get(f"contacts({identity})")).status_code == 404
    again = {"contactid": identity, "lastname": "Lee"}
    assert code(await dv.api.post("contacts", json=again)) == (412, "0x80040237")
    assert code(await dv.api.patch(f"contacts({identity})", json={"lastname": "Lee"})) == (412, "0x80040237")
    await behave(dv, recycle_bin=False)
    assert (await dv.api.post("contacts", json=again)).status_code == 204


async def test_an_id_may_come_back_and_not_be_deleted_again(dv: Dataverse) -> None:
    await behave(dv, recycle_bin={"create": True})
    identity = await dv.create("contacts", lastname="Lee")
    await dv.api.delete(f"contacts({identity})")
    await dv.create("contacts", contactid=identity, lastname="Lee")
    assert code(await dv.api.delete(f"contacts({identity})")) == (412, "0x80040237")
    await behave(dv, recycle_bin={"create": True, "delete": True})
    assert (await dv.api.delete(f"contacts({identity})")).status_code == 204


async def test_a_cascade_fills_the_bin_too(dv: Dataverse) -> None:
    await behave(dv, recycle_bin=True)
    contact = await dv.create("contacts", lastname="Lee")
    note = await dv.create("annotations", subject="s", **{"objectid_contact@odata.bind": f"/contacts({contact})"})
    await dv.api.delete(f"contacts({contact})")
    assert code(await dv.api.post("annotations", json={"annotationid": note, "subject": "s"})) == (412, "0x80040237")


async def supports(dv: Dataverse, table: str) -> bool:
    text = f"sdkmessageid/name eq 'CreateMultiple' and primaryobjecttypecode eq '{table}'"
    found = await dv.row("sdkmessagefilters", **{"$select": "sdkmessagefilterid", "$filter": text})
    return bool(found["value"])


async def test_a_table_without_bulk_messages(dv: Dataverse) -> None:
    targets = {"Targets": [{"@odata.type": "Microsoft.Dynamics.CRM.task", "subject": "s"}]}
    path = "tasks/Microsoft.Dynamics.CRM.CreateMultiple"
    assert await supports(dv, "task")
    await behave(dv, no_bulk=["task"])
    assert not await supports(dv, "task")
    assert await supports(dv, "contact")
    assert code(await dv.api.post(path, json=targets)) == (400, "0x80040800")
    await behave(dv)
    assert await supports(dv, "task")
    assert (await dv.api.post(path, json=targets)).status_code == 200


async def test_ids_in_create_multiple(dv: Dataverse) -> None:
    async def send() -> tuple[str, Any]:
        chosen = str(uuid.uuid4())
        target = {"@odata.type": "Microsoft.Dynamics.CRM.contact", "contactid": chosen, "lastname": "Lee"}
        answer = await dv.api.post("contacts/Microsoft.Dynamics.CRM.CreateMultiple", json={"Targets": [target]})
        return chosen, answer

    chosen, answer = await send()
    assert answer.json()["Ids"] == [chosen]
    await behave(dv, bulk_ids="ignored")
    chosen, answer = await send()
    assert answer.json()["Ids"] != [chosen]
    await behave(dv, bulk_ids="refused")
    chosen, answer = await send()
    assert code(answer) == (400, "0x80040203")
    await dv.create("contacts", contactid=chosen, lastname="Lee")
    assert (await dv.row(f"contacts({chosen})"))["lastname"] == "Lee"


async def test_a_closed_state_on_create(dv: Dataverse) -> None:
    closed = {"lastname": "Lee", "statecode": 1, "statuscode": 2}
    assert code(await dv.api.post("contacts", json=closed)) == (400, "0x80048408")
    await behave(dv, closed_on_create="allowed")
    row = await dv.row(f"contacts({await dv.create('contacts', **closed)})")
    assert (row["statecode"], row["statuscode"]) == (1, 2)
    task = await dv.row(f"tasks({await dv.create('tasks', subject='s', statecode=1)})")
    assert (task["statecode"], task["statuscode"]) == (1, 5)
    wrong = {"lastname": "Lee", "statecode": 1, "statuscode": 1}
    assert code(await dv.api.post("contacts", json=wrong)) == (400, "0x80048408")
    await behave(dv)
    row = await dv.row(f"contacts({await dv.create('contacts', lastname='Lee', statecode=1)})")
    assert row["statecode"] == 0


async def test_objectid_in_the_block_upload_of_a_note(dv: Dataverse) -> None:
    contact = await dv.create("contacts", lastname="Lee")
    target = {"@odata.type": "Microsoft.Dynamics.CRM.annotation", "annotationid": str(uuid.uuid4()), "filename": "a.txt",
              "objectid_contact@odata.bind": f"/contacts({contact})"}  # fmt: skip
    token = (await dv.api.post("InitializeAnnotationBlocksUpload", json={"Target": target})).json()
    block = {"BlockId": "QQ==", "BlockData": base64.b64encode(b"x").decode(), **token}
    assert (await dv.api.post("UploadBlock", json=block)).status_code == 204
    done = await dv.api.post("CommitAnnotationBlocksUpload", json={"Target": target, "BlockList": ["QQ=="], **token})
    row = await dv.row(f"annotations({done.json()['AnnotationId']})")
    assert row["_objectid_value"] == contact
    await behave(dv, note_blocks="refused")
    refused = await dv.api.post("InitializeAnnotationBlocksUpload", json={"Target": target})
    assert code(refused) == (400, "0x80048d19")
    del target["objectid_contact@odata.bind"]
    assert (await dv.api.post("InitializeAnnotationBlocksUpload", json={"Target": target})).status_code == 200


@pytest.mark.parametrize("delete", ["Cascade", "Restrict", "RemoveLink", "NoCascade"])
async def test_what_a_relationship_does_on_delete(dv: Dataverse, delete: str) -> None:
    await dv.ready()
    await behave(dv, cascades={"cms_contact_visit": delete})
    contact = await dv.create("contacts", lastname="Lee")
    visit = await dv.create("cms_visits", **{"cms_PatientId@odata.bind": f"/contacts({contact})"})
    gone = await dv.api.delete(f"contacts({contact})")
    if delete == "Restrict":
        assert code(gone) == (400, "0x80040227")
        return
    assert gone.status_code == 204
    if delete == "Cascade":
        assert (await dv.api.get(f"cms_visits({visit})")).status_code == 404
    else:
        kept = None if delete == "RemoveLink" else contact
        assert (await dv.row(f"cms_visits({visit})"))["_cms_patientid_value"] == kept
    named = await dv.row("RelationshipDefinitions", **{"$filter": "SchemaName eq 'cms_contact_visit'"})
    assert named["value"][0]["CascadeConfiguration"]["Delete"] == delete


async def test_a_key_that_takes_its_time(dv: Dataverse) -> None:
    await behave(dv, keys={"looks": 3})
    await dv.install(packages.visits())
    path = "EntityDefinitions(LogicalName='cms_visit')/Keys"
    seen = [(await dv.row(path))["value"][0]["EntityKeyIndexStatus"] for _ in range(4)]
    assert seen == ["Pending", "InProgress", "InProgress", "Active"]
    assert (await dv.api.get("cms_visits(cms_sourcekey='a')")).status_code == 404


async def test_a_key_by_the_clock(dv: Dataverse) -> None:
    now = 0.0
    dv.environment.faults.clock = lambda: now
    await behave(dv, keys={"seconds": 60})
    await dv.install(packages.visits())
    path = "EntityDefinitions(LogicalName='cms_visit')/Keys"
    for _ in range(3):
        await dv.row(path)
    assert code(await dv.api.get("cms_visits(cms_sourcekey='a')")) == (400, "0x80060890")
    now = 61.0
    await dv.row(path)
    assert (await dv.row(path))["value"][0]["EntityKeyIndexStatus"] == "Active"


async def test_new_tables_are_unknown_at_first(dv: Dataverse) -> None:
    await behave(dv, metadata={"looks": 2})
    await dv.install(packages.visits())
    assert (await dv.row("EntityDefinitions(LogicalName='cms_visit')"))["EntitySetName"] == "cms_visits"
    for _ in range(2):
        assert code(await dv.api.get("cms_visits")) == (404, "0x8006088a")
    assert (await dv.row("cms_visits"))["value"] == []


async def test_new_columns_are_unknown_at_first(dv: Dataverse) -> None:
    await behave(dv, metadata={"looks": 2})
    column = {"@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata", "SchemaName": "cms_Tag", "MaxLength": 9,
              "DisplayName": LABEL}  # fmt: skip
    added = await dv.api.post("EntityDefinitions(LogicalName='contact')/Attributes", json=column)
    assert added.status_code == 204
    body = {"lastname": "Lee", "cms_tag": "t"}
    assert code(await dv.api.post("contacts", json=body)) == (400, "0x80048d19")
    await dv.create("contacts", lastname="Moe")
    await dv.create("contacts", **body)


async def test_strong_consistency_sees_what_is_new(dv: Dataverse) -> None:
    await behave(dv, metadata={"seconds": 1e6})
    await dv.install(packages.visits())
    assert (await dv.api.get("cms_visits")).status_code == 404
    assert (await dv.api.get("cms_visits", headers={"Consistency": "Strong"})).status_code == 200


async def imported(dv: Dataverse) -> str:
    body = {"OverwriteUnmanagedCustomizations": True, "PublishWorkflows": True, "ImportJobId": str(uuid.uuid4()),
            "CustomizationFile": base64.b64encode(packages.visits()).decode()}  # fmt: skip
    answer = await dv.api.post("ImportSolutionAsync", json=body)
    assert answer.status_code == 200
    identity: str = answer.json()["AsyncOperationId"]
    return identity


async def test_an_import_that_takes_its_time(dv: Dataverse) -> None:
    await behave(dv, jobs={"looks": 3})
    operation = await imported(dv)
    states = [(await dv.row(f"asyncoperations({operation})"))["statecode"] for _ in range(4)]
    assert states == [2, 2, 2, 3]


async def test_somebody_elses_import_is_running(dv: Dataverse) -> None:
    await configure(dv, {"import_running": {"times": 2}})
    for _ in range(2):
        refused = await dv.api.post("PublishAllXml")
        assert code(refused) == (429, "0x80071151")
        assert "previous [Import] running" in refused.json()["error"]["message"]
    assert (await dv.api.post("PublishAllXml")).status_code == 204
    await configure(dv, {"import_running": {}})
    choice = {"Name": "cms_x", "DisplayName": LABEL, "Options": [{"Value": 1, "Label": LABEL}]}
    assert code(await dv.api.post("GlobalOptionSetDefinitions", json=choice)) == (429, "0x80071151")
    assert (await dv.api.get("GlobalOptionSetDefinitions")).status_code == 200
    await dv.create("contacts", lastname="Lee")
