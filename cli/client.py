"""The app's HTTP API, as the command line uses it."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx

from cli.errors import ApiError, CliError, misuse

#: Seconds for one request. Steps answer at once (202); reports may take a while to be written out.
TIMEOUT: Final = httpx.Timeout(60.0, connect=5.0)

#: How often a request that may be sent twice is sent again, and the first pause in seconds.
ATTEMPTS: Final = 5
FIRST_PAUSE: Final = 0.2

_OCTETS: Final = {"content-type": "application/octet-stream"}

#: Seconds a watched run may leave the app silent (a host that is started again) before the command gives up.
SILENCE: Final = 60.0


class Silent(CliError):
    """Nothing answers at the app's address."""


class Api:
    """One app at one address. Thread-safe, as httpx.Client is.

    Raises ApiError for the app's refusals and Silent when it cannot be reached. Requests that may be repeated
    (GET, PUT and the closing of an upload) are repeated when the connection breaks; starting a step is not.
    """

    def __init__(self, url: str, key: str, token: str = "", *, pause: Callable[[float], None] = time.sleep) -> None:
        self.url = url.rstrip("/").removesuffix("/api")
        # Proxies of the environment are for the outside: the app on this machine is reached directly.
        direct = httpx.URL(self.url).host in ("127.0.0.1", "localhost", "::1")
        headers = {"x-functions-key": key} if key else {}
        if token:  # an app in Azure stands behind sign-in: the token says who is there
            headers["authorization"] = f"Bearer {token}"
        self._http = httpx.Client(base_url=f"{self.url}/api", headers=headers, timeout=TIMEOUT, trust_env=not direct)
        self._pause = pause

    def close(self) -> None:
        """Gives the connections back."""
        self._http.close()

    def get(self, path: str, **params: Any) -> Any:
        """A JSON answer, in however many parts it comes. Parameters that are None are left out."""
        reply = self._send("GET", path, params=params, repeat=True)
        content = reply.content
        while after := reply.headers.get("x-continuation"):
            reply = self._send("GET", path, params=params | {"after": after}, repeat=True)
            content += reply.content
        return self._json(reply, content)

    def post(self, path: str, body: dict[str, Any], *, repeat: bool = False) -> Any:
        """Sends JSON; ``repeat`` only where a second sending changes nothing."""
        return self._json(self._send("POST", path, json=body, repeat=repeat))

    def put(self, path: str, body: Any) -> Any:
        """Puts a JSON document."""
        return self._json(self._send("PUT", path, json=body, repeat=True))

    def patch(self, path: str, body: Any) -> Any:
        """Sends what is to change of a JSON document; sent twice it changes the same."""
        return self._json(self._send("PATCH", path, json=body, repeat=True))

    def put_block(self, where: str, octets: bytes, **params: Any) -> None:
        """Puts one block of a file."""
        self._send("PUT", where, params=params, content=octets, headers=_OCTETS, repeat=True)

    def post_bundle(self, where: str, octets: bytes) -> None:
        """Sends several files at once; sent twice they are the same files."""
        self._send("POST", where, content=octets, headers=_OCTETS, repeat=True)

    def delete(self, where: str, **params: Any) -> Any:
        """Removes what the address names."""
        return self._json(self._send("DELETE", where, params=params, repeat=True))

    def download(self, path: str, target: Path, **params: Any) -> int:
        """Writes an answer to a file only this user reads, whole or not at all; returns its size in bytes."""
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = target.with_name(target.name + ".part")
        size = 0
        with beside.open("wb") as file:
            beside.chmod(0o600)
            for piece in self.pieces(path, **params):
                size += file.write(piece)
        beside.replace(target)
        return size

    def pieces(self, path: str, **params: Any) -> Iterator[bytes]:
        """An answer piece by piece, for what may be large; what the app gives in parts is asked for to its end."""
        after: str | None = None
        while True:
            with self._reached():
                with self._http.stream("GET", path, params=_given(params | {"after": after})) as reply:
                    if reply.is_error:
                        reply.read()
                        raise _refusal(reply)
                    yield from reply.iter_bytes()
            after = reply.headers.get("x-continuation")
            if not after:
                return

    def patiently(self, path: str, said: Callable[[], None]) -> Any:
        """A JSON answer from an app that may be away for ``SILENCE`` seconds; ``said`` is called once if it is."""
        waited, told = 0.0, False
        while True:
            try:
                return self.get(path)
            except (Silent, ApiError) as error:
                if isinstance(error, ApiError) and error.status not in (502, 503, 504):
                    raise
                if waited >= SILENCE:
                    raise
                if not told:
                    said()
                    told = True
                self._pause(1.0)
                waited += 1.0

    def _send(
        self, method: str, path: str, *, repeat: bool, params: dict[str, Any] | None = None, **more: Any
    ) -> httpx.Response:
        pause = FIRST_PAUSE
        for attempt in range(1, ATTEMPTS + 1):
            last = attempt == ATTEMPTS or not repeat
            try:
                with self._reached():
                    reply = self._http.request(method, path, params=_given(params or {}), **more)
            except Silent:
                if last:
                    raise
            else:
                if not reply.is_error:
                    return reply
                if last or reply.status_code not in (429, 502, 503, 504):
                    raise _refusal(reply)
            self._pause(pause)
            pause *= 2
        raise AssertionError("unreachable")

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except httpx.TransportError as error:
            raise Silent(
                f"The app at {self.url} does not answer ({type(error).__name__}).",
                code="silent",
                next="See what runs: ./carryover local status",
            ) from error
        except httpx.InvalidURL as error:
            raise misuse("The app's address is not a URL.", "Set CARRYOVER_APP_URL, say https://app.example") from error

    @staticmethod
    def _json(reply: httpx.Response, content: bytes | None = None) -> Any:
        """What a reply says; ``content``: of this one and those before."""
        content = reply.content if content is None else content
        if not content:
            return None
        try:
            return json.loads(content)
        except ValueError as error:
            raise CliError(
                f"The app answered with something that is not JSON (HTTP {reply.status_code}).",
                code="not_json",
                next="Check that CARRYOVER_APP_URL is Carryover's own address.",
            ) from error


def _given(params: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value is not None}


def _refusal(reply: httpx.Response) -> ApiError:
    status = reply.status_code
    try:
        error = reply.json()["error"]
        return ApiError(status, str(error["code"]), str(error["message"]), str(error.get("next") or ""))
    except (ValueError, KeyError, TypeError):
        pass
    if status in (401, 403):
        return ApiError(status, "unauthorized", "The app does not accept the key.", "Set CARRYOVER_APP_KEY.")
    if status == 404:
        return ApiError(status, "not_found", "The app does not know this address.", "Check the migration's id.")
    return ApiError(status, f"http_{status}", f"The app answered with HTTP {status}.", "Its log says why.")
