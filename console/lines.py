"""The rows of the map's table, and the figures above it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from mapping.model import ClinicMap, FieldMap
from mapping.review import left_behind
from mapping.schema import Schema, SchemaColumn
from mapping.transforms import Refused
from mapping.validate import Problem
from reports.masking import mask, worded
from services import source
from services.fields import CERTAIN
from services.history import fields_of

#: A decision about health information, as a row says it.
DECIDED: Final = {"migrate": "migrates", "redact": "redacted", "leave_out": "left out"}

Records = Mapping[str, list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the map's table."""

    key: str
    object: str
    table: str
    field: FieldMap
    column: SchemaColumn | None
    problem: str
    required: bool  #: it fills, or would fill, a column that records need
    whole: str  #: who confirmed the whole map as it is, and with it what was only proposed; "" for nobody
    examples: list[tuple[str, str]]  #: values before and after

    @property
    def id(self) -> str:
        """An id for the page: no dots, which selectors would take for classes."""
        return "f-" + self.key.replace(".", "-")

    @property
    def status(self) -> str:
        """Where the field stands: a map that was confirmed as a whole has no field that is only proposed."""
        return "confirmed" if self.whole and self.field.status == "proposed" else self.field.status

    @property
    def left(self) -> bool:
        """Whether it would be left behind, and nobody has decided that."""
        return left_behind(self.field)

    @property
    def open(self) -> bool:
        """Whether a decision is to be made about it."""
        return self.left or self.status == "proposed"

    @property
    def way(self) -> str:
        """How the value is changed on the way; a decision about health information goes before the transform."""
        return "redacted" if self.field.review == "redact" else self.field.transform

    @property
    def decision(self) -> str:
        """What somebody decided about the health information in it; "" for nobody."""
        return DECIDED.get(self.field.review or "", "")

    @property
    def sure(self) -> str:
        """The confidence in words."""
        if self.field.by and self.field.status != "proposed":
            return "decided"
        return "certain" if self.field.confidence >= CERTAIN else "likely" if self.field.confidence >= 0.8 else "unsure"

    @property
    def eye(self) -> bool:
        """Whether a person should look: not decided, and not certain, wrong or left behind."""
        return bool(self.problem) or self.left or (self.status == "proposed" and self.sure != "certain")


def lines_of(
    clinic_map: ClinicMap,
    schema: Schema,
    found: list[Problem],
    whole: str = "",
    records: Records | None = None,
    *,
    revealed: bool = False,
) -> list[Line]:
    """The rows of the table, in the map's order. ``found``: what is wrong with the map; ``records``: where examples
    are taken from, object by object."""
    wrong = {(one.object, one.field): one.message for one in found if one.field}
    lines = []
    for key, name, table, field in fields_of(clinic_map):
        target = schema.tables.get(table)
        some = (records or {}).get(name, [])
        shown = source.examples_in(some, clinic_map.time_zone, schema, name, table, field)
        lines.append(
            Line(
                key, name, table, field,
                column=target.columns.get(field.column) if target and field.column else None,
                problem=wrong.get((name, field.source), ""),
                required=target is not None and field.column in target.required.get(name, ()),
                whole=whole,
                examples=[example(one, revealed=revealed) for one in shown],
            )
        )  # fmt: skip
    return lines


def example(one: source.Example, *, revealed: bool) -> tuple[str, str]:
    """A value before and after its transform, masked unless values may be seen."""
    value, made = one
    if isinstance(made, Refused):
        return worded(value) if revealed else mask(value), f"refused: {made.code}"
    if not revealed:
        return mask(value), mask(made)
    return worded(value), worded(made)


def counts_of(lines: list[Line], found: list[Problem]) -> dict[str, Any]:
    """Figures above the table, and what keeps the map from being confirmed."""
    status = Counter(line.status for line in lines)
    return {
        "all": len(lines),
        "confirmed": status["confirmed"],
        "proposed": status["proposed"],
        "ignored": status["ignored"],
        "left": sum(1 for line in lines if line.left),
        "eye": sum(1 for line in lines if line.eye),
        "problems": [one for one in found if not one.unfilled and "controlled substances" not in one.message],
        "unfilled": [one for one in found if one.unfilled],
    }
