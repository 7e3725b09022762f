"""Notes whose file is too large for one JSON body: sent in blocks, exactly once.

InitializeAnnotationBlocksUpload, UploadBlock and CommitAnnotationBlocksUpload (Learn: "Use file data with attachment
and note records"). What was uploaded appears with the commit, all at once. Where the target does not let the upload
name the note's parent, the note is created first, without its file: a rerun sees by size and digest what is missing.
"""

import asyncio
import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

from dataverse import query
from dataverse.client import DataverseClient
from dataverse.download import FileDigest, file_digest
from dataverse.errors import AuthRefused, BadAnswer, DataverseError, Duplicate, LostReply, NotFound, Refused
from dataverse.outcomes import CONFLICT, RowOutcome
from dataverse.streams import embed
from mapping.schema import SchemaTable

#: Octets a block, before encoding: the most the service takes.
BLOCK: Final = 4 * 1024 * 1024
LOST_TRIES: Final = 4
_TYPE: Final = "Microsoft.Dynamics.CRM.annotation"
#: What the upload of an existing note says about it, as the vendor's sample does.
_ABOUT: Final = frozenset({"annotationid", "subject", "notetext", "filename", "mimetype"})

_Found = Literal["absent", "empty", "same", "other"]


async def create_in_blocks(
    client: DataverseClient, table: SchemaTable, row: Mapping[str, Any], file: Path, *, whole: bool, begun: bool = False
) -> RowOutcome:
    """Create a note with its file. ``whole``: the upload makes the note, else it is created first.

    Repeats until it is answered or found. A note that a request of ours may have made (``begun``: one of an earlier call)
    has landed if it holds this file ("found"), and is a "conflict" if it holds another; any other note has taken the id.
    A note whose file is refused is removed again; if that fails, it is "unknown".
    """
    size = await asyncio.to_thread(lambda: file.stat().st_size)
    row_id = query.guid(str(row[table.id_column]))
    taken: Duplicate | None = None
    ours, lost = begun, int(begun)
    for tries in range(LOST_TRIES):
        found = await _look(client, row_id, file, size)
        if found != "absent" and not ours:
            return RowOutcome.there(0, ours=False)
        if found == "same":
            return RowOutcome.there(0, ours=True)
        if found == "other":
            return RowOutcome(0, False, CONFLICT, "The note holds another file.")
        if found == "absent" and taken:
            return RowOutcome.failed(0, taken)  # refused as a duplicate, yet not there: it lies in the recycle bin
        try:
            if found == "absent" and not whole:
                await client.post(table.set_name, dict(row), table=table.logical)
                ours = True
            about = {n: v for n, v in row.items() if n in _ABOUT or (whole and n != "isdocument")}
            await _upload(client, {"@odata.type": _TYPE, **about}, file, size)
            return RowOutcome(0, True)
        except AuthRefused:
            raise
        except (LostReply, BadAnswer):
            ours, lost = True, lost + 1
            await client.backoff(tries)
        except Duplicate as error:
            taken = error
        except Refused as error:
            return await _take_back(client, table, row_id, RowOutcome.of(0, error, lost))
    return RowOutcome.lost(0)


async def _upload(client: DataverseClient, target: dict[str, Any], file: Path, size: int) -> None:
    """The three messages. Raises BadAnswer when the commit tells of another size than the file's."""
    begun = await client.post(
        "InitializeAnnotationBlocksUpload", {"Target": target}, table="annotation", repeatable=True
    )
    token = begun.json().get("FileContinuationToken")
    if not isinstance(token, str):
        raise BadAnswer("A block upload was begun without a token.", table="annotation")
    names: list[str] = []
    for offset in range(0, size, BLOCK):
        names.append(base64.b64encode(f"{len(names):06d}".encode()).decode())
        body = embed(
            {"BlockId": names[-1], "FileContinuationToken": token},
            "BlockData",
            file,
            offset,
            min(BLOCK, size - offset),
        )
        # A block sent twice under one name counts once.
        await client.request(
            "POST", "UploadBlock", content=body.start, headers=body.headers, table="annotation", repeatable=True
        )
    commit = {"Target": target, "BlockList": names, "FileContinuationToken": token}
    answer = (await client.post("CommitAnnotationBlocksUpload", commit, table="annotation")).json()
    if answer.get("FileSizeInBytes") != size:
        raise BadAnswer("The target took another number of octets than was sent.", table="annotation")


async def _look(client: DataverseClient, row_id: str, file: Path, size: int) -> _Found:
    """What is there: no note, one without a file, one with this file, or one with another."""
    note = query.row("annotations", row_id)
    try:
        about = (await client.get(query.path(note, select="filesize,isdocument"), table="annotation")).json()
    except NotFound:
        return "absent"
    held = int(about.get("filesize") or 0)
    if not held:
        return "empty"
    if held != size:
        return "other"
    return "same" if await file_digest(client, row_id) == await asyncio.to_thread(_digest, file) else "other"


async def _take_back(client: DataverseClient, table: SchemaTable, row_id: str, refused: RowOutcome) -> RowOutcome:
    """Remove the note that was created for a file which is refused: a note without its file is not what was wanted."""
    try:
        await client.request(
            "DELETE", query.row(table.set_name, row_id), table=table.logical, repeatable=True, headers={"If-Match": "*"}
        )
    except NotFound:
        return refused
    except DataverseError:
        return RowOutcome(
            0, False, refused.code, "The file was refused, and its note could not be removed.", unknown=True
        )
    return refused


def _digest(file: Path) -> FileDigest:
    with file.open("rb") as source:
        return FileDigest(hashlib.file_digest(source, "sha256").hexdigest(), file.stat().st_size)
