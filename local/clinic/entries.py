"""One row of the export, together with what a faithful migration makes of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from random import Random
from typing import Any, TypeVar

_Word = TypeVar("_Word")

#: A patient id that no patient has.
MISSING_PATIENT = "9999999"


@dataclass(slots=True)
class Entry:
    """A raw row, and the answer a migration must give for it.

    ``account`` is ``fed:<object>``, ``merged:<object>`` or ``excluded:<reason>``; ``records`` is how many records
    of the table's object are shaped from it, excluded ones included.
    """

    dataset: str
    row: dict[str, Any]
    account: str
    records: int = 1


@dataclass(slots=True)
class File:
    """A document's file: its place in the export folder, its bytes, and zeros up to ``size`` when that is more."""

    path: str
    content: bytes
    size: int = 0


@dataclass(slots=True)
class Chart:
    """Everything of one patient, in the order it is written."""

    number: int  #: from 0
    patient_id: str
    rng: Random
    exported: datetime  #: nothing in the chart was written later, on the clinic's clock
    deleted: bool
    location: str
    provider: str
    born: date
    registered: datetime
    last_name: str
    full_name: str
    entries: list[Entry] = field(default_factory=list)
    files: list[File] = field(default_factory=list)

    def add(self, dataset: str, row: dict[str, Any], account: str, records: int = 1) -> Entry:
        """Adds a row of this patient's. What a deleted patient's row would have fed is left out with the patient."""
        if self.deleted and not account.startswith("excluded:"):
            account = "excluded:patient_deleted"
        return self.add_stray(dataset, row, account, records)

    def add_stray(self, dataset: str, row: dict[str, Any], account: str, records: int = 1) -> Entry:
        """Adds a row that names another patient than this one, or none."""
        entry = Entry(dataset, row, account, records)
        self.entries.append(entry)
        return entry

    def rows(self, dataset: str) -> list[Entry]:
        """The chart's rows of that dataset."""
        return [entry for entry in self.entries if entry.dataset == dataset]


def pick(rng: Random, words: Sequence[_Word]) -> _Word:
    """One of the words (three times as fast as ``Random.choice``)."""
    return words[int(rng.random() * len(words))]
