"""Rows whose write was never answered: there, or not there, once the target has had time to finish.

One read that finds nothing proves nothing, since a server may commit after its client gave up. Read again after the
longest time that the target gives a request, absence is proof: nobody else writes these ids.
"""

from collections.abc import Sequence
from typing import Final, Literal

from dataverse import query
from dataverse.client import DataverseClient
from dataverse.reads import existing_ids
from mapping.schema import SchemaTable

Fate = Literal["landed", "absent"]

#: Longer than the two minutes in which the database and plug-ins of the service must finish.
QUIET_SECONDS: Final = 150.0


async def settle(
    client: DataverseClient, table: SchemaTable, unknown: Sequence[str], quiet_seconds: float = QUIET_SECONDS
) -> dict[str, Fate]:
    """What became of created rows; id (lower case) → fate. Waits, by the client's clock, only if some are not there.

    ``quiet_seconds`` begin now: call it when nothing that may write these ids is under way. For creates only; a change
    is settled by calling ``change_rows`` again with the same version, a note by calling ``create_note`` again.
    """
    wanted = list(dict.fromkeys(query.guid(i) for i in unknown))
    there = await existing_ids(client, table, wanted)
    if missing := [i for i in wanted if i not in there]:
        await client.pause(quiet_seconds)
        there |= await existing_ids(client, table, missing)
    return {i: "landed" if i in there else "absent" for i in wanted}
