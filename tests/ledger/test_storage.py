"""Blobs: written whole, written once, replaced by etag, in blocks, by prefix."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from azure.core.credentials import AzureNamedKeyCredential

from ledger.storage import Account, NotStored, Storage, bounded


async def test_a_blob_written_once_keeps_its_first_content(storage: Storage, migration: str) -> None:
    """The second writer is told that it came second."""
    name = f"{migration}/once"

    assert await storage.put("ledger", name, b"first", once=True)
    assert not await storage.put("ledger", name, b"second", once=True)
    assert await storage.get("ledger", name) == b"first"


async def test_of_many_writers_of_a_write_once_blob_one_wins(storage: Storage, migration: str) -> None:
    """Racing writers see exactly one success."""
    name = f"{migration}/once"

    won = await asyncio.gather(*(storage.put("ledger", name, bytes([n]), once=True) for n in range(8)))

    assert won.count(True) == 1
    assert await storage.get("ledger", name) == bytes([won.index(True)])


async def test_a_plain_put_overwrites_and_takes_a_stream(storage: Storage, migration: str) -> None:
    """A stream of pieces becomes one blob, in place of the old one."""

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"abc"

    name = f"{migration}/plain"
    await storage.put("staging", name, b"old")
    await storage.put("staging", name, pieces())

    assert await storage.get("staging", name) == b"abcabcabc"
    assert b"".join([piece async for piece in storage.stream("staging", name)]) == b"abcabcabc"
    assert await storage.size("staging", name) == 9


async def test_a_missing_blob_is_named(storage: Storage, migration: str, tmp_path: Path) -> None:
    """Every way of reading raises NotStored with the place."""
    name = f"{migration}/none"

    with pytest.raises(NotStored, match=name):
        await storage.get("ledger", name)
    with pytest.raises(NotStored):
        await storage.size("ledger", name)
    with pytest.raises(NotStored):
        await storage.download("ledger", name, tmp_path / "file")
    with pytest.raises(NotStored):
        _ = [piece async for piece in storage.stream("ledger", name)]
    assert not await storage.exists("ledger", name)
    assert not await storage.delete("ledger", name)


async def test_replace_refuses_what_has_changed_since(storage: Storage, migration: str) -> None:
    """Compare-and-swap on a blob."""
    name = f"{migration}/document"
    await storage.put("ledger", name, b"1")
    _, etag = await storage.read("ledger", name)

    assert await storage.replace("ledger", name, b"2", etag)
    assert not await storage.replace("ledger", name, b"3", etag)
    assert await storage.get("ledger", name) == b"2"


async def test_blocks_make_a_file_once_all_have_arrived(storage: Storage, migration: str) -> None:
    """Blocks may come in any order and twice; a missing one is refused by number."""
    name = f"{migration}/big.csv"
    await storage.put_block("drop", name, 2, b"c")
    await storage.put_block("drop", name, 0, b"a")

    with pytest.raises(ValueError, match=r"1 of 3 blocks have not arrived \(the first is 1\)"):
        await storage.commit_blocks("drop", name, 3)

    await storage.put_block("drop", name, 1, b"x")
    await storage.put_block("drop", name, 1, b"b")
    await storage.commit_blocks("drop", name, 3)
    assert await storage.get("drop", name) == b"abc"


async def test_a_file_without_blocks_is_empty(storage: Storage, migration: str) -> None:
    """An empty upload is a file too."""
    await storage.commit_blocks("drop", f"{migration}/empty.csv", 0)

    assert await storage.get("drop", f"{migration}/empty.csv") == b""


async def test_a_prefix_comes_down_as_a_folder(storage: Storage, migration: str, tmp_path: Path) -> None:
    """Folders below the prefix are kept, and nothing beside it comes along."""
    for name in ("a/1", "a/b/2", "ab/3"):
        await storage.put("staging", f"{migration}/{name}", name.encode())

    await storage.download("staging", f"{migration}/a/", tmp_path / "down")

    found = {
        str(p.relative_to(tmp_path / "down")): p.read_text() for p in (tmp_path / "down").rglob("*") if p.is_file()
    }
    assert found == {"1": "a/1", "b/2": "a/b/2"}


async def test_upload_and_download_a_file(storage: Storage, migration: str, tmp_path: Path) -> None:
    """A file larger than one block arrives whole."""
    source = tmp_path / "source"
    source.write_bytes(bytes(range(256)) * 40_000)

    await storage.upload("staging", f"{migration}/file", source)
    await storage.download("staging", f"{migration}/file", tmp_path / "back")

    assert (tmp_path / "back").read_bytes() == source.read_bytes()


async def test_delete_prefix_takes_what_is_under_it_only(storage: Storage, migration: str) -> None:
    """A listing before and after; an empty prefix is refused."""
    for name in ("x/1", "x/2", "y/1"):
        await storage.put("staging", f"{migration}/{name}", b"")

    assert await storage.delete_prefix("staging", f"{migration}/x/") == 2
    assert await storage.names("staging", f"{migration}/") == [f"{migration}/y/1"]
    with pytest.raises(ValueError, match="whole container"):
        await storage.delete_prefix("staging", "")


async def test_bounded_keeps_the_order_and_the_bound() -> None:
    """Never more than the limit at once; results as the items came."""
    running = most = 0

    async def work(n: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return n * n

    assert await bounded(work, range(20), limit=3) == [n * n for n in range(20)]
    assert most == 3


async def test_bounded_raises_the_error_itself() -> None:
    """Not a group of errors that no caller expects."""

    async def work(n: int) -> None:
        raise NotStored("ledger", str(n))

    with pytest.raises(NotStored):
        await bounded(work, [1, 2])


async def test_ensure_may_be_repeated(storage: Storage) -> None:
    """Containers and tables that are there are left alone."""
    await storage.ensure()


@pytest.mark.parametrize(
    ("environment", "proxy"),
    [
        ({}, None),
        ({"https_proxy": "http://gate:3128"}, "http://gate:3128"),
        ({"https_proxy": "http://gate:3128", "no_proxy": ".example.net"}, None),
        ({"http_proxy": "http://gate:3128"}, None),
    ],
)
async def test_the_environments_proxy_is_taken(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], proxy: str | None
) -> None:
    """As every other program takes it: by scheme, and not for hosts that are excepted."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    asked: list[str | None] = []
    session = aiohttp.ClientSession

    def opened(**given: Any) -> aiohttp.ClientSession:
        asked.append(given["proxy"])
        return session(**given)

    monkeypatch.setattr(aiohttp, "ClientSession", opened)

    async with Storage.open(Account("elm", AzureNamedKeyCredential("elm", "a2V5"), "example.net")):  # type: ignore[arg-type]
        assert asked == [proxy]
