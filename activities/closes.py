"""A row's state as it was before we changed it, kept once, and the rows that closing an opportunity makes."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from activities.who import users
from dataverse.client import DataverseClient
from dataverse.closings import closes_of
from dataverse.reads import read_rows
from dataverse.users import who_am_i
from ledger import before
from ledger.before import Image
from ledger.storage import Storage
from mapping.schema import SchemaTable

#: In an opportunity's image: the ids of the closes it had. Not a column's name.
_CLOSES: Final = "@closes"
#: What the platform fills in when it closes a row.
_FILLED: Final = {
    "opportunity": ("actualclosedate", "actualvalue"),
    "task": ("actualend",),
    "appointment": ("actualend",),
}


def filled_columns(table: SchemaTable) -> tuple[str, ...]:
    """The columns that the platform fills in when it closes a row of this table."""
    return _FILLED.get(table.logical, ())


def state_columns(table: SchemaTable) -> tuple[str, ...]:
    """The columns that change with a row's state; none where the table has no state."""
    return ("statecode", "statuscode", *filled_columns(table)) if "statecode" in table.columns else ()


def state_of(row: Mapping[str, Any]) -> tuple[int, int]:
    """statecode and statuscode of a row that was read."""
    return int(row["statecode"]), int(row["statuscode"])


async def keep_states(
    store: Storage, client: DataverseClient, job: dict[str, Any], label: str, table: SchemaTable, ids: list[str]
) -> tuple[dict[str, Image], dict[str, str]]:
    """The states of rows, and the closes of opportunities, as they were before this run's first attempt at this chunk
    (``label``); and where these images are kept. Rows that are not there have none."""
    rows = await read_rows(client, table, ids, ("statecode", "statuscode", *filled_columns(table)))
    if table.logical == "opportunity":
        closes = await closes_of(client, list(rows))
        for id, row in rows.items():
            row[_CLOSES] = sorted(closes.get(id, {}))
    batch = f"state-{table.logical}"
    references = await before.keep(store, job["migration"], job["run"], job["object"], label, batch, rows)
    return await before.get_many(store, references), references


async def caused_closes(client: DataverseClient, images: Mapping[str, Image]) -> dict[str, list[str]]:
    """The closes that opportunities have got since their images were kept, by the opportunity's id: what our closing
    made, and not what a person's did."""
    found = await closes_of(client, list(images))
    news = {
        id: {close: by for close, by in closes.items() if close not in images[id].get(_CLOSES, ())}
        for id, closes in found.items()
    }
    people = await _people(client, {by for closes in news.values() for by in closes.values()})
    ours = {id: sorted(close for close, by in closes.items() if by not in people) for id, closes in news.items()}
    return {id: closes for id, closes in ours.items() if closes}


async def _people(client: DataverseClient, ids: Iterable[str]) -> set[str]:
    """Those of the users who are people, and not we."""
    wanted = set(ids)
    if not wanted:
        return set()
    known = await users(client, wanted - {(await who_am_i(client)).user_id})
    return {id for id, one in known.items() if one.person}
