"""Users, teams and what they may do. Users are matched by e-mail and never written.

E-mail addresses travel in the body of a ``$batch``, not in the address of a request.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from dataverse import query
from dataverse.batch import Operation, Part, run_batch
from dataverse.client import DataverseClient

_USER: Final = "systemuserid,internalemailaddress,fullname,isdisabled,applicationid"
#: E-mail addresses a query, and queries a batch.
_GROUP: Final = 20
_QUERIES: Final = 50


@dataclass(frozen=True, slots=True)
class User:
    """A systemuser. ``application`` users are programs, not owners."""

    id: str
    email: str
    name: str
    disabled: bool
    application: bool


@dataclass(frozen=True, slots=True)
class Team:
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the client is."""

    user_id: str
    business_unit_id: str
    organization_id: str


async def who_am_i(client: DataverseClient) -> Identity:
    """The caller; also the cheapest proof that the target is there and lets us in."""
    answer = (await client.get("WhoAmI")).json()
    return Identity(*(str(answer[name]).lower() for name in ("UserId", "BusinessUnitId", "OrganizationId")))


async def find_users(client: DataverseClient, emails: Iterable[str]) -> dict[str, list[User]]:
    """Users by e-mail; the keys are the addresses asked for, as they were given. Case does not matter.

    An empty list: nobody; more than one: ambiguous. Disabled users are in the lists, marked.
    """
    asked = list(dict.fromkeys(e for e in emails if e.strip()))
    folded = list(dict.fromkeys(e.strip().casefold() for e in asked))
    queries = [
        query.path(
            "systemusers",
            select=_USER,
            filter=" or ".join(f"internalemailaddress eq {query.literal(e)}" for e in some),
        )
        for some in query.groups(folded, _GROUP)
    ]
    found: dict[str, dict[str, User]] = {}
    for some in query.groups(queries, _QUERIES):
        operations = [Operation("GET", address, table="systemuser") for address in some]
        for result in await run_batch(client, operations, repeatable=True):
            if not isinstance(result, Part):
                raise result
            for row in result.rows():
                user = User(
                    id=str(row["systemuserid"]).lower(),
                    email=str(row.get("internalemailaddress") or ""),
                    name=str(row.get("fullname") or ""),
                    disabled=bool(row.get("isdisabled")),
                    application=bool(row.get("applicationid")),
                )
                found.setdefault(user.email.casefold(), {})[user.id] = user
    return {e: list(found.get(e.strip().casefold(), {}).values()) for e in asked}


async def find_teams(client: DataverseClient, name: str) -> list[Team]:
    """Owner teams of this name."""
    address = query.path("teams", select="teamid,name", filter=f"name eq {query.literal(name)}")
    rows = (await client.get(address, table="team")).rows()
    return [Team(str(r["teamid"]).lower(), str(r.get("name") or "")) for r in rows]


async def read_privileges(client: DataverseClient, user_id: str) -> dict[str, str]:
    """The privileges a user has through roles and teams: lower-case name → depth (Basic, Local, Deep, Global)."""
    address = f"{query.row('systemusers', user_id)}/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()"
    rows = (await client.get(address, table="systemuser")).json().get("RolePrivileges", [])
    unnamed = {str(r["PrivilegeId"]).lower(): str(r.get("Depth") or "") for r in rows if not r.get("PrivilegeName")}
    held = {str(r["PrivilegeName"]).lower(): str(r.get("Depth") or "") for r in rows if r.get("PrivilegeName")}
    if unnamed:
        # Older versions answer with ids only; the table of privileges has the names.
        async for page in client.pages(query.path("privileges", select="privilegeid,name"), table="privilege"):
            for row in page:
                depth = unnamed.get(str(row["privilegeid"]).lower())
                if depth is not None:
                    held[str(row["name"]).lower()] = depth
    return held
