"""What can be made to go wrong on purpose, the service's own protection limits, and the traits of an environment.

One configuration replaces the one before it; ``docs/reference/simulator.md`` describes every member. A list alone is
its rules. All of it is off in a new environment.
"""

from collections.abc import Callable
from time import monotonic
from typing import Any, Final

from local.dataverse.errors import customization_running
from local.dataverse.faults.behaviour import DEFAULT, behaviour
from local.dataverse.faults.limits import Guard, limits
from local.dataverse.faults.requests import Rule, rule
from local.dataverse.faults.rows import RowFaults
from local.dataverse.faults.trigger import MEMBERS, Trigger, known, trigger

_ROWS: Final = frozenset({"plugins", "duplicate_rules", "edits"})
_MEMBERS: Final = _ROWS | {
    "rules", "limits", "latency_ms", "service_ms_per_row", "disk_full", "dop_hint", "import_running", "behaviour",
    "tokens",
}  # fmt: skip


class Faults:
    """Asked before and after each request of the service root; parts of a batch are not asked about one by one."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self.clock = clock
        self._take({})

    def configure(self, document: Any) -> None:
        """Takes a configuration; ``ValueError`` names what is wrong with it, and then the old one stays."""
        if isinstance(document, list):
            document = {"rules": document}
        new = Faults(self.clock)
        new._take(known(document, _MEMBERS))
        self.__dict__.update(new.__dict__)

    def _take(self, document: dict[str, Any]) -> None:
        self.rules: list[Rule] = [rule(item) for item in document.get("rules", [])]
        given = document.get("limits")
        self.guard: Guard | None = None if given is None else Guard(limits(given))
        self.latency_ms = float(document.get("latency_ms", 0))
        self.service_ms_per_row = float(document.get("service_ms_per_row", 0))
        self.disk_full = bool(document.get("disk_full", False))
        self.dop_hint: int | None = document.get("dop_hint")
        self.rows = RowFaults({name: document[name] for name in _ROWS & document.keys()})
        self.striking = self.rows if self.rows else None  #: what sessions look at; None where there is nothing to see
        self.behaviour = behaviour(document["behaviour"]) if "behaviour" in document else DEFAULT
        self._importing: Trigger | None = None
        self._importing_until = 0.0
        running = document.get("import_running")
        if running is not None:
            members = known(running, MEMBERS | {"seconds"})
            self._importing = trigger(members)
            self._importing_until = self.clock() + float(members.get("seconds", 10**9))
        tokens = known(document.get("tokens", {}), {"check", "seconds"})
        self.check_tokens = bool(tokens.get("check", False))
        self.token_seconds: float | None = tokens.get("seconds")

    def match(self, method: str, path: str, names: tuple[str, ...] = ()) -> Rule | None:
        """The first rule that strikes this request; ``names`` are the caller's id and e-mail."""
        for found in self.rules:
            if found.matches(method, path, names) and found.trigger.pull():
                return found
        return None

    def refuse_customization(self, what: str) -> None:
        """429 with 0x80071151 while somebody else's import is said to run."""
        importing = self._importing
        if importing is not None and self.clock() < self._importing_until and importing.pull():
            raise customization_running(what)

    def enter(self, user: str, server: int = 0) -> None:
        """Counts a request in; 429 with Retry-After when one of the three limits is reached."""
        if self.guard is not None:
            self.guard.enter(user, server, self.clock())

    def leave(self, user: str, spent_ms: float, server: int = 0) -> None:
        """Counts a request out with the time it took."""
        if self.guard is not None:
            self.guard.leave(user, server, self.clock(), spent_ms)

    def remaining(self, user: str, server: int = 0) -> dict[str, str]:
        """The debug headers with what is left of the limits."""
        return {} if self.guard is None else self.guard.remaining(user, server)

    def report(self) -> dict[str, Any]:
        """How often each fault has struck since it was configured."""
        return {
            "rules": [found.trigger.fired for found in self.rules],
            **self.rows.fired(),
            "import_running": 0 if self._importing is None else self._importing.fired,
            "throttled": {} if self.guard is None else dict(self.guard.throttled),
        }
