"""The plan and its forecast: what would be written, how long that and its way back take, and what it costs in requests.

Times are what the sample measured, and never shorter than the service's limits allow; before a sample they are what the
limits allow. A table says which is which.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from reports import drugs
from reports.estimates import (
    Range,
    dollars,
    duration,
    keeping_cost,
    prices_words,
    run_cost,
    scoping,
    several,
    size_words,
)
from reports.model import Fact, Report, Table

#: What a plan says of records, by column of the report.
_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "Create": ("create",),
    "Adopt": ("adopt",),
    "Change": ("update", "join"),
    "Unchanged": ("unchanged",),
    "Excepted": ("excepted", "duplicate", "orphan", "rerouted", "ambiguous"),
    "Excluded": ("excluded",),
}
#: Rows that one query reads, and queries that ask for a row's dependents before it is deleted (40 ids each, some ten lookups).
_READ: Final = 100
_ASKED: Final = 0.25


@dataclass(frozen=True, slots=True)
class Measured:
    """What a sample's rehearsal took: its load with the read-back, and its undo with the proof."""

    run: str
    rows: int
    seconds: float
    undone: int
    undo_seconds: float


@dataclass(frozen=True, slots=True)
class Work:
    """Rows that a full run touches. Documents are among the created; ``blocks``: requests of files sent in blocks."""

    created: int = 0
    changed: int = 0  #: adopted ones too: read first, then written
    linked: int = 0  #: changed again for lookups to rows of the same object
    closed: int = 0  #: and for their state
    documents: int = 0
    blocks: int = 0
    earlier: int = 0  #: rows that stand already (the sample's): a rollback of everything takes them, too

    @property
    def rows(self) -> int:
        """Rows that are created or changed."""
        return self.created + self.changed

    @property
    def load_requests(self) -> int:
        """What counts against the day: a row written is one, of whatever request; before a change it is read."""
        again = self.changed + self.linked + self.closed
        return self.created + again + _queries(again) + self.blocks

    @property
    def read_requests(self) -> int:
        """The read-back: rows by the hundred, each file by itself."""
        return _queries(self.rows) + self.documents

    @property
    def undone(self) -> int:
        """Rows that a rollback of everything deletes or restores."""
        return self.rows + self.earlier

    @property
    def undo_requests(self) -> int:
        """The way back: read, asked for dependents, opened again where closed, deleted or restored, read back."""
        opened = self.linked + self.closed
        return self.undone + opened + 2 * _queries(self.undone) + _queries(opened) + round(self.undone * _ASKED)

    def load_seconds(self, users: int) -> Range:
        """Load and read-back at the service's limits, at best and at worst."""
        slow, fast = scoping().files_a_second
        best, worst = ceiling(users)
        rows = self.created - self.documents + 2 * (self.changed + self.linked + self.closed)
        return rows / best + self.documents / fast, rows / worst + self.documents / slow

    def undo_seconds(self, users: int) -> Range:
        """The way back at the limits: a row that is deleted or restored is read before and after."""
        best, worst = ceiling(users)
        rows = self.undone + self.linked + self.closed
        return rows / best, rows / worst


@dataclass(frozen=True, slots=True)
class Expected:
    """How long something takes, from and to, and how that is ``known``."""

    seconds: Range
    known: str

    @property
    def words(self) -> str:
        """The time as people say it."""
        best, worst = (duration(one) for one in self.seconds)
        return best if best == worst else f"{best} to {worst}"


def ceiling(users: int) -> Range:
    """Rows a second that the service allows: U·min(20·B, 4/s) on one web server, for a row's server time at best, at worst."""
    said = scoping()
    best, worst = (
        users * min(said.requests_a_second * said.rows_a_request, said.server_seconds_a_second / seconds)
        for seconds in said.row_seconds
    )
    return best, worst


