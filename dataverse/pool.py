"""Several application users side by side: each has service protection limits, a token and connections of its own."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from dataverse.auth import Auth, client_credential
from dataverse.budget import Meter
from dataverse.client import DataverseClient


class BadApplicationUsers(ValueError):
    """The setting cannot be read; the message names the place, never what stands there."""


@dataclass(frozen=True, slots=True)
class ApplicationUser:
    """One app registration: its client id, and a secret or the path of a certificate."""

    client_id: str
    secret: str = field(default="", repr=False)
    certificate: str = ""


def application_users(
    listed: str, *, client_id: str = "", secret: str = "", certificate: str = ""
) -> list[ApplicationUser]:
    """The users of the setting CARRYOVER_APPLICATION_USERS (``[{"client_id", "secret" | "certificate"}, …]``).

    When it is empty, the one of DATAVERSE_CLIENT_ID, or none. Raises BadApplicationUsers.
    """
    if not listed.strip():
        return [ApplicationUser(client_id, secret, certificate)] if client_id else []
    try:
        document = orjson.loads(listed)
    except orjson.JSONDecodeError:
        raise BadApplicationUsers("CARRYOVER_APPLICATION_USERS is not JSON.") from None
    if not isinstance(document, list) or not document:
        raise BadApplicationUsers("CARRYOVER_APPLICATION_USERS must be a list of at least one user.")
    users = [_user(number, item) for number, item in enumerate(document, 1)]
    if len({user.client_id.lower() for user in users}) != len(users):
        raise BadApplicationUsers("CARRYOVER_APPLICATION_USERS names a client id twice; limits are counted per user.")
    return users


def _user(number: int, item: Any) -> ApplicationUser:
    where = f"CARRYOVER_APPLICATION_USERS, user {number}"
    if not isinstance(item, dict) or not all(isinstance(value, str) for value in item.values()):
        raise BadApplicationUsers(f"{where} must be an object of texts.")
    if item.keys() - {"client_id", "secret", "certificate"}:
        raise BadApplicationUsers(f"{where} has a member that is not client_id, secret or certificate.")
    user = ApplicationUser(item.get("client_id", ""), item.get("secret", ""), item.get("certificate", ""))
    if not user.client_id:
        raise BadApplicationUsers(f"{where} has no client_id.")
    if bool(user.secret) == bool(user.certificate):
        raise BadApplicationUsers(f"{where} needs a secret or a certificate, and not both.")
    return user


def credentials(url: str, tenant_id: str, users: Sequence[ApplicationUser], authority: str | None = None) -> list[Auth]:
    """The tokens of each user, for ``ClientPool``; ``authority`` as in ``client_credential``."""
    return [
        client_credential(
            url,
            tenant_id,
            user.client_id,
            secret=user.secret or None,
            certificate=Path(user.certificate) if user.certificate else None,
            authority=authority,
        )
        for user in users
    ]


class ClientPool:
    """One client for each application user, kept as long as the process (and its event loop) lives.

    ``options`` are those of DataverseClient that all of them share (``slots``, ``transport``, ``clock``…).
    """

    def __init__(self, url: str, auths: Sequence[Auth], **options: Any) -> None:
        if not auths:
            raise ValueError("a pool needs at least one application user")
        self._clients = [DataverseClient(url, auth, **options) for auth in auths]

    def __len__(self) -> int:
        return len(self._clients)

    @property
    def all(self) -> tuple[DataverseClient, ...]:
        """The clients of all application users. The first one's user must see what the others write."""
        return tuple(self._clients)

    def slots(self, index: int, slots: int) -> AbstractContextManager[None]:
        """Hold requests that may be under way: those that the orchestrator gave a lane of this user.

        0: the service's hint for the user as a whole. Lanes of one user in one process share their sum.
        """
        return self._clients[index % len(self)].limiter.granted(slots)

    @asynccontextmanager
    async def client(
        self,
        index: int,
        *,
        before_write: Callable[[], Awaitable[None]] | None = None,
        before_pause: Callable[[float], Awaitable[None]] | None = None,
        budget: Meter | None = None,
        bypass: bool = False,
    ) -> AsyncIterator[DataverseClient]:
        """The client of one piece of work, for as long as that takes. Users take turns by ``index``.

        All who work for one user in one process share the slots that are held for it, its pauses, its token and what
        was learned about batch sizes.
        """
        async with self._clients[index % len(self)].lent(
            before_write=before_write, before_pause=before_pause, budget=budget, bypass=bypass
        ) as lent:
            yield lent

    async def close(self) -> None:
        """Close all connections."""
        for client in self._clients:
            await client.close()
