"""Who asks. In Azure the platform signs people in and says who they are; on one's own machine a setting does.

The platform's headers are believed only where CARRYOVER_APP_SERVICE_AUTH says that the platform sets them: it then
removes a caller's own copies. The development identity answers on this machine's own address only.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import orjson

from settings import settings

Role = Literal["viewer", "operator", "approver"]
ROLES: Final[tuple[Role, ...]] = ("viewer", "operator", "approver")
#: Step -> the role it takes. Every other step takes an operator.
ROLES_OF_STEPS: Final[dict[str, Role]] = dict.fromkeys(("confirm", "sign-off", "close", "rollback"), "approver")

_HERE: Final = ("127.0.0.1", "localhost", "::1")
_ROLE_CLAIMS: Final = ("roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role")
_ID_CLAIMS: Final = ("oid", "http://schemas.microsoft.com/identity/claims/objectidentifier")
_NAME_CLAIMS: Final = ("preferred_username", "name")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is signed in. ``id`` never changes, ``name`` goes into the audit log."""

    id: str
    name: str
    roles: frozenset[str]

    @property
    def may_read(self) -> bool:
        """Any role: states, counts, the map, reports' figures."""
        return bool(self.roles)

    @property
    def may_operate(self) -> bool:
        """Shape the map, upload, start steps."""
        return "operator" in self.roles

    @property
    def may_approve(self) -> bool:
        """Confirm, sign off, accept, close, roll back."""
        return "approver" in self.roles

    @property
    def role(self) -> str:
        """The role in which a decision is taken: the highest they have."""
        return next((role for role in reversed(ROLES) if role in self.roles), "")

    @property
    def may_see_values(self) -> bool:
        """Values of patients' records, once a purpose is given."""
        return self.may_operate or self.may_approve


def person_of(headers: Mapping[str, str], url: str) -> Person | None:
    """The person who sent a request with these headers (names in any case) to this address; None: nobody we know."""
    one = settings()
    if one.app_service_auth:
        return _signed_in({name.lower(): value for name, value in headers.items()})
    if one.development_identity and urlsplit(url).hostname in _HERE:
        return Person(one.development_identity, one.development_identity, frozenset(ROLES))
    return None


def _signed_in(headers: Mapping[str, str]) -> Person | None:
    try:
        principal: Any = orjson.loads(base64.b64decode(headers.get("x-ms-client-principal", ""), validate=True))
        claims = [(str(one["typ"]), str(one["val"])) for one in principal["claims"]]
    except (binascii.Error, orjson.JSONDecodeError, KeyError, TypeError):
        return None
    kinds = {*_ROLE_CLAIMS, str(principal.get("role_typ", ""))}
    name = headers.get("x-ms-client-principal-name") or _first(claims, _NAME_CLAIMS)
    id = _first(claims, _ID_CLAIMS) or headers.get("x-ms-client-principal-id", "")
    if not id or not name:
        return None
    return Person(id, name, frozenset(value for kind, value in claims if kind in kinds and value in ROLES))


def _first(claims: list[tuple[str, str]], kinds: tuple[str, ...]) -> str:
    return next((value for kind in kinds for typ, value in claims if typ == kind), "")
