"""What the matcher is given and what it answers: tables and columns with or without statistics, and a proposal for each field.

Plain frozen dataclasses. A schema alone fills ``Table`` and ``Column``; whoever has the data adds ``Evidence``, counts
of a sample, never used for more than telling columns apart. Values appear in ``Evidence.values`` only, and go from
there into ``FieldProposal.values`` and a choice's options; they are in no reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from mapping.model import CustomColumn
from mapping.objects import ObjectName

#: What a column's declared type, or its values, come down to.
Kind = Literal[
    "text", "long_text", "integer", "decimal", "money", "boolean", "date", "time", "datetime", "uuid", "binary",
    "json", "link", "choice", "choices", "table", "unknown",
]  # fmt: skip

#: Target table and column of a field that is not migrated.
NONE: Final = "none"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Statistics of one column over the rows that were looked at. Counts are rows unless said otherwise."""

    filled: int
    empty: int = 0
    distinct: int = 0
    min_length: int = 0  #: characters of the shortest value
    max_length: int = 0  #: characters of the longest value
    decimals: int = 0  #: most places after the point
    kind: Kind = "unknown"  #: the narrowest that holds every value
    patterns: Mapping[str, float] = field(default_factory=dict)  #: pattern name -> share of filled cells, 0 to 1
    values: Mapping[str, int] | None = None  #: every value with its count when few recur, else None
    separator: str | None = None  #: what parts several values in one cell

    @property
    def unique(self) -> bool:
        """Every row has a value and no value stands twice."""
        return self.filled > 0 and not self.empty and self.distinct == self.filled


@dataclass(frozen=True, slots=True)
class Reference:
    """The column's values are keys of another table."""

    table: str
    column: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """One field. A nested one has its path as name: ``address[].city``."""

    name: str
    type: str = ""  #: as the source declares it: ``varchar(255)``, ``Link->Patient``, ``CodeableConcept``
    label: str = ""  #: what people see on the screen
    description: str = ""
    options: tuple[str, ...] = ()  #: declared choices
    reference: Reference | None = None
    example: str = ""  #: one documented value, of nobody real; never sent anywhere
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """One dataset: a table, a file, a resource."""

    name: str
    columns: tuple[Column, ...]
    objects: tuple[ObjectName, ...] = ()  #: which objects it is known to feed; empty: to be found out
    main: bool = False  #: of its objects it is the head table, not a detail
    roles: tuple[str, ...] = ()  #: roles that it may play, where a person has said what it is; empty: any that fits
    key: tuple[str, ...] = ()  #: columns whose values tell rows apart
    rows: int | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another home for a field, with the probability that it is the right one."""

    target_table: str
    target_column: str
    confidence: float


@dataclass(frozen=True, slots=True)
class FieldProposal:
    """Where one field of one table goes, for one object."""

    object: ObjectName
    table: str
    column: str
    target_table: str  #: plain name; ``csv:claims`` for the export; NONE when it is not migrated
    target_column: str  #: plain name; ``custom:<name>`` for a column that is still to be created; NONE
    confidence: float  #: probability that this is right, 0 to 1
    reason: str
    alternatives: tuple[Alternative, ...] = ()
    custom: CustomColumn | None = None  #: the column to create, when the target has none
    junction: bool = False  #: several values that go to rows of PatientPropertyValue instead of a column
    values: Mapping[str, str | None] | None = None  #: source value -> option label; None leaves the column empty
    unanswered: tuple[str, ...] = ()  #: source values that no option stands for

    @property
    def source_field(self) -> str:
        """``table.column``."""
        return f"{self.table}.{self.column}"

    @property
    def migrated(self) -> bool:
        """Whether it has a home."""
        return self.target_table != NONE


@dataclass(frozen=True, slots=True)
class TableProposal:
    """What a table was taken for."""

    table: str
    object: ObjectName | None  #: None: feeds no object
    role: str  #: a name of ``lexicon/roles.yaml``: head table, detail, list of types …
    confidence: float
    reason: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """The whole answer, tables and fields in the order they were given."""

    tables: Sequence[TableProposal]
    fields: Sequence[FieldProposal]
