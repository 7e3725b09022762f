"""The manifest: appended only, each line on the one before."""

import asyncio

import pytest

from ledger import manifest, paths
from ledger.manifest import ManifestBroken, ManifestEntry, ManifestHead
from ledger.storage import Storage


async def test_before_the_first_entry_it_is_empty(storage: Storage, migration: str) -> None:
    """Not an error: a migration begins without one."""
    assert await manifest.read(storage, migration) == []


async def test_entries_are_read_in_the_order_they_were_appended(storage: Storage, migration: str) -> None:
    """Each follows on the one before."""
    heads = {"p|r|o|c": ManifestHead(hash="0" * 64, count=3)}
    await manifest.append(storage, migration, ManifestEntry(kind="confirm", by="ana", map_hash="h1"))
    await manifest.append(storage, migration, ManifestEntry(kind="run_end", run="scope-0001", heads=heads, closed=True))

    entries = await manifest.read(storage, migration)

    assert [(e.kind, e.by, e.run, e.heads, e.closed) for e in entries] == [
        ("confirm", "ana", None, {}, False),
        ("run_end", "", "scope-0001", heads, True),
    ]
    assert entries[0].prev == "" and len(entries[1].prev) == 64


async def test_racing_writers_each_follow_on_another(storage: Storage, migration: str) -> None:
    """None is lost and none overwrites."""
    await asyncio.gather(
        *(manifest.append(storage, migration, ManifestEntry(kind="gate", by=str(n))) for n in range(6))
    )

    assert sorted(entry.by for entry in await manifest.read(storage, migration)) == list("012345")


async def test_many_heads_take_several_lines(storage: Storage, migration: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One append is limited; the entry is not."""
    monkeypatch.setattr(manifest, "_HEADS", 2)
    heads = {f"p{n}": ManifestHead(hash="0" * 64, count=n) for n in range(5)}

    await manifest.append(storage, migration, ManifestEntry(kind="run_end", run="migrate-0001", heads=heads))

    entries = await manifest.read(storage, migration)
    assert [len(entry.heads) for entry in entries] == [2, 2, 1]
    assert {name: head for entry in entries for name, head in entry.heads.items()} == heads


async def test_an_edited_or_removed_line_shows(storage: Storage, migration: str) -> None:
    """By the number of the line after it."""
    for n in range(3):
        await manifest.append(storage, migration, ManifestEntry(kind="gate", by=str(n)))
    lines = (await storage.get("ledger", paths.manifest(migration))).splitlines()

    with pytest.raises(ManifestBroken, match="line 2"):
        manifest.parse(b"\n".join([lines[0], lines[2]]))
    with pytest.raises(ManifestBroken, match="line 3"):
        manifest.parse(b"\n".join([lines[0], lines[1].replace(b'"by":"1"', b'"by":"9"'), lines[2]]))
    with pytest.raises(ManifestBroken, match="line 1"):
        manifest.parse(lines[1])
