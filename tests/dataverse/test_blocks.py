"""Large notes go in blocks, once, whatever breaks on the way, and never with more than a piece in memory."""

import base64
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from dataverse import blocks, notes
from dataverse.errors import AuthRefused, Unavailable
from dataverse.notes import create_note, file_digest
from dataverse.rows import CONFLICT, FOUND, TAKEN, create_rows
from tests.dataverse.conftest import Simulator
from tests.dataverse.fake import FakeTarget, answer, error, lose_after, lose_before, normal, row_ids
from tests.dataverse.samples import ANNOTATION, CONTACT
from tests.dataverse.test_faults import ready, rule
from tests.dataverse.test_target import new_ids, people

MB = 1024 * 1024
OCTETS = bytes(range(256)) * 10
PARENT = "objectid_contact@odata.bind"
[NOTE] = row_ids(1)
ROW = {"annotationid": NOTE, "subject": "Scan", "filename": "scan.pdf", "isdocument": True, PARENT: "/contacts(x)"}
NAMES = {"InitializeAnnotationBlocksUpload": "begin", "UploadBlock": "block", "CommitAnnotationBlocksUpload": "commit"}


class Notes(FakeTarget):
    """Notes with block upload. ``parents``: whether the Target may name the parent."""

    def __init__(self, parents: bool = True, **more: Any) -> None:
        super().__init__(ANNOTATION, **more)
        self.parents = parents
        self.uploads: dict[str, dict[str, bytes]] = {}
        self.commits = 0

    @property
    def sent(self) -> list[str]:
        return [NAMES.get(r.url.path.rpartition("/")[2], r.method) for r in self.writes]

    def read(self, request: httpx.Request) -> httpx.Response:
        row = self.rows.get(NOTE)
        if "filter" in str(request.url):
            return httpx.Response(200, json={"value": [row] if row else []})
        if row is None:
            return error(404, "0x80040217")
        if request.url.path.endswith("$value"):
            return httpx.Response(200, content=row["documentbody"])
        return httpx.Response(200, json={"filesize": row.get("filesize"), "isdocument": bool(row.get("filesize"))})

    def write(self, request: httpx.Request) -> httpx.Response:
        name = NAMES.get(request.url.path.rpartition("/")[2])
        if request.method == "DELETE":
            return httpx.Response(204) if self.rows.pop(NOTE, None) else error(404, "0x80040217")
        body = orjson.loads(request.content)
        if name is None:
            return self.create(body)
        if "Target" in body and PARENT in body["Target"] and not self.parents:
            return error(400, "0x80048d19", "undeclared property 'objectid_contact'")
        if name == "begin":
            token = f"t{len(self.uploads)}"
            self.uploads[token] = {}
            return httpx.Response(200, json={"FileContinuationToken": token})
        upload = self.uploads[body["FileContinuationToken"]]
        if name == "block":
            upload[body["BlockId"]] = base64.b64decode(body["BlockData"])
            assert len(upload[body["BlockId"]]) <= blocks.BLOCK
            return httpx.Response(204)
        return self.commit(body["Target"], b"".join(upload[i] for i in body["BlockList"]))

    def commit(self, target: dict[str, Any], octets: bytes) -> httpx.Response:
        if refused := self.bad.get("commit"):
            return error(*refused)
        self.commits += 1
        if NOTE not in self.rows:
            self.put(target)
        self.rows[NOTE] |= {**target, "documentbody": base64.b64encode(octets), "filesize": len(octets)}
        return httpx.Response(200, json={"AnnotationId": NOTE, "FileSizeInBytes": len(octets)})


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of three blocks, the last one short."""
    monkeypatch.setattr(notes, "BLOCKS_ABOVE", 1000)
    monkeypatch.setattr(blocks, "BLOCK", 1024)
    path = tmp_path / "scan.pdf"
    path.write_bytes(OCTETS)
    return path


@pytest.mark.parametrize(
    ("parents", "sent"),
    [
        (True, ["begin", "block", "block", "block", "commit"]),
        (False, ["POST", "begin", "block", "block", "block", "commit"]),
    ],
)
async def test_either_way_the_note_has_its_parent_and_its_file(file: Path, parents: bool, sent: list[str]) -> None:
    target = Notes(parents)
    async with target.client() as client:
        outcome = await create_note(client, ANNOTATION, ROW, file, object_in_blocks=parents)
        again = await create_note(client, ANNOTATION, ROW, file, object_in_blocks=parents, begun=True)
        other = await create_note(client, ANNOTATION, ROW, file, object_in_blocks=parents)
    assert (outcome.ok, outcome.code, again.code) == (True, "", FOUND)
    assert (other.ok, other.code) == (False, TAKEN)
    assert target.sent == sent and target.commits == 1
    row = target.rows[NOTE]
    assert base64.b64decode(row["documentbody"]) == OCTETS
    assert (row[PARENT], row["subject"], row["filename"]) == ("/contacts(x)", "Scan", "scan.pdf")


async def test_an_upload_to_a_note_that_is_there_does_not_name_its_parent(file: Path) -> None:
    target = Notes(parents=False)
    async with target.client() as client:
        await create_note(client, ANNOTATION, ROW, file)
    targets = [orjson.loads(r.content).get("Target") for r in target.writes[1:]]
    about = {"@odata.type", "annotationid", "subject", "filename"}
    assert [set(t) for t in targets if t] == [about, about]


@pytest.mark.parametrize("loss", [lose_before, lose_after, answer(httpx.Response(502))])
@pytest.mark.parametrize("step", range(6))
@pytest.mark.parametrize("parents", [True, False])
async def test_any_lost_answer_ends_in_one_note_with_its_file(file: Path, parents: bool, step: int, loss: Any) -> None:
    target = Notes(parents, faults=[*[normal] * step, loss])
    async with target.client() as client:
        outcome = await create_note(client, ANNOTATION, ROW, file, object_in_blocks=parents)
    assert outcome.ok
    assert base64.b64decode(target.rows[NOTE]["documentbody"]) == OCTETS and target.created == {NOTE: 1}
    lost_commit = loss is lose_after and step == (4 if parents else 5)
    assert (outcome.code == FOUND) is lost_commit and target.commits == 1


async def test_a_run_that_died_between_note_and_file_is_finished(file: Path) -> None:
    target = Notes(parents=False)
    target.put({**ROW})
    async with target.client() as client:
        outcome = await create_note(client, ANNOTATION, ROW, file, begun=True)
    assert outcome.ok and outcome.code == "" and "POST" not in target.sent
    assert target.rows[NOTE]["filesize"] == len(OCTETS) and target.created == {NOTE: 1}


@pytest.mark.parametrize("parents", [True, False])
async def test_a_note_of_somebody_else_gets_no_file_of_ours(file: Path, parents: bool) -> None:
    target = Notes(parents)
    target.put({**ROW, "subject": "theirs"})
    async with target.client() as client:
        outcome = await create_note(client, ANNOTATION, ROW, file, object_in_blocks=parents)
    assert (outcome.ok, outcome.code) == (False, TAKEN) and target.writes == []


@pytest.mark.parametrize("held", [OCTETS[:-1] + b"x", OCTETS + b"more"])
async def test_a_note_with_another_file_is_left_alone(file: Path, held: bytes) -> None:
    target = Notes()
    target.put({**ROW, "documentbody": base64.b64encode(held), "filesize": len(held)})
    async with target.client() as client:
        outcome = await create_note(client, ANNOTATION, ROW, file, begun=True)
    assert (outcome.ok, outcome.code) == (False, CONFLICT) and target.writes == []
    assert any(r.url.path.endswith("$value") for r in target.requests) is (len(held) == len(OCTETS))


@pytest.mark.parametrize("parents", [True, False])
async def test_a_refused_file_leaves_no_note_behind(file: Path, parents: bool) -> None:
    target = Notes(parents, bad={"commit": (400, "0x80044a02", "The attachment is too large")})
    async with target.client() as client:
        outcome = await create_note(client, ANNOTATION, ROW, file, object_in_blocks=parents)
    assert (outcome.ok, outcome.unknown, outcome.code) == (False, False, "0x80044a02")
    assert target.rows == {} and target.sent[-1] == "DELETE" and target.sent.count("commit") == 1


async def test_a_note_that_cannot_be_taken_back_is_not_called_absent(file: Path) -> None:
    target = Notes(False, bad={"commit": (400, "0x80044a02", "too large")})
    target.faults = [*[normal] * 6, answer(error(403, "0x80040220", "prvDeleteNote"))]
    async with target.client() as client:
        outcome = await create_note(client, ANNOTATION, ROW, file)
    assert outcome.unknown and NOTE in target.rows


async def test_an_id_that_is_burnt_is_a_refusal_not_a_riddle(file: Path) -> None:
    """A row in the recycle bin: it cannot be read, and its id cannot be used again."""
    target = Notes(False, bad={NOTE: (412, "0x80040237", "exists")})
    async with target.client() as client:
        outcome = await create_note(client, ANNOTATION, ROW, file)
    assert (outcome.ok, outcome.unknown, outcome.code) == (False, False, "0x80040237")
    assert target.sent == ["POST"]


async def test_a_commit_of_another_size_is_looked_into(file: Path) -> None:
    target = Notes()
    commit = target.commit

    def mumble(target: dict[str, Any], octets: bytes) -> httpx.Response:
        commit(target, octets)
        return httpx.Response(200, json={})

    target.commit = mumble  # type: ignore[method-assign]
    async with target.client() as client:
        outcome = await create_note(client, ANNOTATION, ROW, file, object_in_blocks=True)
    assert outcome.code == FOUND and target.commits == 1


async def test_what_is_not_the_note_s_fault_is_raised(file: Path) -> None:
    def nobody(request: httpx.Request, work: Any) -> httpx.Response:
        raise httpx.ConnectError("nobody")

    for faults, kind in (([answer(httpx.Response(401))] * 2, AuthRefused), ([nobody] * 7, Unavailable)):
        target = Notes(faults=list(faults))
        async with target.client() as client:
            with pytest.raises(kind):
                await create_note(client, ANNOTATION, ROW, file, object_in_blocks=True)


async def test_no_more_than_a_block_is_in_memory(tmp_path: Path) -> None:
    """40 MB go through; what the fake target is given is counted and dropped."""
    path = tmp_path / "large.tif"
    with path.open("wb") as sink:
        sink.truncate(40 * MB)
    received = 0

    async def handle(request: httpx.Request) -> httpx.Response:
        nonlocal received
        if request.method == "GET":
            return error(404, "0x80040217")
        if request.url.path.endswith("UploadBlock"):
            assert isinstance(request.stream, httpx.AsyncByteStream)
            size = 0
            async for piece in request.stream:
                size += len(piece)
            received += size
            assert size == int(request.headers["content-length"])
            return httpx.Response(204)
        return httpx.Response(200, json={"FileContinuationToken": "t", "FileSizeInBytes": 40 * MB})

    target = Notes()
    async with target.client() as client:
        transport = Streaming(handle)
        client._http._transport = transport
        tracemalloc.start()
        outcome = await create_note(client, ANNOTATION, ROW, path, object_in_blocks=True)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert outcome.ok and received > 40 * MB * 4 // 3
    assert peak < 5 * MB


class Streaming(httpx.AsyncBaseTransport):
    """MockTransport reads a request as a whole; this one does not."""

    def __init__(self, handle: Any) -> None:
        self.handle = handle

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self.handle(request)
        assert isinstance(response, httpx.Response)
        return response


@pytest.fixture
def behaving(simulator: Simulator) -> Iterator[Simulator]:
    yield simulator
    simulator.control("faults", {})


@pytest.mark.parametrize("trait", ["accepted", "refused"])
async def test_the_simulator_holds_what_was_sent(behaving: Simulator, file: Path, trait: str) -> None:
    await ready(behaving)
    person, note = new_ids(2)
    row = {**ROW, "annotationid": note, "mimetype": "application/pdf", PARENT: f"/contacts({person})"}
    async with behaving.client() as client:
        await create_rows(client, CONTACT, people([person]))
        cut = rule("CommitAnnotationBlocksUpload", reset="after")
        behaving.control("faults", {"behaviour": {"note_blocks": trait}, "rules": [cut]})
        outcome = await create_note(client, ANNOTATION, row, file, object_in_blocks=trait == "accepted")
        digest = await file_digest(client, note)
        held = (await client.get(f"annotations({note})?$select=_objectid_value,subject")).json()
    assert outcome.code == FOUND and digest is not None and digest.size == len(OCTETS)
    assert (held["_objectid_value"], held["subject"]) == (person, "Scan")
