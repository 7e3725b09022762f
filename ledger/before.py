"""Before-images: rows of the target as they were before we first changed them. Written once, never overwritten."""

import gzip
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from ledger import paths
from ledger.storage import Storage, bounded

Image = dict[str, Any]
"""A row as read back: columns by logical name, with `@odata.etag` when the service gave one."""


async def keep(
    storage: Storage, migration: str, run: str, object: str, chunk: str, batch: str, images: Mapping[str, Image]
) -> dict[str, str]:
    """Store the before-images of one batch (by row id); returns the reference of each, for `Intent.before`.

    Images that an earlier attempt at this batch stored stay and are referred to: a rerun never takes its own write for
    a before-image. `batch` names the batch within the chunk and must be the same in each attempt.
    """
    refs: dict[str, str] = {}
    missing = dict(images)
    attempt = 0
    while missing:
        attempt += 1
        ref = paths.before(migration, run, object, chunk, batch, attempt)
        stored: Iterable[str] = missing
        if not await storage.put("ledger", ref, gzip.compress(orjson.dumps(missing), 6, mtime=0), once=True):
            stored = (await read(storage, ref)).keys() & missing.keys()
        for row_id in list(stored):
            refs[row_id] = ref
            del missing[row_id]
    return refs


async def read(storage: Storage, ref: str) -> dict[str, Image]:
    """All images of one reference, by row id. Raises NotStored."""
    images: dict[str, Image] = orjson.loads(gzip.decompress(await storage.get("ledger", ref)))
    return images


async def get(storage: Storage, ref: str, row_id: str) -> Image:
    """The before-image of one row. Raises NotStored; KeyError when the reference does not hold the row."""
    return (await read(storage, ref))[row_id]


async def get_many(storage: Storage, refs: Mapping[str, str]) -> dict[str, Image]:
    """The before-images of many rows, from row id to reference; each blob is read once. Raises as `get`."""
    names = sorted(set(refs.values()))

    async def one(ref: str) -> dict[str, Image]:
        return await read(storage, ref)

    blobs = dict(zip(names, await bounded(one, names), strict=True))
    return {row_id: blobs[ref][row_id] for row_id, ref in refs.items()}
