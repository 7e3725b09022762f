"""Notes and their files."""

import base64
import uuid
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from local.dataverse.server import make_app
from tests.simulator.conftest import Dataverse, code


async def note(dv: Dataverse, **more: Any) -> dict[str, Any]:
    contact = await dv.create("contacts", lastname="Lee")
    return {"subject": "s", "objectid_contact@odata.bind": f"/contacts({contact})", **more}


async def test_a_file_comes_back_byte_for_byte(dv: Dataverse) -> None:
    data = bytes(range(256))
    body = await note(dv, isdocument=True, filename="scan.pdf", documentbody=base64.b64encode(data).decode())
    identity = await dv.create("annotations", **body, mimetype="application/pdf")
    row = await dv.row(f"annotations({identity})")
    assert (row["filesize"], row["isdocument"], row["objecttypecode"]) == (256, True, "contact")
    assert base64.b64decode(row["documentbody"]) == data
    assert (await dv.api.get(f"annotations({identity})/documentbody/$value")).content == data
    changed = {"documentbody": base64.b64encode(b"new").decode()}
    assert (await dv.api.patch(f"annotations({identity})", json=changed)).status_code == 204
    assert (await dv.row(f"annotations({identity})"))["filesize"] == 3


@pytest.mark.parametrize("name", ["a.exe", "b.tar.JS", "c.svg"])
async def test_blocked_extensions(dv: Dataverse, name: str) -> None:
    body = await note(dv, filename=name, documentbody="aGk=")
    assert code(await dv.api.post("annotations", json=body)) == (400, "0x80043e09")


async def test_the_limit_counts_the_encoded_body() -> None:
    app = make_app(":memory:", {"organization": {"name": "Small", "maxuploadfilesize": 100}})
    async with TestClient(TestServer(app, host="127.0.0.1")) as client:
        for size, expected in ((75, 204), (76, 400)):
            body = {"filename": "a.txt", "documentbody": base64.b64encode(b"x" * size).decode()}
            headers = {"Authorization": "Bearer t"}
            response = await client.post("/api/data/v9.2/annotations", json=body, headers=headers)
            assert response.status == expected
            if expected == 400:
                assert (await response.json())["error"]["code"] == "0x80044a02"


async def test_the_limits_can_be_read(dv: Dataverse) -> None:
    found = await dv.row("organizations", **{"$select": "name,maxuploadfilesize,blockedattachments"})
    (organization,) = found["value"]
    assert (organization["name"], organization["maxuploadfilesize"]) == ("Carryover Demo", 5_242_880)
    assert {"exe", "svg"} <= set(organization["blockedattachments"].split(";"))


async def test_a_body_that_is_no_base64(dv: Dataverse) -> None:
    body = await note(dv, filename="a.txt", documentbody="?")
    assert code(await dv.api.post("annotations", json=body)) == (400, "0x80048d19")


async def test_only_tables_with_notes_take_notes(dv: Dataverse) -> None:
    bind = {"objectid_cms_visit@odata.bind": f"/cms_visits({uuid.uuid4()})"}
    assert code(await dv.api.post("annotations", json=bind)) == (400, "0x80048d19")
    await dv.ready()
    visit = await dv.create("cms_visits", cms_name="v")
    identity = await dv.create("annotations", subject="s", **{"objectid_cms_visit@odata.bind": f"/cms_visits({visit})"})
    row = await dv.row(f"annotations({identity})")
    assert (row["_objectid_value"], row["objecttypecode"]) == (visit, "cms_visit")
    assert (await dv.api.delete(f"cms_visits({visit})")).status_code == 204
    assert (await dv.row("annotations"))["value"] == []


async def test_blocks_make_one_file(dv: Dataverse) -> None:
    identity = await dv.create("annotations", **await note(dv))
    target = {"@odata.type": "Microsoft.Dynamics.CRM.annotation", "annotationid": identity, "filename": "f.pdf"}
    token = (await dv.api.post("InitializeAnnotationBlocksUpload", json={"Target": target})).json()
    names = ["QQ==", "Qg=="]
    for name, data in zip(names, (b"first ", b"second"), strict=True):
        block = {"BlockId": name, "BlockData": base64.b64encode(data).decode(), **token}
        assert (await dv.api.post("UploadBlock", json=block)).status_code == 204
    body = {"Target": target, "BlockList": names, **token}
    done = await dv.api.post("CommitAnnotationBlocksUpload", json=body)
    assert (done.json()["AnnotationId"], done.json()["FileSizeInBytes"]) == (identity, 12)
    assert (await dv.api.get(f"annotations({identity})/documentbody/$value")).content == b"first second"
    assert (await dv.api.post("CommitAnnotationBlocksUpload", json=body)).status_code == 400
