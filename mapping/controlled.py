"""The migration's policy for controlled substances, applied to one mapped prescription."""

from collections.abc import Callable
from typing import Any, Final

from mapping.drugs import schedule
from mapping.model import ControlledPolicy, Route
from mapping.record import MappedRecord
from mapping.schema import SchemaTable
from mapping.transforms.base import or_nothing

#: What a redacted row lands without. Instructions tell the dose in other words; the code system means nothing alone.
REDACTED: Final = (
    "MedicationName", "MedicationCode", "CodeSystem", "Dosage", "Frequency", "Quantity", "Refills", "Instructions",
    "DEASchedule",
)  # fmt: skip
REDACTED_NAME: Final = "Controlled medication (redacted)"

#: Characters of an unknown drug's name and code that are kept for the person who looks at it.
_SHOWN: Final = 200

_CONTROLLED: Final = frozenset(("I", "II", "III", "IV", "V"))

Record = dict[str, Any]
Policy = Callable[[Record, MappedRecord], None]


def controlled_policy(policy: ControlledPolicy, route: Route, table: SchemaTable) -> Policy:
    """A function that excludes, redacts or leaves the mapped prescription, and flags an unknown drug for review.

    Controlled is what the medication's text says by the table of schedules, and what the source itself says in a
    field mapped to DEASchedule: either suffices.
    """
    names, codes = _sources(route)
    column = table.columns.get("DEASchedule")
    labels = {number: label for label, number in column.options.items()} if column else {}
    schedule_column = column.logical if column else ""
    dropped = {table.columns[plain].logical for plain in REDACTED if plain in table.columns}

    def apply(record: Record, mapped: MappedRecord) -> None:
        found = {_schedule(record, source, codes) for source in names}
        stated = labels.get(mapped.payload.get(schedule_column, -1))
        if stated is not None:
            found.add(stated)
        if not found & _CONTROLLED:
            if "Unknown" in found:
                texts = (or_nothing(record.get(source)) for source in (*names, *codes))
                mapped.review = " · ".join(dict.fromkeys(text for text in texts if text))[:_SHOWN]
            return
        if policy == "suppress":
            mapped.status, mapped.reason = "excluded", "controlled"
            mapped.message = "A controlled substance; the migration's policy leaves these prescriptions out."
        elif policy == "redact":
            for logical in dropped:
                mapped.payload.pop(logical, None)
            mapped.issues = [issue for issue in mapped.issues if issue.column not in REDACTED]
            mapped.payload[table.name_column] = REDACTED_NAME

    return apply


def _sources(route: Route) -> tuple[list[str], list[str]]:
    """The source fields that name the medication, and those that hold its code."""
    live = [field for field in route.fields if field.status != "ignored"]
    by_schedule = [field for field in live if field.transform == "drug_schedule"]
    names = [
        field.source for field in [*by_schedule, *live] if field in by_schedule or field.column == "MedicationName"
    ]
    codes = [field.source for field in live if field.column == "MedicationCode"]
    return list(dict.fromkeys(names)), codes


def _schedule(record: Record, source: str, codes: list[str]) -> str | None:
    name, code = (
        or_nothing(record.get(source)),
        next((text for field in codes if (text := or_nothing(record.get(field)))), ""),
    )
    return schedule(None, code or None, name or None) if name or code else None
