"""What the simulator saw of a load, as figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.load.service import Service

THROTTLED: Final = 429
_BULK: Final = "/Microsoft.Dynamics.CRM.CreateMultiple"


@dataclass(frozen=True, slots=True)
class Request:
    """One request for rows of the large object, as the simulator noted it. Moments in seconds."""

    start: float
    end: float
    user: str
    rows: int
    status: int

    def rows_within(self, start: float, end: float) -> float:
        """Rows of it that fall between two moments, its work being spread evenly over its time."""
        if self.end == self.start:
            return float(self.rows if start <= self.start < end else 0)
        return self.rows * max(0.0, min(self.end, end) - max(self.start, start)) / (self.end - self.start)


@dataclass(frozen=True, slots=True)
class Load:
    """The load of one large object."""

    name: str
    service: Service
    requests: Sequence[Request]
    lost: int  #: rows that are not in the target at the end
    doubled: int  #: rows that were created more than once

    @property
    def created(self) -> list[Request]:
        """Requests that created rows, in the order in which they began."""
        return sorted((one for one in self.requests if one.status < 300), key=lambda one: one.start)

    @property
    def rows(self) -> int:
        """Rows created."""
        return sum(one.rows for one in self.created)

    @property
    def seconds(self) -> float:
        """From the beginning of the first request to the end of the last one."""
        return max(one.end for one in self.created) - self.created[0].start

    @property
    def throttled(self) -> int:
        """Requests that a limit refused."""
        return sum(one.status == THROTTLED for one in self.requests)

    @property
    def failed(self) -> int:
        """Requests that were refused for another reason."""
        return sum(one.status >= 300 for one in self.requests) - self.throttled

    @property
    def rows_a_request(self) -> float:
        """On average."""
        return self.rows / len(self.created)

    @property
    def under_way(self) -> float:
        """Requests under way at once, on average over the whole windows."""
        start, end = self._span
        busy = sum(max(0.0, min(one.end, end) - max(one.start, start)) for one in self.created)
        return busy / (end - start)

    @property
    def windows(self) -> list[float]:
        """Rows a second in each whole window, the first one beginning with the first request."""
        width = self.service.window
        first = self.created[0].start
        starts = [first + number * width for number in range(int(self.seconds // width))]
        return [sum(one.rows_within(at, at + width) for one in self.created) / width for at in starts]

    @property
    def sustained(self) -> float:
        """Rows a second over all whole windows; over everything where not even one is whole."""
        return sum(self.windows) / len(self.windows) if self.windows else self.rows / self.seconds

    @property
    def ceiling(self) -> float:
        """Rows a second that the limits allow for requests of this size."""
        return self.service.ceiling(self.rows_a_request)

    @property
    def share(self) -> float:
        """Of the ceiling. What a window took above it (requests that were under way when the limit was reached are
        carried out) makes up for nothing that another left unused."""
        ceiling = self.ceiling
        windows = self.windows or [self.sustained]
        return sum(min(rows, ceiling) for rows in windows) / len(windows) / ceiling

    @property
    def _span(self) -> tuple[float, float]:
        first = self.created[0].start
        return first, first + (len(self.windows) * self.service.window or self.seconds)


def requests_for(noted: Sequence[dict[str, Any]], table: str) -> list[Request]:
    """The bulk creates of one entity set among the requests that the simulator noted."""
    return [
        Request(one["at"], one["at"] + one["seconds"], one["user"], one["rows"], one["status"])
        for one in noted
        if one["path"] == table + _BULK
    ]
