"""The requests that came to the service, as it saw them. Off until asked for; what a fault answered is not among them."""

import re
from typing import Any, Final

#: Ids and key values of an address; what is left of it names a table and what was asked of it.
_KEYS: Final = re.compile(r"\([^)]*\)")


class Traffic:
    """Requests since ``start``, in the order in which they ended."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._seen: list[tuple[float, float, str, str, str, int, int]] = []

    def start(self, now: float) -> None:
        """Notes requests from now on, from nothing."""
        self._since = now
        self._seen = []

    def add(self, began: float, ended: float, user: str, method: str, path: str, rows: int, status: int) -> None:
        """Notes one request; moments in seconds of the same clock as ``start``."""
        if self._since is not None and began >= self._since:
            at = began - self._since
            self._seen.append((at, ended - began, user, method, _KEYS.sub("", path.strip("/")), rows, status))

    def read(self) -> list[dict[str, Any]]:
        """Each request that has ended; ``at`` in seconds since ``start``. Nothing before it."""
        names = ("at", "seconds", "user", "method", "path", "rows", "status")
        return [dict(zip(names, one, strict=True)) for one in self._seen]
