"""Tokens for one Dataverse environment: client secret, certificate, managed identity, or a fixed token.

The scope is the environment's address with ``/.default``. A token is kept until five minutes before it ends, a
short-lived one for half of its life.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

import httpx

from dataverse.directory import LOGIN, Directory, misconfigured, read_certificate, refusal
from dataverse.errors import AuthRefused

_MARGIN_SECONDS: Final = 300
_SUFFIX: Final = "/.default"


class Auth(Protocol):
    """Gives a bearer token; ``forget`` makes the next call fetch another than the one that was refused."""

    async def token(self) -> str: ...

    def forget(self, token: str) -> None: ...


class StaticToken:
    """A token from the settings, as the local simulator takes it."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def token(self) -> str:
        return self._token

    def forget(self, token: str) -> None:
        """A fixed token cannot be renewed."""


class CachedAuth:
    """A token fetched by ``fetch`` (blocking; run in a thread), which returns it with its end in Unix seconds."""

    def __init__(self, fetch: Callable[[], tuple[str, float]], now: Callable[[], float] = time.time) -> None:
        self._fetch = fetch
        self._now = now
        self._kept: tuple[str, float] | None = None  #: the token, and when to renew it
        self._lock = asyncio.Lock()

    async def token(self) -> str:
        async with self._lock:
            if self._kept is None or self._kept[1] <= self._now():
                token, ends = await asyncio.to_thread(self._fetch)
                self._kept = token, max(ends - _MARGIN_SECONDS, (ends + self._now()) / 2)
            return self._kept[0]

    def forget(self, token: str) -> None:
        """Drop the token that was refused; not the one that another request has fetched since."""
        if self._kept is not None and self._kept[0] == token:
            self._kept = None


def scope_of(url: str) -> str:
    """The one scope of an environment: its address without path, and ``/.default``."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.split('/', 1)[0]}{_SUFFIX}"


def client_credential(
    url: str,
    tenant_id: str,
    client_id: str,
    *,
    secret: str | None = None,
    certificate: Path | None = None,
    authority: str | None = None,
    http: httpx.Client | None = None,
) -> CachedAuth:
    """An application user by client secret, or by certificate (PEM with key and certificate, or PFX without password).

    ``authority`` is the directory's address without tenant, for other clouds and for a directory on this machine.
    ``token()`` raises AuthRefused when the directory gives none, with its AADSTS code only, and Unavailable when it
    does not answer.
    """
    if certificate is None and not secret:
        raise AuthRefused("A client secret or a certificate is needed.")
    place = (authority or LOGIN).rstrip("/")
    directory = Directory(place, http)
    made: list[Any] = []  # made in the thread of the first fetch: its constructor asks the directory for its endpoints

    def application() -> Any:
        import msal  # type: ignore[import-untyped]

        return msal.ConfidentialClientApplication(
            client_id,
            authority=f"https://{place.partition('://')[2]}/{tenant_id}",
            client_credential=secret if certificate is None else read_certificate(certificate),
            http_client=directory,
            # Microsoft's own directory is asked whether it knows the authority; another one's word is enough for it.
            instance_discovery=None if place == LOGIN else False,
        )

    def fetch() -> tuple[str, float]:
        try:
            if not made:
                made.append(application())
            made[0].remove_tokens_for_client()  # kept here, so that a token which is refused can be forgotten
            answer: Mapping[str, Any] = made[0].acquire_token_for_client(scopes=[scope_of(url)])
        except (ValueError, TypeError) as error:
            raise misconfigured(error) from None
        if "access_token" not in answer:
            raise refusal(answer)
        return str(answer["access_token"]), time.time() + float(answer.get("expires_in", 0))

    return CachedAuth(fetch)


def managed_identity(url: str, client_id: str | None = None, http: httpx.Client | None = None) -> CachedAuth:
    """The identity that Azure gives the app (system-assigned, or the user-assigned one with this client id).

    ``token()`` raises AuthRefused when the platform gives none, and Unavailable when it cannot now.
    """
    directory = Directory(LOGIN, http)

    def fetch() -> tuple[str, float]:
        import msal

        identity: Any = (
            msal.UserAssignedManagedIdentity(client_id=client_id) if client_id else msal.SystemAssignedManagedIdentity()
        )
        # Made anew each time: it keeps tokens itself, and would give the one that was refused again.
        source = msal.ManagedIdentityClient(identity, http_client=directory)
        try:
            answer: Mapping[str, Any] = source.acquire_token_for_client(resource=scope_of(url).removesuffix(_SUFFIX))
        except (ValueError, msal.ManagedIdentityError):
            raise AuthRefused("The platform gave no token for the managed identity.") from None
        if "access_token" not in answer:
            raise AuthRefused("The platform gave no token for the managed identity: has the app that identity?")
        return str(answer["access_token"]), time.time() + float(answer["expires_in"])

    return CachedAuth(fetch)
