"""What can be made to go wrong on purpose, and the service's own protection limits.

A configuration replaces the one before it: ``{"rules": [...], "limits": {...}, "service_ms_per_row": 0.0,
"disk_full": false}``; a list alone is the rules. All of it is off in a new environment.
"""

import math
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final, Literal

from local.dataverse.errors import ApiError

_REQUESTS: Final = "0x80072322"
_TIME: Final = "0x80072321"
_CONCURRENCY: Final = "0x80072326"
_OPTIONS: Final = frozenset({"skip", "status", "code", "message", "retry_after", "reset"})


@dataclass(slots=True)
class Rule:
    """Requests that match are answered with an error, or have their connection cut, ``times`` times."""

    method: str | None
    path: re.Pattern[str]
    times: int
    skip: int = 0  #: matching requests let through first
    status: int = 503
    code: str = ""
    message: str = "The service is unavailable."
    retry_after: float | None = None
    reset: Literal["before", "after"] | None = None  #: cut the connection before the work, or after its commit

    def error(self) -> ApiError:
        headers = {} if self.retry_after is None else {"Retry-After": str(math.ceil(self.retry_after))}
        return ApiError(self.status, self.code, self.message, headers)


@dataclass(slots=True)
class Limits:
    """The service protection limits, per user over a sliding window."""

    requests: int = 6000
    execution_ms: float = 1_200_000
    concurrency: int = 52
    window: float = 300


@dataclass(slots=True)
class _Usage:
    started: deque[float] = field(default_factory=deque)
    spent: deque[tuple[float, float]] = field(default_factory=deque)
    total_ms: float = 0.0
    running: int = 0


class Faults:
    """Asked before and after each request of the service root; parts of a batch are not asked about one by one."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self.clock = clock
        self.rules: list[Rule] = []
        self.limits: Limits | None = None
        self.service_ms_per_row = 0.0
        self.disk_full = False
        self._usage: dict[str, _Usage] = {}

    def configure(self, document: Any) -> None:
        """Takes a configuration; ``ValueError`` names what is wrong with it."""
        if isinstance(document, list):
            document = {"rules": document}
        if not isinstance(document, dict):
            raise ValueError("a list of rules or an object is expected")
        unknown = document.keys() - {"rules", "limits", "service_ms_per_row", "disk_full"}
        if unknown:
            raise ValueError(f"unknown members: {', '.join(sorted(unknown))}")
        rules = [_rule(item) for item in document.get("rules", [])]
        limits = document.get("limits")
        self.rules = rules
        self.limits = None if limits is None else Limits(**limits)
        self.service_ms_per_row = float(document.get("service_ms_per_row", 0))
        self.disk_full = bool(document.get("disk_full", False))
        self._usage = {}

    def match(self, method: str, path: str) -> Rule | None:
        """The first rule that fires for this request; it is used up by one."""
        for rule in self.rules:
            if rule.times <= 0 or (rule.method and rule.method != method) or not rule.path.search(path):
                continue
            if rule.skip > 0:
                rule.skip -= 1
                continue
            rule.times -= 1
            return rule
        return None

    def enter(self, user: str) -> None:
        """Counts a request in; 429 with Retry-After when one of the three limits is reached."""
        limits = self.limits
        if limits is None:
            return
        now = self.clock()
        usage = self._usage.setdefault(user, _Usage())
        self._forget(usage, now - limits.window)
        if usage.running >= limits.concurrency:
            message = f"Number of concurrent requests exceeded the limit of {limits.concurrency}."
            raise _throttled(_CONCURRENCY, message, 2)
        if len(usage.started) >= limits.requests:
            message = (
                f"Number of requests exceeded the limit of {limits.requests} over time window of {limits.window:g} "
                "seconds."
            )
            raise _throttled(_REQUESTS, message, usage.started[0] + limits.window - now)
        if usage.total_ms >= limits.execution_ms:
            message = (
                f"Combined execution time of incoming requests exceeded limit of {limits.execution_ms:,.0f} "
                f"milliseconds over time window of {limits.window:g} seconds. Decrease number of concurrent requests "
                "or reduce the duration of requests and try again later."
            )
            raise _throttled(_TIME, message, usage.spent[0][0] + limits.window - now)
        usage.started.append(now)
        usage.running += 1

    def leave(self, user: str, spent_ms: float) -> None:
        """Counts a request out with the time it took."""
        usage = self._usage.get(user)
        if self.limits is None or usage is None:
            return
        usage.running = max(0, usage.running - 1)
        usage.spent.append((self.clock(), spent_ms))
        usage.total_ms += spent_ms

    def remaining(self, user: str) -> dict[str, str]:
        """The debug headers with what is left of the limits."""
        usage = self._usage.get(user)
        if self.limits is None or usage is None:
            return {}
        seconds = max(0.0, self.limits.execution_ms - usage.total_ms) / 1000
        return {
            "x-ms-ratelimit-burst-remaining-xrm-requests": str(max(0, self.limits.requests - len(usage.started))),
            "x-ms-ratelimit-time-remaining-xrm-requests": f"{seconds:.2f}",
        }

    @staticmethod
    def _forget(usage: _Usage, before: float) -> None:
        while usage.started and usage.started[0] <= before:
            usage.started.popleft()
        while usage.spent and usage.spent[0][0] <= before:
            usage.total_ms -= usage.spent.popleft()[1]


def _throttled(code: str, message: str, seconds: float) -> ApiError:
    return ApiError(429, code, message, {"Retry-After": str(max(1, math.ceil(seconds)))})


def _rule(item: Any) -> Rule:
    if not isinstance(item, dict):
        raise ValueError("a rule must be an object")
    match = item.get("match", {})
    options = {
        name: item[name] for name in ("skip", "status", "code", "message", "retry_after", "reset") if name in item
    }
    unknown = item.keys() - {"match", "times", *options}
    if unknown or match.keys() - {"method", "path_regex"}:
        raise ValueError("a rule has members that are not known")
    return Rule(match.get("method"), re.compile(match.get("path_regex", "")), int(item.get("times", 1)), **options)
