"""The roles a table can play and the columns each may fill, as the lexicon has them, in words ready to be compared."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, cast

from mapping.catalog import load_catalog
from mapping.matching.lexicon import load, role_data, words
from mapping.matching.model import NONE
from mapping.matching.tokens import Reader
from mapping.model import ColumnType
from mapping.objects import ObjectName

#: The table of claims: it is exported, so the catalog of Dataverse's tables does not have it.
CLAIMS: Final = "csv:claims"

#: Columns that several source fields fill together, besides all memo columns: date and time, dose and unit.
SEVERAL: Final = frozenset(
    ("ScheduledDate", "Duration", "Status", "AppointmentType", "EncounterType", "EncounterDate", "Dosage", "Frequency",
     "MedicationName", "EmergencyContact", "ReferralSource", "ReferralType", "Carrier", "icd10_codes", "description",
     "documentbody", "Diagnoses", "custom:value", "custom:name", "isdisabled", "statecode", "notes", "objectid",
     "parentaccountid", "Location", "payer", "balance", "status", "charge_amount", "payment_date", "cpt_code")
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that name a column, with how sure a sign they are."""

    words: frozenset[str]
    weight: float
    mass: float  #: sum of the words' weights


@dataclass(frozen=True, slots=True)
class Candidate:
    """A home that fields of a role may have."""

    table: str
    column: str
    type: ColumnType | None
    object: ObjectName | None  #: whose rows a lookup points at
    several: bool  #: more than one field may fill it
    extra: bool  #: beyond what every clinic was promised: taken only where data shows that it is used
    phrases: tuple[Phrase, ...]

    @property
    def name(self) -> str:
        """``table.column``."""
        return f"{self.table}.{self.column}"


@dataclass(frozen=True, slots=True)
class Role:
    """One way to read a table."""

    name: str
    object: ObjectName | None
    target: str
    head: bool
    tables: tuple[Phrase, ...]
    about: frozenset[str]
    candidates: tuple[Candidate, ...]
    none: Mapping[str, tuple[Phrase, ...]] = field(default_factory=dict)  #: kind -> phrases


def mass(tokens: Iterator[str] | frozenset[str] | tuple[str, ...]) -> float:
    """How much words tell together."""
    weights = words().weights
    return sum(weights.get(word, 1.0) for word in tokens)


@cache
def phrase(text: str) -> Phrase:
    """A phrase of the lexicon; ``@0.7`` behind it is its weight."""
    plain, _, weight = text.partition("@")
    tokens = frozenset(Reader().read(plain))
    return Phrase(tokens, float(weight or 1), mass(tokens))


def _phrases(texts: list[str]) -> tuple[Phrase, ...]:
    found: dict[frozenset[str], Phrase] = {}
    for text in texts:
        one = phrase(text)
        if one.words and (one.words not in found or found[one.words].weight < one.weight):
            found[one.words] = one
    return tuple(found.values())


@cache
def roles() -> dict[str, Role]:
    """Every role by name."""
    groups = load("groups.yaml")
    return {name: _role(name, data, groups) for name, data in role_data().items()}


def _role(name: str, data: dict[str, Any], groups: dict[str, Any]) -> Role:
    columns: dict[str, list[str]] = {}
    for group in data.get("include", ()):
        columns.update(groups[group])
    for column, texts in data.get("columns", {}).items():
        columns[column] = [*texts, *columns.get(column, ())]
    target = data["target"]
    candidates = [_candidate(target, column, texts, extra=False) for column, texts in columns.items()]
    candidates += [_candidate(target, column, texts, extra=True) for column, texts in data.get("extra", {}).items()]
    about = {word for text in data["about"] for word in Reader().read(text)}
    return Role(
        name=name,
        object=cast("ObjectName | None", data["object"]),
        target=target,
        head=data.get("head", False),
        tables=_phrases(data["tables"]),
        about=frozenset(about),
        candidates=tuple(candidates),
        none={kind: _phrases(texts) for kind, texts in data.get("none", {}).items()},
    )


def _candidate(target: str, column: str, texts: list[str], *, extra: bool) -> Candidate:
    """``>Table.Column`` is a column of another table than the role's."""
    table, name = column[1:].split(".", 1) if column.startswith(">") else (target, column)
    known = load_catalog().column(table, name)
    type_ = known.type if known else _type_of(table, name)
    several = name in SEVERAL or type_ == "memo"
    object_ = known.object if known else None
    return Candidate(table, name, type_, object_, several, extra, _phrases(texts))


def _type_of(table: str, column: str) -> ColumnType | None:
    """The type of a column that the catalog does not have: of the export, or of Dataverse's own."""
    if column in ("preferredsystemuserid", "parentsystemuserid", "businessunitid"):
        return "lookup"
    if column == "createdon" or column.endswith("_date"):
        return "datetime"
    if table == CLAIMS and column.endswith(("amount", "balance", "price", "charge", "units")):
        return "decimal"
    return None


@cache
def general_none() -> dict[str, tuple[Phrase, ...]]:
    """Kinds of fields that no role migrates -> their phrases."""
    return {kind: _phrases(data["phrases"]) for kind, data in load("none.yaml").items()}


@cache
def none_reasons() -> dict[str, str]:
    """Kind of field without a home -> why, as people read it."""
    own = {
        "sensitive": "is sensitive and not needed for the work the target does",
        "role": "tells which role a person has; it decides the rows, not a column",
        "relatives": "is about somebody else than the patient",
        "license": "is a licence or tax number that the target has no column for",
        "vitals": "is a measurement, and the target has no column for it",
        "links": "links records that are joined before they land",
        "subscriber": "is about the subscriber, who may be somebody else than the patient",
        "metadata": "describes other fields",
        "derived_counts": "is computed from other records",
    }
    return own | {kind: data["why"] for kind, data in load("none.yaml").items()}


NOWHERE: Final = Candidate(NONE, NONE, None, None, True, False, ())