def forecast_report(
    migration: str,
    actions: Mapping[str, Mapping[str, Mapping[str, int]]],
    work: Work,
    measured: Measured | None,
    users: int,
    limits: Mapping[str, Any],
    daily: int,
    unknown_drugs: int,
    kept: Range,
    licences: str,
    *,
    bypass: bool = False,
) -> Report:
    """What would be created, changed and left, how long it and its rollback take, and what they cost: of the
    day's requests, and in money.

    ``kept``: bytes in the migration's own storage. ``licences``: what the target's seats cost, in words.
    ``bypass``: the target's custom plug-ins and flows would be left out.
    """
    rows: list[list[Any]] = [
        [name, *(sum(one.get(action, {}).get("records", 0) for action in some) for some in _COLUMNS.values())]
        for name, one in actions.items()
    ]
    adopted = sum(row[2] for row in rows)
    seen = measured or Measured("", 0, 0, 0, 0)
    load = _expected(work.rows, work.load_seconds(users), seen.rows, seen.seconds, seen.run)
    undo = _expected(work.undone, work.undo_seconds(users), seen.undone, seen.undo_seconds, seen.run)
    there = work.load_requests + work.read_requests
    best, worst = ceiling(users)
    said = scoping()
    return Report(
        "forecast",
        "Plan and forecast",
        f"What the full run would do in {limits.get('target_name') or 'the target'}. Nothing was written to find out.",
        migration,
        [
            Fact("Rows to write", f"{work.rows:,}"),
            *([Fact("Adopted", f"{adopted:,}", note="in the target already, found by match rules")] if adopted else []),
            Fact("Load and read-back", load.words, note=load.known),
            Fact("Rollback, if needed", undo.words, note=undo.known),
            Fact("Requests counted", f"{there:,}", note=_day(there, daily)),
            Fact("With a rollback", f"{there + work.undo_requests:,}", note=_day(there + work.undo_requests, daily)),
            Fact(
                "Azure", _until_the_end(work, load, kept), note=f"the run, and {said.azure.months} months of keeping it"
            ),
            Fact(
                "Service limit",
                f"{worst:,.0f} to {best:,.0f}/s",
                note=f"rows a second: {several(users, 'application user')} on one web server, {said.rows_a_request} rows a request, "
                f"{said.row_seconds[0] * 1000:.0f} to {said.row_seconds[1] * 1000:.0f} ms of its time a row (assumed); "
                f"parallelism hint {limits.get('parallelism', 0)}",
            ),
            Fact(
                "Plug-ins and flows",
                "left out" if bypass else "run",
                "attention" if bypass else "plain",
                "the target's own, on every row that is written (CARRYOVER_BYPASS_LOGIC)",
            ),
            drugs.fact(unknown_drugs),
        ],
        [
            Table("By object", ["Object", *_COLUMNS], rows),
            Table(
                "What it takes",
                ["Part", "Rows", "Requests", "At the limits, best", "At the limits, worst", "Expected"],
                [
                    ["Load", work.rows, work.load_requests, *_limits(work.load_seconds(users)), load.words],
                    ["Read-back", work.rows, work.read_requests, "", "", "with the load"],
                    [
                        "Rollback, if needed",
                        work.undone,
                        work.undo_requests,
                        *_limits(work.undo_seconds(users)),
                        undo.words,
                    ],
                ],
                f"Requests are counted as the daily entitlement counts them: a row written is one; {_READ} rows are read by one "
                f"query; {work.linked + work.closed:,} rows are changed again for links and states; {work.documents:,} documents go "
                f"and come back one by one, {said.files_a_second[0]} to {said.files_a_second[1]:.0f} a second (assumed). A "
                "rollback takes the sample's rows too, and asks what hangs on each. What a small sample measures holds the time that each "
                "run takes once, so that a large one goes quicker. Each further web server of the environment raises the limits as much.",
            ),
            _costs(work, load, undo, kept, licences),
        ],
    )


def _costs(work: Work, load: Expected, undo: Expected, kept: Range, licences: str) -> Table:
    fixed = scoping().azure.fixed_a_month
    return Table(
        "What it costs",
        ["Part", "From, to", "What for"],
        [
            [
                "Full run",
                dollars(run_cost(work.rows, load.seconds)),
                f"The app for {load.words}, and the audit log of {several(work.rows, 'row')}.",
            ],
            [
                "Rollback, if needed",
                dollars(run_cost(work.undone, undo.seconds)),
                f"The app for {undo.words}, and the audit log of {several(work.undone, 'row')}.",
            ],
            [
                "Keeping it, a month",
                dollars(keeping_cost(kept)),
                f"{size_words(kept[0])} to {size_words(kept[1])} of upload, staged rows, receipts and audit log; and {fixed[0]:.0f} "
                f"to {fixed[1]:.0f} for what stands beside, such as vault and monitor.",
            ],
            ["Licences of the target", "", licences],
        ],
        f"Azure, in the client's own subscription. {prices_words()} What ran before this plan is not counted.",
    )


def _until_the_end(work: Work, load: Expected, kept: Range) -> str:
    """What the run costs, and keeping everything until the end of the audit log's export."""
    run, month, months = run_cost(work.rows, load.seconds), keeping_cost(kept), scoping().azure.months
    return dollars((run[0] + months * month[0], run[1] + months * month[1]))


def _queries(rows: int) -> int:
    return -(-rows // _READ)


def _expected(rows: int, limits: Range, count: int, seconds: float, run: str) -> Expected:
    """How long so many rows take, and how that is known: ``count`` rows were seen to take ``seconds``."""
    if not count or not seconds:
        return Expected(limits, "assumed, at the service's limits; a sample measures it")
    taken = rows * seconds / count
    words = f"measured on {run}: {count:,} rows in {duration(seconds)}, {count / seconds:,.0f} a second"
    if taken < limits[0]:
        return Expected((limits[0], limits[0]), f"{words}; the service's limits allow no more than this")
    return Expected((taken, taken), words)


def _limits(seconds: Range) -> list[str]:
    return [duration(one) for one in seconds]


def _day(requests: int, daily: int) -> str:
    return f"{requests * 100 / daily:.1f} % of {daily:,} a day"
