"""Who takes part in an activity: rows of their own in Dataverse, columns of the activity to everybody else here.

A party column (``requiredattendees``…) is no property of the Web API: it is written as ``<table>_activity_parties`` with
a mask, and read from ``activityparties``. Between the two stands one text, ``contact:<id>,systemuser:<id>`` in order,
so that a before-image, a receipt and a comparison treat it as they treat any column.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from dataverse import query
from dataverse.client import DataverseClient
from dataverse.together import together
from mapping.parties import MASKS, text_of

#: Ids in one filter by lookup: 40 make about 3,000 characters of address.
_GROUP: Final = 40
_KIND: Final = "_partyid_value@Microsoft.Dynamics.CRM.lookuplogicalname"

Parties = dict[int, list[tuple[str, str]]]


async def read_parties(client: DataverseClient, ids: Sequence[str]) -> dict[str, Parties]:
    """The parties of activities: activity → mask → (table, id). Those known by an address only are left out."""

    async def group(some: Sequence[str]) -> list[dict[str, Any]]:
        address = query.path(
            "activityparties",
            select="_activityid_value,_partyid_value,participationtypemask",
            filter=query.any_of("_activityid_value", some),
        )
        return [row async for page in client.pages(address, table="activityparty", targets=True) for row in page]

    wanted = list(dict.fromkeys(query.guid(one) for one in ids))
    parts = await together(group(some) for some in query.groups(wanted, _GROUP))
    found: dict[str, Parties] = {}
    for row in (row for rows in parts for row in rows):
        if row.get("_partyid_value"):
            parties = found.setdefault(str(row["_activityid_value"]).lower(), {})
            party = (str(row.get(_KIND) or ""), str(row["_partyid_value"]).lower())
            parties.setdefault(int(row["participationtypemask"]), []).append(party)
    return found


async def add_parties(client: DataverseClient, rows: Mapping[str, dict[str, Any]], names: Iterable[str]) -> None:
    """Put party columns into rows that were read without them."""
    columns = [(name, MASKS[name]) for name in names]
    if not columns or not rows:
        return
    found = await read_parties(client, list(rows))
    for id, row in rows.items():
        row.update({name: text_of(found.get(id, {}).get(mask, [])) for name, mask in columns})
