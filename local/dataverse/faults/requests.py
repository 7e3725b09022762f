"""Faults of whole requests: errors, latency, cut connections, and commits that come after the client has given up."""

import math
import re
from dataclasses import dataclass
from typing import Any, Final, Literal

from local.dataverse.errors import ApiError
from local.dataverse.faults.trigger import MEMBERS, Trigger, known, trigger

_ERROR: Final = frozenset({"status", "code", "message", "retry_after", "gateway"})
_OPTIONS: Final = _ERROR | {"match", "reset", "delay_ms", "late"}


@dataclass(slots=True, frozen=True)
class Late:
    """The work is done after ``ms`` (None: when ``/_sim/commit`` says so), and nobody hears of it."""

    ms: float | None
    silent: bool  #: keep the connection open without an answer, rather than cut it at once


@dataclass(slots=True)
class Rule:
    """Requests that match are delayed, answered with an error, cut off or carried out late."""

    trigger: Trigger
    method: str | None
    path: re.Pattern[str]
    user: str | None  #: id or e-mail of the caller
    delay_ms: float
    status: int | None
    code: str
    message: str
    retry_after: float | None
    gateway: bool  #: the error is a page of HTML from a machine in front of the service
    reset: Literal["before", "after"] | None
    late: Late | None

    def matches(self, method: str, path: str, names: tuple[str, ...]) -> bool:
        if self.method is not None and self.method != method:
            return False
        if self.user is not None and self.user not in names:
            return False
        return self.path.search(path) is not None

    def error(self) -> ApiError:
        headers = {} if self.retry_after is None else {"Retry-After": str(math.ceil(self.retry_after))}
        return ApiError(self.status or 503, self.code, self.message, headers)


def rule(item: Any) -> Rule:
    """One rule of a configuration; ``ValueError`` says what is wrong with it."""
    document = known(item, _OPTIONS | MEMBERS)
    match = known(document.get("match", {}), {"method", "path_regex", "user"})
    reset = document.get("reset")
    if reset not in (None, "before", "after"):
        raise ValueError("reset must be before or after")
    late = _late(document["late"]) if "late" in document else None
    delay = float(document.get("delay_ms", 0))
    quiet = reset is not None or late is not None or (delay and not document.keys() & _ERROR)
    return Rule(
        trigger(document, once=True),
        match.get("method"),
        re.compile(match.get("path_regex", "")),
        str(match["user"]).lower() if "user" in match else None,
        delay,
        None if quiet else int(document.get("status", 503)),
        document.get("code", ""),
        document.get("message", "The service is unavailable."),
        document.get("retry_after"),
        bool(document.get("gateway", False)),
        reset,
        late,
    )


def _late(item: Any) -> Late:
    document = known(item, {"ms", "answer"})
    answer = document.get("answer", "drop")
    if answer not in ("drop", "nothing"):
        raise ValueError("answer of a late commit must be drop or nothing")
    ms = document.get("ms")
    return Late(None if ms is None else float(ms), answer == "nothing")
