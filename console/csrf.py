"""Forms that only our own pages can send: a token per form, bound to the person, the browser and the form's address.

The key is made once and kept in Blob Storage, where every instance of the app finds it. Besides the token, the cookie
is ``SameSite=Lax`` and the ``Origin`` of a form must be the console's own.
"""

import hashlib
import hmac
import secrets
from typing import Final
from urllib.parse import urlsplit

import azure.functions as func

from ledger import paths
from ledger.storage import Storage
from settings import settings

COOKIE: Final = "carryover"
FIELD: Final = "token"
HEADER: Final = "x-carryover-token"

_keys: dict[str, bytes] = {}


async def key_of(store: Storage) -> bytes:
    """The key of this app's tokens, read once per process."""
    if paths.CONSOLE_KEY not in _keys:
        # Two instances may make one at once; the first stays.
        await store.put("ledger", paths.CONSOLE_KEY, secrets.token_bytes(32), once=True)
        _keys[paths.CONSOLE_KEY] = await store.get("ledger", paths.CONSOLE_KEY)
    return _keys[paths.CONSOLE_KEY]


def sign(key: bytes, *parts: str) -> str:
    """A proof (hex) that we put these parts together."""
    return hmac.new(key, "\n".join(parts).encode(), hashlib.sha256).hexdigest()


def proves(key: bytes, given: str, *parts: str) -> bool:
    """Whether ``given`` is what ``sign`` made of these parts."""
    return hmac.compare_digest(given.encode(), sign(key, *parts).encode())


def cookie(name: str, value: str, path: str, *, seconds: int | None = None) -> str:
    """A Set-Cookie header: for this path, no script, and only over TLS where the platform signs people in.

    Lax, not Strict: coming back from the sign-in the browser would leave a strict cookie out, and get another one.
    """
    parts = [f"{name}={value}", f"Path={path}", "HttpOnly", "SameSite=Lax"]
    if seconds is not None:
        parts.append(f"Max-Age={seconds}")
    if settings().app_service_auth:
        parts.append("Secure")
    return "; ".join(parts)


def from_here(request: func.HttpRequest) -> bool:
    """Whether a form was sent by a page of this address. Browsers always name the origin of a form."""
    origin = urlsplit(request.headers.get("origin", ""))
    return bool(origin.netloc) and origin.netloc == urlsplit(request.url).netloc
