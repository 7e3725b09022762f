"""Who changed a row: a person, or a program that changes rows by itself."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from dataverse import query
from dataverse.client import DataverseClient

#: Access modes of people: read-write, administrative, read (systemuser.accessmode; 3 to 5 are support and services).
_PEOPLE: Final = (0, 1, 2)
_GROUP: Final = 100


@dataclass(frozen=True, slots=True)
class Who:
    """A user of the target. Programs are application users, services and the platform itself."""

    name: str
    person: bool


async def users(client: DataverseClient, ids: Iterable[str | None]) -> dict[str, Who]:
    """The users of these ids, by id in lower case; an id that is none is left out."""
    wanted = sorted({one.lower() for one in ids if one})
    found: dict[str, Who] = {}
    for some in query.groups(wanted, _GROUP):
        address = query.path(
            "systemusers",
            select="systemuserid,fullname,accessmode,applicationid",
            filter=query.ids_in("systemuserid", some),
        )
        async for page in client.pages(address, table="systemuser"):
            for row in page:
                person = not row.get("applicationid") and row.get("accessmode") in _PEOPLE
                found[str(row["systemuserid"]).lower()] = Who(str(row.get("fullname") or ""), person)
    return found
