"""Tokens for one Dataverse environment: client secret, certificate, managed identity, or a fixed token.

The scope is the environment's address with ``/.default``. A token is kept until five minutes before it ends.
"""

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from dataverse.errors import AuthRefused

_MARGIN_SECONDS: Final = 300


class Auth(Protocol):
    """Gives a bearer token; ``forget`` makes the next call fetch a new one."""

    async def token(self) -> str: ...

    def forget(self) -> None: ...


class StaticToken:
    """A token from the settings, as the local simulator takes it."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def token(self) -> str:
        return self._token

    def forget(self) -> None:
        """A fixed token cannot be renewed."""


class CachedAuth:
    """A token fetched by ``fetch`` (blocking; run in a thread), which returns it with its end in Unix seconds."""

    def __init__(self, fetch: Callable[[], tuple[str, float]], now: Callable[[], float] = time.time) -> None:
        self._fetch = fetch
        self._now = now
        self._kept: tuple[str, float] | None = None
        self._lock = asyncio.Lock()

    async def token(self) -> str:
        async with self._lock:
            if self._kept is None or self._kept[1] - _MARGIN_SECONDS <= self._now():
                self._kept = await asyncio.to_thread(self._fetch)
            return self._kept[0]

    def forget(self) -> None:
        self._kept = None


def scope_of(url: str) -> str:
    """The one scope of an environment: its address without path, and ``/.default``."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.split('/', 1)[0]}/.default"


def client_credential(
    url: str, tenant_id: str, client_id: str, *, secret: str | None = None, certificate: Path | None = None
) -> CachedAuth:
    """An application user by client secret, or by certificate (PEM with key and certificate, or PFX without password).

    Raises AuthRefused from ``token()`` when the directory does not grant one; the reason is its error code only.
    """
    import msal  # type: ignore[import-untyped]

    credential: str | dict[str, Any]
    if certificate is not None:
        credential = _certificate(certificate)
    elif secret:
        credential = secret
    else:
        raise AuthRefused("A client secret or a certificate is needed.")
    made: list[Any] = []  # made in the thread of the first fetch: its constructor asks the directory for its endpoints

    def fetch() -> tuple[str, float]:
        if not made:
            made.append(
                msal.ConfidentialClientApplication(
                    client_id,
                    authority=f"https://login.microsoftonline.com/{tenant_id}",
                    client_credential=credential,
                )
            )
        answer: Mapping[str, Any] = made[0].acquire_token_for_client(scopes=[scope_of(url)])
        if "access_token" not in answer:
            raise AuthRefused(f"The directory gave no token: {answer.get('error', 'unknown error')}.")
        return str(answer["access_token"]), time.time() + float(answer.get("expires_in", 0))

    return CachedAuth(fetch)


def managed_identity(url: str, client_id: str | None = None) -> CachedAuth:
    """The identity that Azure gives the app (system-assigned, or the user-assigned one with this client id)."""
    from azure.core.exceptions import ClientAuthenticationError
    from azure.identity import CredentialUnavailableError, ManagedIdentityCredential

    credential = ManagedIdentityCredential(client_id=client_id) if client_id else ManagedIdentityCredential()

    def fetch() -> tuple[str, float]:
        try:
            answer = credential.get_token(scope_of(url))
        except (CredentialUnavailableError, ClientAuthenticationError):
            raise AuthRefused("The managed identity gave no token.") from None
        return answer.token, float(answer.expires_on)

    return CachedAuth(fetch)


def _certificate(path: Path) -> dict[str, Any]:
    if path.suffix.lower() in (".pfx", ".p12"):
        return {"private_key_pfx_path": str(path)}
    blocks = re.findall(r"-----BEGIN ([A-Z ]+)-----.*?-----END \1-----", text := path.read_text(encoding="ascii"), re.S)
    if not any(kind.endswith("PRIVATE KEY") for kind in blocks) or "CERTIFICATE" not in blocks:
        raise AuthRefused("The certificate file must hold both a private key and a certificate.")
    return {"private_key": _pem(text, r"[A-Z ]*PRIVATE KEY"), "public_certificate": _pem(text, "CERTIFICATE")}


def _pem(text: str, kind: str) -> str:
    return "\n".join(m.group(0) for m in re.finditer(rf"-----BEGIN {kind}-----.*?-----END {kind}-----", text, re.S))
