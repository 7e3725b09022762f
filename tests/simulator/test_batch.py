"""$batch: order, continue-on-error, changesets with references, limits."""

import json
import uuid

import httpx

from tests.simulator.conftest import Dataverse, code

ROOT = "/api/data/v9.2/"
JSON = "Content-Type: application/json"


def part(method: str, path: str, body: str = "", *, headers: str = "", content_id: str = "") -> str:
    own = f"Content-ID: {content_id}\r\n" if content_id else ""
    inner = "".join(f"{line}\r\n" for line in (JSON if body else "", headers) if line)
    return (
        f"Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n{own}\r\n"
        f"{method} {path if path.startswith('$') else ROOT + path} HTTP/1.1\r\n{inner}\r\n{body}\r\n"
    )


def changeset(*parts: str) -> str:
    inner = "".join(f"--changeset_1\r\n{text}" for text in parts)
    return f"Content-Type: multipart/mixed; boundary=changeset_1\r\n\r\n{inner}--changeset_1--\r\n"


async def send(dv: Dataverse, *parts: str, go_on: bool = False) -> httpx.Response:
    body = "".join(f"--batch_1\r\n{text}" for text in parts) + "--batch_1--\r\n"
    headers = {"Content-Type": 'multipart/mixed; boundary="batch_1"'}
    if go_on:
        headers["Prefer"] = "odata.continue-on-error"
    return await dv.api.post("$batch", content=body, headers=headers)


def statuses(response: httpx.Response) -> list[int]:
    return [int(line.split()[1]) for line in response.text.split("\r\n") if line.startswith("HTTP/1.1 ")]


async def test_parts_run_in_order(dv: Dataverse) -> None:
    identity = str(uuid.uuid4())
    response = await send(
        dv,
        part("POST", "contacts", f'{{"contactid":"{identity}","lastname":"Lee"}}'),
        part("PATCH", f"contacts({identity})", '{"lastname":"Moe"}', headers="If-Match: *"),
        part("GET", f"contacts({identity})?$select=lastname"),
        part("DELETE", f"contacts({identity})"),
        part("GET", "contacts?$select=lastname&$filter=lastname%20eq%20'Moe'"),
    )
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("multipart/mixed; boundary=batchresponse_")
    assert statuses(response) == [204, 204, 200, 204, 200]
    assert '"lastname":"Moe"' in response.text
    assert response.text.rstrip().endswith(
        '"value":[]}\r\n--' + response.headers["Content-Type"].partition("=")[2] + "--"
    )


async def test_the_first_failure_ends_a_batch(dv: Dataverse) -> None:
    parts = [
        part("POST", "contacts", '{"lastname":"A"}'),
        part("POST", "contacts", '{"nothing":"B"}'),
        part("POST", "contacts", '{"lastname":"C"}'),
    ]
    response = await send(dv, *parts)
    assert response.status_code == 400
    assert statuses(response) == [400]
    assert (await dv.control.get("counts")).json() == {"contact": 1}
    go_on = await send(dv, *parts, go_on=True)
    assert go_on.status_code == 200
    assert statuses(go_on) == [204, 400, 204]
    assert (await dv.control.get("counts")).json() == {"contact": 3}


async def test_a_changeset_is_all_or_nothing(dv: Dataverse) -> None:
    good = part("POST", "accounts", '{"name":"North"}', content_id="1")
    bad = part("POST", "accounts", '{"name":5}', content_id="2")
    response = await send(dv, changeset(good, bad), part("POST", "contacts", '{"lastname":"A"}'), go_on=True)
    assert statuses(response) == [400, 204]
    assert (await dv.control.get("counts")).json() == {"contact": 1}
    assert statuses(await send(dv, changeset(good, good))) == [204, 204]
    assert (await dv.control.get("counts")).json() == {"account": 2, "contact": 1}


async def test_a_changeset_refers_to_its_earlier_parts(dv: Dataverse) -> None:
    response = await send(
        dv,
        changeset(
            part("POST", "accounts", '{"name":"North"}', content_id="1"),
            part("POST", "contacts", '{"lastname":"A","parentcustomerid_account@odata.bind":"$1"}', content_id="2"),
            part("PATCH", "$2", '{"firstname":"B"}', content_id="3"),
        ),
    )
    assert statuses(response) == [204, 204, 204]
    contact = (await dv.row("contacts"))["value"][0]
    account = (await dv.row("accounts"))["value"][0]
    assert (contact["fullname"], contact["_parentcustomerid_value"]) == ("B A", account["accountid"])
    lost = await send(dv, changeset(part("PATCH", "$9", '{"firstname":"B"}', content_id="1")))
    assert "does not exist in the batch context" in lost.text


async def test_what_a_changeset_does_not_take(dv: Dataverse) -> None:
    assert "Content-ID header not present" in (await send(dv, changeset(part("POST", "accounts", "{}")))).text
    assert statuses(await send(dv, changeset(part("GET", "accounts", content_id="1")))) == [400]


async def test_limits_and_form_of_a_batch(dv: Dataverse) -> None:
    one = part("GET", "WhoAmI")
    assert (await send(dv, *[one] * 1000)).status_code == 200
    assert code(await send(dv, *[one] * 1001)) == (400, "0x80040315")
    newline = await dv.api.post(
        "$batch", content="--b\n\nGET / HTTP/1.1\n\n--b--\n", headers={"Content-Type": "multipart/mixed; boundary=b"}
    )
    assert newline.status_code == 400
    assert (await dv.api.post("$batch", json={})).status_code == 400


async def test_a_note_with_a_file_goes_through_a_batch(dv: Dataverse) -> None:
    """Notes have no bulk message: this is their way in."""
    contact = await dv.create("contacts", lastname="Lee")
    note = {"subject": "s", "isdocument": True, "filename": "a.txt", "documentbody": "aGk="}
    body = json.dumps({**note, "objectid_contact@odata.bind": f"/contacts({contact})"})
    assert statuses(await send(dv, part("POST", "annotations", body), part("POST", "annotations", body))) == [204, 204]
    assert [n["filesize"] for n in (await dv.row("annotations"))["value"]] == [2, 2]
