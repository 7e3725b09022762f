"""What a migration takes, before anything was tried: grade, hours, time, requests, storage and cost, all as ranges.

Thresholds and assumptions are stated in ``reports/data/scoping.yaml`` and shown with every figure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from mapping.objects import LOAD_ORDER

Grade = Literal["A", "B", "C", "D"]
GRADES: Final[tuple[Grade, ...]] = ("A", "B", "C", "D")
Range = tuple[float, float]
_GB: Final = 1e9


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


Three = Annotated[list[float], Field(min_length=3, max_length=3)]


class AtLeast(_Part):
    at_least: Three
    of: str

    def grade(self, value: float) -> Grade:
        """A share against the thresholds, best first."""
        return next((grade for grade, least in zip(GRADES, self.at_least, strict=False) if value >= least), "D")

    @property
    def words(self) -> str:
        first, second, third = (f"{one:.0%}" for one in self.at_least)
        return f"A from {first}, B from {second}, C from {third} of {self.of}"


class AtMost(_Part):
    at_most: Three
    of: str

    def grade(self, value: float) -> Grade:
        """A number against the thresholds, best first."""
        return next((grade for grade, most in zip(GRADES, self.at_most, strict=False) if value <= most), "D")

    @property
    def words(self) -> str:
        first, second, third = (f"{one:,.0f}" for one in self.at_most)
        return f"A up to {first}, B up to {second}, C up to {third} {self.of}"


class Azure(_Part):
    source: str
    storage_a_gb_and_month: Range
    table_rows_a_record: int
    transactions_a_million: Range
    compute_an_hour: Range
    fixed_a_month: Range
    months: int


class Scoping(_Part):
    """The document of thresholds and assumptions."""

    stated: date
    object_compatibility: AtLeast
    mapping_clarity: AtLeast
    api_constraints: AtMost
    data_volume: AtMost
    individually: int
    clear: float
    hours: dict[Grade, Range]
    row_seconds: Range
    requests_a_second: float
    server_seconds_a_second: float
    rows_a_request: int
    files_a_second: Range
    requests_a_row: Range
    requests_a_document: Range
    database_bytes_a_row: Range
    kept_bytes_a_record: Range
    azure: Azure


@cache
def scoping() -> Scoping:
    """The stated thresholds and assumptions."""
    text = (Path(__file__).parent / "data" / "scoping.yaml").read_text(encoding="utf-8")
    return Scoping.model_validate(yaml.safe_load(text))


@dataclass(frozen=True, slots=True)
class Size:
    """What a scope has counted of a source. Bytes are those of files; ``text_bytes`` of the records' texts, about."""

    records: Mapping[str, int] = field(default_factory=dict)
    rows: int = 0  #: raw rows
    rows_used: int = 0  #: of those, in datasets that feed an object or are to be rebuilt
    fields: int = 0  #: of the map
    clear_fields: int = 0  #: of those, sure ones and ones left out for a reason
    cannot: int = 0  #: of list, count, changed since and deletes
    documents: int = 0
    document_bytes: int = 0
    source_bytes: int = 0
    users: int = 1  #: application users that write side by side
    daily: int = 500_000  #: requests a day

    @property
    def written(self) -> int:
        """Records that become rows, documents apart."""
        return sum(rows for name, rows in self.records.items() if name in LOAD_ORDER and name != "document")

    @property
    def total(self) -> int:
        """All records."""
        return sum(self.records.values())


def grades(size: Size) -> list[tuple[str, str, Grade, str]]:
    """The four dimensions: name, measure, grade, thresholds."""
    said = scoping()
    used = size.rows_used / size.rows if size.rows else 1.0
    clear = size.clear_fields / size.fields if size.fields else 1.0
    return [
        ("Object compatibility", f"{used:.1%}", said.object_compatibility.grade(used), said.object_compatibility.words),
        ("Mapping clarity", f"{clear:.1%}", said.mapping_clarity.grade(clear), said.mapping_clarity.words),
        ("API constraints", f"{size.cannot} of 4", said.api_constraints.grade(size.cannot), said.api_constraints.words),
        ("Data volume", f"{size.total:,}", said.data_volume.grade(size.total), said.data_volume.words),
    ]


def complexity(size: Size) -> tuple[Grade, str]:
    """The worst of the four grades, and the hours that go with it, in words."""
    said = scoping()
    worst = max((grade for _, _, grade, _ in grades(size)), key=GRADES.index)
    if size.total > said.individually:
        return worst, f"over {said.individually:,} records: scope individually"
    low, high = said.hours[worst]
    return worst, f"{low:,.0f} to {high:,.0f} hours of people"


