"""Uploads: an export arrives file by file, block by block, in the drop container."""

from typing import Any, Final

from activities.errors import StepError
from ledger import migrations, paths
from ledger.storage import Storage

MAX_BLOCK: Final = 4 * 1024 * 1024


async def put_block(store: Storage, migration: str, file: str, block: str, octets: bytes) -> None:
    """Keep one block of a file; ``file`` is the id of its path. Safe to repeat."""
    if not block.isdecimal():
        raise StepError("bad_request", "The number of the block is missing.", "Send it as &block=0.")
    if len(octets) > MAX_BLOCK:
        raise StepError("block_too_large", "A block holds 4 MB at most.", "Send smaller blocks.")
    await store.put_block("drop", _blob(migration, file), int(block), octets)


async def end_upload(store: Storage, id: str, path: str, blocks: int, size: int, sha256: str) -> dict[str, Any]:
    """Make the file out of its blocks. Raises StepError when one is missing or the size is another."""
    migration = await migrations.load(store, id)
    try:
        blob = paths.drop_file(migration.id, paths.file_id(path))
    except ValueError as error:
        raise StepError("bad_request", f"{error}.", "Send the path below the upload's root.") from None
    try:
        await store.commit_blocks("drop", blob, blocks, sha256, path)
    except ValueError as error:
        raise StepError("missing_blocks", str(error).capitalize() + ".", "Send those blocks again.") from None
    if await store.size("drop", blob) != size:
        await store.delete("drop", blob)
        raise StepError("wrong_digest", "The file is not as long as was announced.", "Upload it again.")
    return {"path": path, "size": size, "sha256": sha256}


async def listing(store: Storage, migration: str) -> list[dict[str, Any]]:
    """What was uploaded: path, size and SHA-256 of each file."""
    return [
        {"path": one.path, "size": one.size, "sha256": one.digest}
        for one in await store.listing("drop", paths.drop(migration))
    ]


async def delete(store: Storage, migration: str, file: str) -> None:
    """Remove one uploaded file by the id of its path."""
    await store.delete("drop", _blob(migration, file))


def _blob(migration: str, file: str) -> str:
    try:
        return paths.drop_file(migration, file)
    except ValueError as error:
        raise StepError("bad_request", f"{error}.", "Send it as ?file=; a path itself belongs in no address.") from None
