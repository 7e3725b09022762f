"""Notes with files: sent and read back a piece at a time, so that memory does not grow with the file."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from dataverse.blocks import create_in_blocks
from dataverse.client import DataverseClient
from dataverse.download import FileDigest, download, file_digest
from dataverse.errors import AuthRefused, Duplicate, LostReply, Refused
from dataverse.outcomes import RowOutcome
from dataverse.reads import existing_ids
from dataverse.streams import embed
from mapping.schema import SchemaTable

#: Octets above which a file goes in blocks: Microsoft advises base64 in one body only below.
BLOCKS_ABOVE: Final = 4 * 1024 * 1024
_LOST_TRIES: Final = 4

__all__ = ["BLOCKS_ABOVE", "FileDigest", "create_note", "download", "file_digest"]


async def create_note(
    client: DataverseClient,
    table: SchemaTable,
    row: Mapping[str, Any],
    file: Path | None = None,
    *,
    object_in_blocks: bool = False,
    begun: bool = False,
) -> RowOutcome:
    """Create one annotation with its file; ``row`` carries the id and no body.

    A small file is the note's ``documentbody``; a larger one goes in blocks, and ``object_in_blocks`` says whether the
    target lets those name the note's parent. Repeats until it is answered or the row is found. A note that is there
    already has landed ("found") if a request of ours may have made it (``begun``: one of an earlier call), a large one
    only if its file is there too; else its id is taken.
    """
    size = await asyncio.to_thread(lambda: file.stat().st_size) if file else 0
    if file and size > BLOCKS_ABOVE:
        return await create_in_blocks(client, table, row, file, whole=object_in_blocks, begun=begun)
    row_id = str(row[table.id_column])
    for lost in range(_LOST_TRIES):
        try:
            if file:
                body = embed({**row, "isdocument": True}, "documentbody", file, 0, size)
                await client.request(
                    "POST", table.set_name, content=body.start, headers=body.headers, table=table.logical
                )
            else:
                await client.post(table.set_name, dict(row), table=table.logical)
            return RowOutcome(0, True)
        except AuthRefused:
            raise
        except LostReply:
            if await existing_ids(client, table, [row_id]):
                return RowOutcome.there(0, ours=True)
            await client.backoff(lost)
        except Duplicate as error:
            if await existing_ids(client, table, [row_id]):
                return RowOutcome.there(0, ours=lost + begun > 0)
            return RowOutcome.failed(0, error)
        except Refused as error:
            return RowOutcome.of(0, error, lost + begun)
    return RowOutcome.lost(0)
