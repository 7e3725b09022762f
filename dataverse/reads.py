"""Reading rows back by their ids."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from dataverse import query
from dataverse.client import DataverseClient
from dataverse.parties import add_parties
from dataverse.together import together
from mapping.parties import MASKS
from mapping.schema import SchemaTable

#: Ids in one In filter: 100 make about 4,500 characters of address, far below the 32 KB a GET may have.
GROUP: Final = 100

Row = dict[str, Any]


async def read_rows(
    client: DataverseClient, table: SchemaTable, ids: Sequence[str], columns: Iterable[str], *, targets: bool = False
) -> dict[str, Row]:
    """The rows that exist, by id (lower case), with ``@odata.etag``; ids that are not there are not in the answer.

    ``columns`` are read names (``SchemaColumn.read_name``), party columns among them. ``targets``: as ``pages``
    takes it. Holds all the rows asked for in memory: pass at most one chunk of ids.
    """
    asked = list(columns)
    select = ",".join(dict.fromkeys([table.id_column, *(name for name in asked if name not in MASKS)]))
    wanted = list(dict.fromkeys(query.guid(i) for i in ids))

    async def group(some: Sequence[str]) -> list[Row]:
        address = query.path(table.set_name, select=select, filter=query.ids_in(table.id_column, some))
        return [row async for page in client.pages(address, table=table.logical, targets=targets) for row in page]

    found = await together(group(some) for some in query.groups(wanted, GROUP))
    by_id = {str(row[table.id_column]).lower(): row for rows in found for row in rows}
    await add_parties(client, by_id, [name for name in asked if name in MASKS])
    return by_id


async def existing_ids(client: DataverseClient, table: SchemaTable, ids: Sequence[str]) -> set[str]:
    """Which of the ids are in the target."""
    return set(await read_rows(client, table, ids, ()))
