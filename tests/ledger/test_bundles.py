"""Several small files in one request: all are kept as announced, or none."""

import hashlib
import json
from typing import Any

import pytest

from activities.errors import StepError
from ledger.migrations import create
from ledger.storage import Storage
from services import files
from tests.support.systems import new_system


def described(path: str, content: bytes) -> dict[str, Any]:
    return {"path": path, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def bundle(contents: dict[str, bytes]) -> bytes:
    about = [described(path, content) for path, content in contents.items()]
    return json.dumps(about).encode() + b"\n" + b"".join(contents.values())


async def test_every_file_is_kept_and_listed(storage: Storage) -> None:
    """Contents may be empty or hold line ends, and a second sending changes nothing."""
    id = (await create(storage, new_system())).id
    contents = {"a.csv": b"id\n1\n", "d/empty.pdf": b"", "d/M\u00fcller.txt": b"\n\n"}

    await files.put_bundle(storage, id, bundle(contents))
    await files.put_bundle(storage, id, bundle(contents))

    listed = {file["path"]: file for file in await files.listing(storage, id)}
    assert listed == {path: described(path, content) for path, content in contents.items()}


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda whole: whole[:-1], "wrong_digest"),
        (lambda whole: whole + b"x", "wrong_digest"),
        (lambda whole: whole.replace(b"bbb", b"bXb"), "wrong_digest"),
        (lambda whole: whole + b"x" * files.MAX_BLOCK, "block_too_large"),
        (lambda whole: b"no list\n" + whole, "bad_request"),
    ],
)
async def test_a_bundle_that_is_not_as_announced_keeps_nothing(storage: Storage, spoil: Any, code: str) -> None:
    """Not even the files of it that are whole."""
    id = (await create(storage, new_system())).id

    with pytest.raises(StepError) as refused:
        await files.put_bundle(storage, id, spoil(bundle({"a.txt": b"aaa", "b.txt": b"bbb"})))

    assert refused.value.value["code"] == code
    assert await files.listing(storage, id) == []
