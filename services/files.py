"""Uploads: an export arrives in the drop container, small files several at a time, large ones block by block."""

import asyncio
import hashlib
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from activities.errors import StepError
from ledger import migrations, paths
from ledger.storage import Storage, bounded

MAX_BLOCK: Final = 4 * 1024 * 1024
#: Files of one bundle, and the most that may be written of them.
MAX_FILES: Final = 200
MAX_HEAD: Final = 1024 * 1024


class UploadEnd(BaseModel):
    """The end of a file's upload: how many blocks, and what they make."""

    model_config = ConfigDict(extra="forbid")

    path: str
    blocks: int = Field(ge=0, le=50_000)
    size: int = Field(ge=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class BundledFile(BaseModel):
    """One file of a bundle: where it lay in the upload, and what it holds."""

    model_config = ConfigDict(extra="forbid")

    path: str
    size: int = Field(ge=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


_HEAD: Final = TypeAdapter(list[BundledFile])


async def put_block(store: Storage, migration: str, file: str, block: str, octets: bytes) -> None:
    """Keep one block of a file; ``file`` is the id of its path. Safe to repeat."""
    if not block.isdecimal():
        raise StepError("bad_request", "The number of the block is missing.", "Send it as &block=0.")
    if len(octets) > MAX_BLOCK:
        raise StepError("block_too_large", "A block holds 4 MB at most.", "Send smaller blocks.")
    await store.put_block("drop", _blob(migration, file), int(block), octets)


async def end_upload(store: Storage, id: str, end: UploadEnd) -> dict[str, Any]:
    """Make the file out of its blocks. Raises StepError when one is missing or the size is another."""
    migration = await migrations.load(store, id)
    blob = _named(migration.id, end.path)
    try:
        await store.commit_blocks("drop", blob, end.blocks, end.sha256, end.path)
    except ValueError as error:
        raise StepError("missing_blocks", str(error).capitalize() + ".", "Send those blocks again.") from None
    if await store.size("drop", blob) != end.size:
        await store.delete("drop", blob)
        raise StepError("wrong_digest", "The file is not as long as was announced.", "Upload it again.")
    return end.model_dump(exclude={"blocks"})


async def put_bundle(store: Storage, id: str, octets: bytes) -> list[dict[str, Any]]:
    """Keep several files, whole: one line of JSON, a list of BundledFile, and their contents one after another.

    Nothing is kept unless all is as announced. Safe to repeat. Raises StepError.
    """
    files = await asyncio.to_thread(_unpacked, octets)
    migration = await migrations.load(store, id)
    named = [(_named(migration.id, file.path), file, content) for file, content in files]

    async def keep(one: tuple[str, BundledFile, bytes]) -> None:
        blob, file, content = one
        await store.put_file("drop", blob, content, file.sha256, file.path)

    await bounded(keep, named)
    return [file.model_dump() for file, _ in files]


def _unpacked(octets: bytes) -> list[tuple[BundledFile, bytes]]:
    head, _, contents = octets.partition(b"\n")
    if len(head) > MAX_HEAD or len(contents) > MAX_BLOCK:
        raise StepError("block_too_large", "A bundle holds 4 MB at most.", "Send fewer files at once.")
    try:
        about = _HEAD.validate_json(head)
    except ValidationError:
        raise StepError(
            "bad_request", "The bundle's first line is no list of files.", "See /api/openapi.json."
        ) from None
    if len(about) > MAX_FILES:
        raise StepError("block_too_large", f"A bundle holds {MAX_FILES} files at most.", "Send fewer files at once.")
    files, start = [], 0
    for file in about:
        content = contents[start : start + file.size]
        start += file.size
        if hashlib.sha256(content).hexdigest() != file.sha256:
            raise StepError("wrong_digest", "A file is not what was announced.", "Send the bundle again.")
        files.append((file, content))
    if start != len(contents):
        raise StepError("wrong_digest", "The bundle is not as long as its files.", "Send the bundle again.")
    return files


async def listing(store: Storage, migration: str) -> list[dict[str, Any]]:
    """What was uploaded: path, size and SHA-256 of each file."""
    return [
        {"path": one.path, "size": one.size, "sha256": one.digest}
        for one in await store.listing("drop", paths.drop(migration))
    ]


async def delete(store: Storage, migration: str, file: str) -> None:
    """Remove one uploaded file by the id of its path."""
    await store.delete("drop", _blob(migration, file))


def _named(migration: str, path: str) -> str:
    try:
        return paths.drop_file(migration, paths.file_id(path))
    except ValueError as error:
        raise StepError("bad_request", f"{error}.", "Send the path below the upload's root.") from None


def _blob(migration: str, file: str) -> str:
    try:
        return paths.drop_file(migration, file)
    except ValueError as error:
        raise StepError("bad_request", f"{error}.", "Send it as ?file=; a path itself belongs in no address.") from None
