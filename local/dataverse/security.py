"""Who calls, who owns, and who may not: users, teams and their privileges, read from the tables of the same name."""

from dataclasses import dataclass
from typing import Final

from local.dataverse import errors
from local.dataverse.catalog import Catalog, stable_id
from local.dataverse.faults.behaviour import Owner
from local.dataverse.model import Table

ORGANIZATION_ID: Final = stable_id("organization")
BUSINESS_UNIT_ID: Final = stable_id("businessunit", "root")
CURRENCY_ID: Final = stable_id("transactioncurrency", "USD")
APPLICATION_USER_ID: Final = stable_id("systemuser", "application")

#: Privileges that belong to no table.
GENERAL_PRIVILEGES: Final = (
    "prvOverrideCreatedOnCreatedBy", "prvImportCustomization", "prvPublishCustomization", "prvActOnBehalfOfAnotherUser",
    "prvBypassCustomBusinessLogic", "prvBypassCustomPlugins", "prvCreateEntity", "prvCreateAttribute",
)  # fmt: skip
_RIGHTS: Final = ("Create", "Read", "Write", "Delete", "Assign", "Append", "AppendTo", "Share")
#: Activities of every kind share the privileges of one table.
_ACTIVITY: Final = "Activity"


@dataclass(slots=True, frozen=True)
class Caller:
    """The user a request runs as; ``delegate`` is the real caller when that one impersonates."""

    user: str
    lacks: frozenset[str] = frozenset()
    delegate: str | None = None


@dataclass(slots=True, frozen=True)
class User:
    identity: str
    email: str
    disabled: bool
    lacks: frozenset[str]


class Security:
    """Users, teams and the organization's file rules in memory; ``refresh`` after one of these tables changed."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.lacking: dict[str, frozenset[str]] = {}  #: user or team id -> privileges taken away by the seed
        self.users: dict[str, User] = {}
        self.by_name: dict[str, User] = {}
        self.teams: set[str] = set()
        self.file_rules: tuple[int, frozenset[str]] = (0, frozenset())  #: largest file (encoded), blocked extensions

    def refresh(self) -> None:
        db = self.catalog.store.db
        self.users = {}
        self.by_name = {}
        query = "SELECT systemuserid, internalemailaddress, isdisabled, azureactivedirectoryobjectid FROM systemuser"
        for identity, email, disabled, directory_id in db.execute(query):
            user = User(identity, email or "", bool(disabled), self.lacking.get(identity, frozenset()))
            self.users[identity] = user
            for name in (identity, email, directory_id):
                if name:
                    self.by_name.setdefault(name.lower(), user)
        self.teams = {row[0] for row in db.execute("SELECT teamid FROM team")}
        organization = db.execute("SELECT maxuploadfilesize, blockedattachments FROM organization").fetchone()
        if organization is not None:
            self.file_rules = (organization[0], frozenset((organization[1] or "").lower().split(";")))

    def caller(self, token: str, impersonated: str | None = None) -> Caller:
        """The user behind a bearer token: an e-mail or id names that user, any other token the application user."""
        user = self.by_name.get(token.lower()) or self.users[APPLICATION_USER_ID]
        if user.disabled:
            raise errors.user_disabled()
        if impersonated is None:
            return Caller(user.identity, user.lacks)
        target = self.by_name.get(impersonated.strip("{}").lower())
        if target is None or target.disabled:
            raise errors.user_disabled()
        if "prvActOnBehalfOfAnotherUser" in user.lacks:
            raise errors.missing_privilege(user.identity, "prvActOnBehalfOfAnotherUser")
        return Caller(target.identity, user.lacks | target.lacks, user.identity)

    def names(self, caller: Caller) -> tuple[str, ...]:
        """What the caller may be called in a rule: id and e-mail, lower case."""
        return caller.user, self.users[caller.user].email.lower()

    def require(self, caller: Caller, right: str, table: Table) -> None:
        """Refuses with 403 when the caller has not got the right on the table."""
        if caller.lacks:
            self.require_named(caller, privilege(right, table))

    def require_named(self, caller: Caller, name: str) -> None:
        if name in caller.lacks:
            raise errors.missing_privilege(caller.user, name)

    def owner(self, caller: Caller, kind: str, identity: str, table: Table, disabled: Owner) -> tuple[str, str]:
        """The (table, id) that will own a row. An owner must be able to read the table; ``disabled`` is what becomes of
        an owner who is disabled."""
        if kind == "systemuser" and self.users[identity].disabled and disabled != "accepted":
            if disabled == "replaced":
                return "systemuser", caller.user
            raise errors.user_disabled()
        if privilege("Read", table) in self.lacking.get(identity, frozenset()):
            raise errors.owner_lacks(kind, identity, privilege("Read", table))
        return kind, identity

    def privileges(self, identity: str) -> list[str]:
        """Names of all privileges that a user or a team holds."""
        lacks = self.lacking.get(identity, frozenset())
        names = [
            name
            for table in self.catalog.tables.values()
            if not table.activity
            for name in (privilege(right, table) for right in _RIGHTS)
        ]
        names += [f"prv{right}{_ACTIVITY}" for right in _RIGHTS]
        return [name for name in (*names, *GENERAL_PRIVILEGES) if name not in lacks]

    def role_privilege(self, name: str) -> dict[str, str]:
        """A privilege as RetrieveUserPrivileges and RetrieveTeamPrivileges list it."""
        return {
            "Depth": "Global",
            "PrivilegeId": stable_id("privilege", name),
            "BusinessUnitId": BUSINESS_UNIT_ID,
            "PrivilegeName": name,
        }


def privilege(right: str, table: Table) -> str:
    """``prvCreateContact``; activities have ``prvCreateActivity``."""
    return f"prv{right}{_ACTIVITY if table.activity else table.schema}"
