"""The multipart form of ``$batch``, octet by octet."""

import httpx
import pytest

from dataverse.batch import MOST, Operation, Part, decode, encode, run_batch
from dataverse.client import BYPASS
from dataverse.errors import BadAnswer, LostReply, NotFound
from tests.dataverse.fake import FakeClock, FakeTarget, error, lose_after, row_ids, visits
from tests.dataverse.samples import VISIT

GOLDEN = (
    "--b1\r\n"
    "Content-Type: application/http\r\n"
    "Content-Transfer-Encoding: binary\r\n"
    "\r\n"
    "PATCH /api/data/v9.2/cms_visits(00000000-0000-0000-0000-000000000001) HTTP/1.1\r\n"
    "Accept: application/json\r\n"
    "Content-Type: application/json; type=entry\r\n"
    "Content-Length: 17\r\n"
    'If-Match: W/"7"\r\n'
    "\r\n"
    '{"cms_name":"é"}\r\n'
    "--b1\r\n"
    "Content-Type: application/http\r\n"
    "Content-Transfer-Encoding: binary\r\n"
    "\r\n"
    "DELETE /api/data/v9.2/cms_visits(00000000-0000-0000-0000-000000000002) HTTP/1.1\r\n"
    "Accept: application/json\r\n"
    "Content-Length: 0\r\n"
    "If-Match: *\r\n"
    "\r\n"
    "\r\n"
    "--b1\r\n"
    "Content-Type: application/http\r\n"
    "Content-Transfer-Encoding: binary\r\n"
    "\r\n"
    "GET /api/data/v9.2/cms_visits?$select=cms_name HTTP/1.1\r\n"
    "Accept: application/json\r\n"
    "\r\n"
    "\r\n"
    "--b1--\r\n"
)


def test_encodes_as_documented() -> None:
    one, two = row_ids(2)
    operations = [
        Operation("PATCH", f"cms_visits({one})", {"cms_name": "é"}, {"If-Match": 'W/"7"'}),
        Operation("DELETE", f"cms_visits({two})", headers={"If-Match": "*"}),
        Operation("GET", "cms_visits?$select=cms_name"),
    ]
    # The length counts octets, not characters: é is two.
    assert encode(operations, "b1") == GOLDEN.encode()


@pytest.mark.parametrize("count", [0, MOST + 1])
def test_refuses_a_size_the_service_refuses(count: int) -> None:
    with pytest.raises(ValueError, match="1 to 1000"):
        encode([Operation("GET", "x")] * count, "b")


def test_decodes_parts_in_order() -> None:
    body = (
        b"--batchresponse_1\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
        b'HTTP/1.1 204 No Content\r\nOData-Version: 4.0\r\nETag: W/"9"\r\n\r\n\r\n'
        b"--batchresponse_1\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
        b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"a":"--batchresponse_1 in a text"}\r\n'
        b"--batchresponse_1--\r\n"
    )
    parts = decode('multipart/mixed; boundary="batchresponse_1"', body)
    assert [p.status for p in parts] == [204, 200]
    assert parts[0].headers["etag"] == 'W/"9"'
    assert parts[1].json() == {"a": "--batchresponse_1 in a text"}


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/mixed; boundary=x", b"--x\r\n\r\nHTTP/1.1 204 OK\r\n\r\n"),
        ("multipart/mixed; boundary=x", b"--x\r\nA: b\r\n\r\nnothing\r\n\r\n--x--"),
    ],
)
def test_an_answer_that_is_none_is_told(kind: str, body: bytes) -> None:
    with pytest.raises(BadAnswer):
        decode(kind, body)


async def test_a_part_has_its_own_result() -> None:
    target = FakeTarget(VISIT)
    one, two = row_ids(2)
    target.rows[two] = {"cms_visitid": two, "@odata.etag": 'W/"1"'}
    operations = [
        Operation("DELETE", f"cms_visits({i})", headers={"If-Match": "*"}, table="cms_visit") for i in (one, two)
    ]
    async with target.client() as client:
        first, second = await run_batch(client, operations)
    assert isinstance(first, NotFound) and first.table == "cms_visit"
    assert isinstance(second, Part) and second.status == 204
    assert client.counts.operations == 2 and client.counts.requests == 1


async def test_only_the_part_that_passes_by_is_sent_again() -> None:
    target = FakeTarget(VISIT)
    ids = row_ids(3)
    for i in ids:
        target.rows[i] = {"cms_visitid": i, "@odata.etag": 'W/"1"'}
    target.bad[ids[1]] = (500, "0x80044150", "Sql error: Generic SQL error. Sql Number: 1205")
    sizes: list[int] = []
    handle = target.batch

    def once(request: httpx.Request) -> httpx.Response:
        sizes.append(request.content.count(b"DELETE "))
        answer = handle(request)
        target.bad.clear()
        return answer

    target.batch = once  # type: ignore[method-assign]
    async with target.client() as client:
        operations = [Operation("DELETE", f"cms_visits({i})", headers={"If-Match": "*"}) for i in ids]
        results = await run_batch(client, operations)
    assert all(isinstance(r, Part) for r in results)
    assert sizes == [3, 1]
    assert not target.rows


async def test_a_throttled_part_waits_as_told() -> None:
    target, clock = FakeTarget(VISIT), FakeClock()
    [one] = row_ids(1)
    target.rows[one] = {"cms_visitid": one, "@odata.etag": 'W/"1"'}
    part, tried = target.part, []

    def throttle_first(piece: bytes) -> httpx.Response:
        tried.append(clock.time)
        return part(piece) if len(tried) > 1 else error(429, "0x80072321", "time", Retry_After="17")

    target.part = throttle_first  # type: ignore[method-assign]
    async with target.client(clock) as client:
        await run_batch(client, [Operation("DELETE", f"cms_visits({one})", headers={"If-Match": "*"})])
    assert tried[1] >= 17
    assert client.counts.by_facet == {"execution time": 1}


async def test_a_lost_batch_is_not_sent_twice() -> None:
    target = FakeTarget(VISIT, faults=[lose_after])
    [one] = row_ids(1)
    async with target.client() as client:
        with pytest.raises(LostReply):
            await run_batch(client, [Operation("POST", "cms_visits", {"cms_visitid": one})])
    assert len(target.writes) == 1 and target.created == {one: 1}


async def test_plugins_and_flows_are_left_out_of_each_write_and_of_nothing_else() -> None:
    """The parts of a batch say so one by one; reads have nothing to leave out."""
    target, ids = FakeTarget(VISIT), row_ids(1)
    target.put(visits(ids)[0])
    delete = Operation("DELETE", f"cms_visits({ids[0]})", headers={"If-Match": "*"})
    async with target.client() as client, client.lent(bypass=True) as lent:
        await lent.get("cms_visits")
        await lent.post("cms_visits", visits(row_ids(2))[1])
        await run_batch(lent, [delete])
        await client.post("cms_visits", visits(row_ids(3))[2])
    read, single, batch, other = target.requests
    for name, value in BYPASS.items():
        assert name not in read.headers and name not in other.headers
        assert single.headers[name] == value
        assert f"{name}: {value}".encode() in batch.content
    _, first, second = encode([Operation("GET", "cms_visits"), delete], "b1", BYPASS).split(b"HTTP/1.1")
    assert b"MSCRM" not in first and second.count(b"MSCRM") == len(BYPASS)
