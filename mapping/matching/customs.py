"""A column for a field that the target has none for: its type and length, from what is declared and from statistics."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from mapping.catalog.build import MAX_TEXT
from mapping.matching.kinds import declared_length, kind_of
from mapping.matching.model import Column, Evidence, Kind
from mapping.model import ColumnType, CustomColumn
from mapping.propose import (
    MAX_CHOICE_OPTIONS,
    MAX_CHOICES_OPTIONS,
    MAX_NUMBER_LENGTH,
    MAX_OPTION_LENGTH,
    MAX_PLACES,
    column_name_for,
    roomy,
)

_TYPES: Final[dict[Kind, ColumnType]] = {
    "text": "text", "long_text": "memo", "integer": "integer", "decimal": "decimal", "money": "decimal",
    "boolean": "boolean", "date": "date", "time": "text", "datetime": "datetime", "uuid": "text", "binary": "memo",
    "json": "memo", "link": "text", "choice": "text", "choices": "memo", "table": "memo", "unknown": "text",
}  # fmt: skip

#: A text whose values recur this often on average is chosen from a list rather than typed.
_RECURS: Final = 4
#: Length of a text nobody knows anything about.
_USUAL_LENGTH: Final = 255


@dataclass(frozen=True, slots=True)
class Custom:
    """The column to create, and whether its values rather go to rows of a junction table."""

    column: CustomColumn
    junction: bool


def custom_for(table: str, column: Column, taken: Collection[str]) -> Custom:
    """The custom column of a field.

    Args:
        table: plain name of the table that gets it.
        column: the source field.
        taken: names of the table's columns, in lower case.
    """
    type_, options, junction = _type(column)
    length = _length(column) if type_ in ("text", "memo") else None
    if type_ == "text" and length is not None and length > MAX_TEXT:
        type_ = "memo"
    evidence = column.evidence
    made = CustomColumn(
        table=table,
        name=column_name_for(column.name, taken),
        type=type_,
        label=(column.label or _label(column.name))[:100],
        max_length=length,
        precision=max(evidence.decimals if evidence else 0, 2) if type_ == "decimal" else None,
        options=list(options),
    )
    return Custom(made, junction)


def _type(column: Column) -> tuple[ColumnType, tuple[str, ...], bool]:
    """Type, options of a choice, and whether a junction table is better."""
    kind = kind_of(column)
    evidence = column.evidence
    parts = _parts(evidence)
    if parts is not None:
        if len(parts) <= MAX_CHOICES_OPTIONS and all(len(one) <= MAX_OPTION_LENGTH for one in parts):
            return "choices", parts, False
        return "memo", (), True
    if kind in ("decimal", "money") and evidence is not None:
        if evidence.decimals > MAX_PLACES or evidence.max_length > MAX_NUMBER_LENGTH:
            return "text", (), False  # a decimal column would not hold the number as it is
        return "decimal", (), False
    if kind in ("text", "choice", "unknown") and (options := _options(column)):
        return "choice", options, False
    if kind == "choices" and column.options:
        return "choices", tuple(dict.fromkeys(column.options)), False
    if kind == "choices":
        return "memo", (), True
    return _TYPES[kind], (), False


def _options(column: Column) -> tuple[str, ...]:
    """Declared options, or the values seen where few recur; empty when people type what they like."""
    evidence = column.evidence
    if evidence is not None and evidence.filled:
        seen = sorted(evidence.values or {})
        recurring = len(seen) * _RECURS <= evidence.filled
        options = tuple(seen) if recurring else ()
    else:
        options = tuple(dict.fromkeys(column.options))
    fit = 1 < len(options) <= MAX_CHOICE_OPTIONS and all(len(one) <= MAX_OPTION_LENGTH for one in options)
    return options if fit else ()


def _parts(evidence: Evidence | None) -> tuple[str, ...] | None:
    """The single values of a column that holds several in a cell; None for other columns."""
    if evidence is None or not evidence.separator or not evidence.values:
        return None
    parts = {part.strip() for value in evidence.values for part in value.split(evidence.separator)}
    return tuple(sorted(part for part in parts if part))


def _length(column: Column) -> int:
    evidence = column.evidence
    if evidence is not None and evidence.max_length:
        return roomy(evidence.max_length)
    return roomy(declared_length(column.type) or _USUAL_LENGTH)


def _label(name: str) -> str:
    words = name.replace("_", " ").replace(".", " ").replace("[]", "").split()
    return " ".join(words)[:1].upper() + " ".join(words)[1:] if words else name
