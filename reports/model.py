"""What a report is: plain data that is shown as HTML to people and given as CSV and JSON to programs."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal, TypeVar, overload

Tone = Literal["good", "bad", "attention", "plain"]
T = TypeVar("T")


class Streamed(Sequence[T]):
    """A sequence that is read anew each time, from a file say, and never held: there may be very many."""

    def __init__(self, read: Callable[[], Iterable[T]], count: int) -> None:
        self._read, self._count = read, count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[T]:
        return iter(self._read())

    @overload
    def __getitem__(self, place: int) -> T: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[T]: ...

    def __getitem__(self, place: int | slice) -> T | Sequence[T]:
        """Counted from the beginning; what comes before is read past."""
        if isinstance(place, slice):
            return list(islice(self, place.start, place.stop, place.step))
        for one in islice(self, place, None):
            return one
        raise IndexError(place)


@dataclass(frozen=True, slots=True)
class Fact:
    """One figure at the top of a report. ``tone`` says how to read it; colour is never the only sign."""

    label: str
    value: str
    tone: Tone = "plain"
    note: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a report. ``shown`` rows are in the page; CSV and JSON hold all.

    A column that holds only numbers is right-aligned. ``marks``: cells with exactly this text are marked in the page.
    ``values``: columns that hold values of patients' records, which not everybody reads.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    note: str = ""
    empty: str = "Nothing to list."
    shown: int = 500
    marks: Mapping[str, Tone] = field(default_factory=dict)
    values: Sequence[str] = ()

    @property
    def numeric(self) -> list[bool]:
        """For each column whether it holds numbers and nothing else, in the rows that are shown."""
        numbers, others = [False] * len(self.columns), [False] * len(self.columns)
        for row in self.rows[: self.shown]:
            for place, value in enumerate(row):
                if value is not None:
                    (numbers if _is_number(value) else others)[place] = True
        return [number and not other for number, other in zip(numbers, others, strict=True)]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@dataclass(frozen=True, slots=True)
class Report:
    """One report. The first table is what the CSV holds unless ``csv_table`` says which."""

    name: str
    title: str
    lead: str
    migration: str
    facts: Sequence[Fact] = ()
    tables: Sequence[Table] = ()
    csv_table: int = 0
    data: dict[str, Any] = field(default_factory=dict)
