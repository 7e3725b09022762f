"""The service protection limits: three per user and web server, over a sliding window, with penalties that grow."""

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final

from local.dataverse.errors import ApiError
from local.dataverse.faults.trigger import known

REQUESTS: Final = "0x80072322"
TIME: Final = "0x80072321"
CONCURRENCY: Final = "0x80072326"
#: Retry-After of a refusal for concurrency, as a share of the window: 2 of 300 seconds.
_CONCURRENCY_WAIT: Final = 2 / 300


@dataclass(slots=True, frozen=True)
class Limits:
    """The real numbers, unless a configuration scales them."""

    requests: int = 6000
    execution_ms: float = 1_200_000
    concurrency: int = 52
    window: float = 300
    servers: int = 1  #: the limits hold on each web server by itself
    penalty: float = 0.01  #: what each request sent during a penalty adds to it, as a share of the window
    grace: float = 0.01  #: a share of the window in which requests count as already on their way
    decimals: int = 0  #: of Retry-After; more than 0 only where the window is scaled below the real one


def limits(document: Any) -> Limits:
    names = {"requests", "execution_ms", "concurrency", "window", "servers", "penalty", "grace", "decimals"}
    made = Limits(**known(document, names))
    if made.servers < 1 or made.window <= 0:
        raise ValueError("servers must be 1 or more, and the window longer than 0 seconds")
    return made


@dataclass(slots=True)
class _Usage:
    """What one user has used on one server."""

    started: deque[float] = field(default_factory=deque)
    spent: deque[tuple[float, float]] = field(default_factory=deque)
    total_ms: float = 0.0
    running: int = 0
    refused: tuple[str, str, float] | None = None  #: code, message, when the penalty began
    until: float = 0.0  #: end of the penalty


class Guard:
    """Counts requests in and out; refuses with 429 and Retry-After."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.throttled: dict[str, int] = {}  #: refusals by code
        self._usage: dict[tuple[str, int], _Usage] = {}
        self._next = 0

    def server(self, cookie: str | None) -> int:
        """The web server a request comes to: the one its affinity cookie names, else the next in turn."""
        if cookie is not None and cookie.isdigit():
            return int(cookie) % self.limits.servers
        self._next = (self._next + 1) % self.limits.servers
        return self._next

    def enter(self, user: str, server: int, now: float) -> None:
        """Counts a request in; 429 when a limit is reached or a penalty is still on."""
        limits = self.limits
        usage = self._usage.setdefault((user, server), _Usage())
        self._forget(usage, now - limits.window)
        if usage.refused is not None:
            self._during_penalty(usage, now)
        if usage.running >= limits.concurrency:
            message = f"Number of concurrent requests exceeded the limit of {limits.concurrency}."
            raise self._refusal(CONCURRENCY, message, limits.window * _CONCURRENCY_WAIT)
        if len(usage.started) >= limits.requests:
            message = (
                f"Number of requests exceeded the limit of {limits.requests} over time window of {limits.window:g} "
                "seconds."
            )
            raise self._begin(usage, REQUESTS, message, now, usage.started[0] + limits.window)
        if usage.total_ms >= limits.execution_ms:
            message = (
                f"Combined execution time of incoming requests exceeded limit of {limits.execution_ms:,.0f} "
                f"milliseconds over time window of {limits.window:g} seconds. Decrease number of concurrent requests "
                "or reduce the duration of requests and try again later."
            )
            raise self._begin(usage, TIME, message, now, usage.spent[0][0] + limits.window)
        usage.started.append(now)
        usage.running += 1

    def leave(self, user: str, server: int, now: float, spent_ms: float) -> None:
        """Counts a request out with the time it took."""
        usage = self._usage.get((user, server))
        if usage is not None:
            usage.running = max(0, usage.running - 1)
            usage.spent.append((now, spent_ms))
            usage.total_ms += spent_ms

    def remaining(self, user: str, server: int) -> dict[str, str]:
        """The debug headers with what is left of the limits on that server."""
        usage = self._usage.get((user, server))
        if usage is None:
            return {}
        seconds = max(0.0, self.limits.execution_ms - usage.total_ms) / 1000
        return {
            "x-ms-ratelimit-burst-remaining-xrm-requests": str(max(0, self.limits.requests - len(usage.started))),
            "x-ms-ratelimit-time-remaining-xrm-requests": f"{seconds:.2f}",
        }

    def _begin(self, usage: _Usage, code: str, message: str, now: float, until: float) -> ApiError:
        usage.refused = (code, message, now)
        usage.until = until
        return self._refusal(code, message, until - now)

    def _during_penalty(self, usage: _Usage, now: float) -> None:
        """Refuses while a penalty is on; who keeps sending makes it longer, up to a whole window from now."""
        if usage.refused is None or now >= usage.until:
            usage.refused = None
            return
        code, message, began = usage.refused
        window = self.limits.window
        if now > began + self.limits.grace * window:
            usage.until = min(usage.until + self.limits.penalty * window, now + window)
        raise self._refusal(code, message, usage.until - now)

    def _refusal(self, code: str, message: str, seconds: float) -> ApiError:
        self.throttled[code] = self.throttled.get(code, 0) + 1
        step = 10**self.limits.decimals
        wait = max(1, math.ceil(seconds * step)) / step
        shown = f"{wait:.{self.limits.decimals}f}"
        return ApiError(429, code, message, {"Retry-After": shown})

    @staticmethod
    def _forget(usage: _Usage, before: float) -> None:
        while usage.started and usage.started[0] <= before:
            usage.started.popleft()
        while usage.spent and usage.spent[0][0] <= before:
            usage.total_ms -= usage.spent.popleft()[1]