def estimates(size: Size) -> list[tuple[str, str, str]]:
    """What, how much (from, to), and on which assumption."""
    said = scoping()
    seconds = load_seconds(size)
    requests = request_range(size)
    days = tuple(-(-one // size.daily) for one in requests)
    kept = kept_bytes(size.total, size.source_bytes, size.document_bytes)
    database = _scaled(said.database_bytes_a_row, size.written + size.documents)
    slow, fast = said.row_seconds[1], said.row_seconds[0]
    return [
        (
            "Load and read-back",
            f"{duration(seconds[0])} to {duration(seconds[1])}",
            f"{size.written:,} rows at {fast * 1000:.0f} to {slow * 1000:.0f} ms of the target's servers each, "
            f"{said.server_seconds_a_second:.0f} server seconds a second for each of {several(size.users, 'application user')}"
            f", one web server; {size.documents:,} documents at "
            f"{said.files_a_second[0]} to {said.files_a_second[1]:.0f} a second. Assumed; the sample measures it.",
        ),
        (
            "Requests",
            f"{requests[0]:,.0f} to {requests[1]:,.0f}",
            f"{said.requests_a_row[0]:.0f} to {said.requests_a_row[1]:.0f} a row, {said.requests_a_document[0]:.0f} to "
            f"{said.requests_a_document[1]:.0f} a document: written, read back, links and states; "
            f"{_days(days)} of {size.daily:,} requests.",
        ),
        (
            "Dataverse database",
            f"{size_words(database[0])} to {size_words(database[1])}",
            f"{said.database_bytes_a_row[0]:,.0f} to {said.database_bytes_a_row[1]:,.0f} bytes a row with its indexes, assumed.",
        ),
        (
            "Dataverse files",
            size_words(size.document_bytes),
            f"The {size.documents:,} documents as they are.",
        ),
        (
            "The migration's own storage",
            f"{size_words(kept[0])} to {size_words(kept[1])}",
            f"The upload, staged rows, receipts and audit log: {said.kept_bytes_a_record[0]:,.0f} to "
            f"{said.kept_bytes_a_record[1]:,.0f} bytes a record.",
        ),
        ("Azure", *_azure(size, seconds, kept)),
    ]


def _days(days: Sequence[float]) -> str:
    first, last = (f"{one:,.0f}" for one in days)
    return f"{first} {'day' if first == '1' else 'days'}" if first == last else f"{first} to {last} days"


def load_seconds(size: Size) -> Range:
    """Seconds for load and read-back at the service's limits, best and worst."""
    said = scoping()
    best, worst = (
        size.users * min(said.requests_a_second * said.rows_a_request, said.server_seconds_a_second / row)
        for row in said.row_seconds
    )
    slow, fast = said.files_a_second
    return size.written / best + size.documents / fast, size.written / worst + size.documents / slow


def request_range(size: Size) -> Range:
    """Requests that count against the daily entitlement."""
    said = scoping()
    low, high = (
        size.written * row + size.documents * paper
        for row, paper in zip(said.requests_a_row, said.requests_a_document, strict=True)
    )
    return low, high


def _azure(size: Size, seconds: Range, kept: Range) -> tuple[str, str]:
    said = scoping().azure
    # Scope, sample, load, verify, and a rollback that is rehearsed: about three times the load.
    run = run_cost(size.total, _scaled(seconds, 3))
    month = keeping_cost(kept)
    return (
        dollars((run[0] + month[0] * said.months, run[1] + month[1] * said.months)),
        f"Storage, compute while runs are on, and {said.fixed_a_month[0]:.0f} to {said.fixed_a_month[1]:.0f} USD a month "
        f"for what stands beside, for {said.months} months. {prices_words()}",
    )


def run_cost(records: int, seconds: Range) -> Range:
    """US dollars of Azure for runs that take so long: the app's time, and the audit log of so many records."""
    said = scoping().azure
    millions = records * said.table_rows_a_record * 2 / 1e6
    low, high = (
        millions * said.transactions_a_million[at] + seconds[at] / 3600 * said.compute_an_hour[at] for at in (0, 1)
    )
    return low, high


def keeping_cost(kept: Range) -> Range:
    """US dollars of Azure for a month of keeping so many bytes, and for what stands beside."""
    said = scoping().azure
    low, high = (kept[at] / _GB * said.storage_a_gb_and_month[at] + said.fixed_a_month[at] for at in (0, 1))
    return low, high


def kept_bytes(records: int, source_bytes: int, document_bytes: int) -> Range:
    """Bytes that a migration keeps in its own storage: the upload, staged rows, receipts and audit log."""
    low, high = _scaled(scoping().kept_bytes_a_record, records)
    return low + source_bytes + document_bytes, high + 2 * source_bytes + document_bytes


def prices_words() -> str:
    """Where the prices of Azure come from, and of when they are."""
    return f"Prices as of {scoping().stated}: {scoping().azure.source}."


def dollars(cost: Range) -> str:
    """A range of US dollars; with cents where it is small."""
    if cost[1] < 0.01:
        return "under 0.01 USD"
    low, high = (f"{one:,.0f}" if cost[1] >= 10 else f"{one:,.2f}" for one in cost)
    return f"{low} to {high} USD"


def _scaled(one: Range, by: float) -> Range:
    return one[0] * by, one[1] * by


def size_words(size: float) -> str:
    """A number of bytes as people say it."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("KB", 1e3)):
        if size >= factor:
            return f"{size / factor:,.1f} {unit}"
    return f"{size:,.0f} B"


def several(number: int, noun: str) -> str:
    """A number of things in words: 1 user, 2 users."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """A length of time as people say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:,.1f} h"


def clear_fields(fields: Sequence[tuple[str, float, str]]) -> int:
    """How many fields of a map are clear. Each is (status, confidence, reason)."""
    said = scoping()
    return sum(1 for status, sure, reason in fields if (status == "ignored" and reason) or sure >= said.clear)
