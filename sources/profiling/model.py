"""What profiling finds out: one document per dataset, plain data that is kept and shown."""

from pydantic import BaseModel, ConfigDict, Field

from mapping.model import PhiClass
from sources.patterns import ValueType
from sources.profiling.dates import DateFormat
from sources.profiling.detectors import Pattern
from sources.profiling.sample import Nested

#: A pattern that this share of the filled cells has is what the column holds.
USUAL: float = 0.8


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Reference(_Document):
    """A column's values are ids of another dataset."""

    dataset: str
    column: str  #: of the other dataset
    share: float  #: of the different values, how many are found there, from 0 to 1
    named: bool  #: the column's name speaks of the other dataset
    each: bool = False  #: a cell holds several of them


class FieldProfile(_Document):
    """One column. Counts are those of the sample. A nested one has the path as its name: ``address.city``."""

    name: str
    filled: int = 0
    empty: int = 0
    distinct: int = 0
    min_length: int = 0
    max_length: int = 0
    type: ValueType | None = None  #: the narrowest that holds every value; None without values
    decimals: int = 0  #: most places after the point
    patterns: dict[Pattern, int] = Field(default_factory=dict)  #: cells that have it
    dates: dict[DateFormat, int] = Field(default_factory=dict)
    timed: int = 0  #: dates with a time of day
    ambiguous: bool = False  #: day and month of its dates cannot be told apart
    separator: str | None = None  #: what parts several values in one cell
    nested: Nested | None = None  #: cells hold JSON
    values: dict[str, int] | None = None  #: every value with its count when few recur, else None
    phi: PhiClass = "none"
    reference: Reference | None = None

    @property
    def unique(self) -> bool:
        """No value stands twice and no cell is empty."""
        return self.filled > 0 and not self.empty and self.distinct == self.filled

    def share(self, pattern: Pattern) -> float:
        """Share of the filled cells with a pattern."""
        return self.patterns.get(pattern, 0) / self.filled if self.filled else 0.0

    @property
    def usual(self) -> list[Pattern]:
        """Patterns that nearly all filled cells have, most frequent first."""
        return sorted((one for one in self.patterns if self.share(one) >= USUAL), key=lambda one: -self.patterns[one])

    @property
    def date_format(self) -> DateFormat | None:
        """The format nearly all filled cells are dates in; of several, the most frequent."""
        return next(iter(self.dates), None) if sum(self.dates.values()) >= USUAL * max(self.filled, 1) else None


class SampleNote(_Document):
    """How much of a dataset was looked at."""

    rows: int  #: that were read
    looked_at: int  #: that were profiled: every ``stride``-th
    stride: int
    whole: bool  #: every row was read; else the file goes on


class FileNote(_Document):
    name: str
    kind: str
    size: int  #: bytes


class DatasetDocument(_Document):
    """A dataset as profiled."""

    name: str
    files: list[FileNote]
    sample: SampleNote
    columns: list[str]  #: as the files have them
    fields: list[FieldProfile]
    key: list[str] = Field(default_factory=list)  #: the column, or columns, whose values tell rows apart
    hashed: list[str] = Field(default_factory=list)  #: columns of ids that a proposed profile does not show
    duplicates: int = 0  #: rows of the sample whose key an earlier row has
    missing: int = 0  #: rows of the sample without a key

    @property
    def sampled(self) -> bool:
        """Figures speak of a sample, not of every row."""
        return not self.sample.whole or self.sample.stride > 1

    def field(self, name: str) -> FieldProfile | None:
        """That column, or None."""
        return next((one for one in self.fields if one.name == name), None)
