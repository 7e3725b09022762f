"""Notes go out and come back a piece at a time, and once."""

import base64
import hashlib
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from dataverse import streams
from dataverse.errors import BadAnswer, Unavailable
from dataverse.notes import create_note, download, file_digest
from dataverse.orgs import Organization, file_limit
from dataverse.rows import FOUND, TAKEN
from tests.dataverse.fake import FakeClock, FakeTarget, error, lose_after, lose_before, row_ids
from tests.dataverse.samples import ANNOTATION

MB = 1024 * 1024
OCTETS = bytes(range(250, 256)) + b"abcd"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Ten octets in pieces of six, so that pieces meet in the middle of the text and the end is padded."""
    monkeypatch.setattr(streams, "PIECE", 6)
    path = tmp_path / "scan.pdf"
    path.write_bytes(OCTETS)
    return path


@pytest.mark.parametrize("loss", [None, lose_before, lose_after])
async def test_a_note_lands_once_with_its_file(file: Path, loss: Any) -> None:
    [one] = row_ids(1)
    target = FakeTarget(ANNOTATION, faults=[loss] if loss else [])
    async with target.client() as client:
        outcome = await create_note(client, ANNOTATION, {"annotationid": one, "subject": "é"}, file)
        again = await create_note(client, ANNOTATION, {"annotationid": one, "subject": "é"}, file, begun=True)
        other = await create_note(client, ANNOTATION, {"annotationid": one, "subject": "é"}, file)
    assert (other.ok, other.code) == (False, TAKEN)
    assert outcome.ok and again.code == FOUND and target.created == {one: 1}
    request = target.writes[0]
    assert int(request.headers["Content-Length"]) == len(request.content)
    assert "transfer-encoding" not in request.headers
    sent = orjson.loads(request.content)
    assert sent["isdocument"] is True and sent["subject"] == "é"
    assert base64.b64decode(sent["documentbody"]) == OCTETS


async def test_a_note_without_a_file_is_no_document() -> None:
    [one] = row_ids(1)
    target = FakeTarget(ANNOTATION)
    async with target.client() as client:
        await create_note(client, ANNOTATION, {"annotationid": one, "notetext": "t"})
    assert orjson.loads(target.writes[0].content) == {"annotationid": one, "notetext": "t"}


async def test_a_blocked_file_is_an_outcome(file: Path) -> None:
    [one] = row_ids(1)
    target = FakeTarget(ANNOTATION, bad={one: (400, "0x80043e09", "The attachment 'Zebulon.exe' is blocked")})
    async with target.client() as client:
        outcome = await create_note(client, ANNOTATION, {"annotationid": one}, file)
    assert (outcome.ok, outcome.code) == (False, "0x80043e09") and "Zebulon" not in outcome.message


@pytest.mark.parametrize(("status", "lost", "unknown"), [(500, 1, True), (500, 0, False), (400, 1, False)])
async def test_a_plug_in_that_fell_over_after_a_loss_proves_nothing(status: int, lost: int, unknown: bool) -> None:
    [one] = row_ids(1)
    target = FakeTarget(ANNOTATION, bad={one: (status, "0x80040224", "no")}, faults=[lose_before] * lost)
    async with target.client() as client:
        outcome = await create_note(client, ANNOTATION, {"annotationid": one})
    assert (outcome.ok, outcome.unknown) == (False, unknown)


def serving(body: bytes, size: int, **more: Any) -> FakeTarget:
    target = FakeTarget(ANNOTATION)

    def read(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("$value"):
            return httpx.Response(200, content=body)
        return httpx.Response(200, json={"filesize": size, "isdocument": size > 0, **more})

    target.read = read  # type: ignore[method-assign]
    return target


@pytest.mark.parametrize("raw", [False, True])
async def test_a_file_comes_back_whichever_way_it_is_served(raw: bool) -> None:
    octets = bytes(range(256)) * 3000 + b"x"
    target = serving(octets if raw else base64.b64encode(octets), len(octets))
    got: list[bytes] = []
    async with target.client() as client:
        digest = await download(client, row_ids(1)[0], got.append)
    assert digest is not None and digest.size == len(octets)
    assert digest.sha256 == hashlib.sha256(octets).hexdigest() and b"".join(got) == octets


async def test_a_note_without_a_file_has_no_digest() -> None:
    async with serving(b"", 0).client() as client:
        assert await file_digest(client, row_ids(1)[0]) is None


@pytest.mark.parametrize("body", [base64.b64encode(b"abc"), b"YWJjZGVm!", base64.b64encode(b"abcdef")[:-1]])
async def test_a_file_that_is_cut_short_is_told(body: bytes) -> None:
    async with serving(body, 6).client() as client:
        with pytest.raises((BadAnswer, Unavailable)):
            await file_digest(client, row_ids(1)[0])


async def test_a_throttled_or_broken_download_is_opened_again() -> None:
    target, octets = serving(base64.b64encode(b"abcdef"), 6), b"abcdef"
    read, broken = target.read, [error(429, "0x80072322", "many", Retry_After="30"), httpx.Response(503)]

    def sometimes(request: httpx.Request) -> httpx.Response:
        return broken.pop(0) if broken and request.url.path.endswith("$value") else read(request)

    target.read = sometimes  # type: ignore[method-assign]
    clock = FakeClock()
    async with target.client(clock) as client:
        digest = await file_digest(client, row_ids(1)[0])
    assert digest is not None and digest.sha256 == hashlib.sha256(octets).hexdigest()
    assert not broken and clock.time >= 30 and client.counts.throttled == 1


@pytest.mark.parametrize(
    ("organization", "setting", "size", "binding"),
    [
        (5_242_880, 25, 3_932_160, "organization"),
        (131_072_000, 25, 25 * MB, "product"),
        (131_072_000, 10, 10 * MB, "setting"),
        (131_072_000, 50, 25 * MB, "product"),
    ],
)
def test_the_least_limit_binds(organization: int, setting: float, size: int, binding: str) -> None:
    limit = file_limit(Organization("i", "n", organization, frozenset()), setting)
    assert (limit.bytes, limit.binding) == (size, binding)
    assert len(base64.b64encode(b"x" * limit.bytes)) <= organization
    assert f"{size / MB:.1f} MB" in limit.words()
