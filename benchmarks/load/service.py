"""The limits a load runs into, scaled down in time, and the ceiling they allow."""

from dataclasses import dataclass
from typing import Any, Final

#: Service protection as Dataverse has it (Learn: "Service protection API limits"), for each user on each web server.
REAL_WINDOW: Final = 300.0
REAL_REQUESTS: Final = 6_000
REAL_EXECUTION_MS: Final = 1_200_000.0
CONCURRENCY: Final = 52
#: Windows that a measurement has to see: by the third one the credit that a load begins with is spent.
WINDOWS: Final = 3


@dataclass(frozen=True, slots=True)
class Service:
    """A Dataverse whose window of ``window`` seconds allows as much a second as the real one of five minutes does."""

    window: float
    users: int = 1
    servers: int = 1
    service_ms: float = 10.0  #: execution time that a row takes

    def faults(self) -> dict[str, Any]:
        """What the simulator is told."""
        scale = self.window / REAL_WINDOW
        limits = {
            "window": self.window,
            "requests": round(REAL_REQUESTS * scale),
            "execution_ms": REAL_EXECUTION_MS * scale,
            "concurrency": CONCURRENCY,
            "servers": self.servers,
            "decimals": 3,
        }
        return {"limits": limits, "service_ms_per_row": self.service_ms}

    def ceiling(self, rows_a_request: float) -> float:
        """Rows a second that all users together may create: N·U·min(20·B, 4/s)."""
        by_requests = REAL_REQUESTS / REAL_WINDOW * rows_a_request
        by_time = REAL_EXECUTION_MS / REAL_WINDOW / self.service_ms
        return self.servers * self.users * min(by_requests, by_time)

    def rows(self, windows: float) -> int:
        """Rows that so many windows take at the ceiling of full requests."""
        return round(windows * self.window * self.ceiling(float("inf")))
