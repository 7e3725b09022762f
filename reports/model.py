"""What a report is: plain data that is shown as HTML to people and given as CSV and JSON to programs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Tone = Literal["good", "bad", "attention", "plain"]


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
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    note: str = ""
    empty: str = "Nothing to list."
    shown: int = 500
    marks: Mapping[str, Tone] = field(default_factory=dict)

    @property
    def numeric(self) -> list[bool]:
        """For each column whether it holds numbers and nothing else."""
        return [
            any(row[place] is not None for row in self.rows)
            and all(_is_number(row[place]) for row in self.rows if row[place] is not None)
            for place in range(len(self.columns))
        ]


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
