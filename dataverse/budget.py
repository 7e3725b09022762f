"""The daily request entitlement: what was used in the last 24 hours, and when there is some left again.

Counted by the hour in UTC, on the safe side: an hour's use is forgotten 24 hours after that hour has ended. What
Dataverse counts: each row of a bulk request, each part of a batch, reads too (Microsoft: "Requests limits and
allocations"). Nothing is stored here: a budget is a plain document in and out.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(hours=24)
_FORM: Final = "%Y-%m-%dT%HZ"


class BudgetSpent(Exception):
    """A write was not sent since the day's requests are used up; ``until`` (UTC) is when it may go."""

    def __init__(self, until: datetime) -> None:
        self.until = until
        super().__init__(f"The daily requests are used up until {until:%Y-%m-%d %H:%M} UTC.")


class Meter(Protocol):
    """Counts what a client sends. ``spend`` is awaited before a write and may raise BudgetSpent; ``count`` is for reads."""

    async def spend(self, operations: int) -> None: ...

    def count(self, operations: int) -> None: ...


class Budget:
    """``limit`` operations per 24 hours, 0: not limited (still counted).

    ``mine`` is the document this budget goes on with (``to_json``); ``others`` are those of other workers, which are
    counted against the limit and never given back.
    """

    def __init__(
        self,
        limit: int,
        *,
        mine: Mapping[str, Any] | None = None,
        others: Iterable[Mapping[str, Any]] = (),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        if limit < 0:
            raise ValueError("the limit must be 0 (none) or more")
        self.limit = limit
        self._now = now
        self._mine = _hours([mine] if mine else [])
        self._others = _hours(others)

    def spent(self) -> int:
        """What counts against the limit now."""
        self._forget()
        return sum(self._mine.values()) + sum(self._others.values())

    def remaining(self) -> int | None:
        """Operations that may still be sent, never below 0; None when there is no limit."""
        return max(0, self.limit - self.spent()) if self.limit else None

    def spend(self, operations: int) -> None:
        """Count operations about to be sent; BudgetSpent, and nothing counted, when they would exceed the limit.

        A request larger than the whole limit goes out on a day of which nothing is used: it would wait for ever.
        """
        spent = self.spent()
        if self.limit and spent and spent + operations > self.limit:
            raise BudgetSpent(self._until(operations))
        self.count(operations)

    def count(self, operations: int) -> None:
        """Count operations that go out whatever the limit says, as reads do."""
        hour = self._hour()
        self._mine[hour] = self._mine.get(hour, 0) + operations

    def to_json(self) -> dict[str, Any]:
        """This budget's own use: ``{"hours": {"2024-05-01T13Z": 1200}}``."""
        self._forget()
        return {"hours": {hour.strftime(_FORM): count for hour, count in sorted(self._mine.items())}}

    def _until(self, operations: int) -> datetime:
        """When enough of the oldest hours is forgotten; a request larger than the whole limit waits for all of them."""
        over = self.spent() + operations - self.limit
        hours = {h: self._mine.get(h, 0) + self._others.get(h, 0) for h in sorted({*self._mine, *self._others})}
        free = self._hour()
        for hour, count in hours.items():
            free = hour + _HOUR + _DAY
            over -= count
            if over <= 0:
                break
        return free

    def _hour(self) -> datetime:
        return self._now().astimezone(UTC).replace(minute=0, second=0, microsecond=0)

    def _forget(self) -> None:
        before = self._now().astimezone(UTC) - _DAY - _HOUR
        for hours in (self._mine, self._others):
            for hour in [h for h in hours if h <= before]:
                del hours[hour]


def _hours(documents: Iterable[Mapping[str, Any]]) -> dict[datetime, int]:
    hours: dict[datetime, int] = {}
    for document in documents:
        for text, count in document.get("hours", {}).items():
            hour = datetime.strptime(str(text), _FORM).replace(tzinfo=UTC)
            hours[hour] = hours.get(hour, 0) + int(count)
    return hours
