"""How many rows a bulk request carries: as many as the server works off in a comfortable time, table by table.

Microsoft's advice is to start at 100 and to keep requests well below the two minutes at which clients, gateways and
the database begin to give up; long requests also leave more to narrow down when one row is at fault.
"""

from dataclasses import dataclass, field
from typing import Final

#: Microsoft's advice for a start; measurements of others found it best for most tables.
START: Final = 100
LEAST: Final = 10
MOST: Final = 1000
#: Seconds that a request should take. Below: the round trip begins to weigh; above: somebody may stop waiting.
QUICK: Final = 2.0
SLOW: Final = 20.0


@dataclass(slots=True)
class BatchSize:
    """``rows`` is what the next request may carry: it halves at once and grows by a tenth an answer."""

    rows: int = START

    def answered(self, rows: int, seconds: float) -> None:
        """Learn from a request that was answered in time."""
        if seconds > SLOW:
            self.halve(rows)
        elif seconds < QUICK and rows >= self.rows:  # a request that was not full says nothing of a fuller one
            self.rows = min(MOST, self.rows + max(1, self.rows // 10))

    def halve(self, rows: int) -> None:
        """Learn that a request of ``rows`` was too much; several of one moment and one size count once."""
        self.rows = max(LEAST, min(self.rows, rows // 2))


@dataclass(slots=True)
class BatchSizes:
    """The sizes a client has learned."""

    _by_table: dict[str, BatchSize] = field(default_factory=dict)

    def of(self, table: str) -> BatchSize:
        """The size of a table (logical name), kept as long as the client lives."""
        return self._by_table.setdefault(table, BatchSize())
