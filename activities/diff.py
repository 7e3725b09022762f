"""The field-level diff of a sampled record: every source field, what was made of it, and what stands in the target."""

from collections.abc import Iterator
from typing import Any, Final

from activities.rows import Op, RowBuilder
from dataverse.afterimage import same
from mapping.model import ClinicMap, FieldMap
from mapping.schema import SchemaColumn

Record = dict[str, Any]

#: When an appointment is, in the tables that appointments may land in.
_TIMES: Final = ("ScheduledDate", "scheduledstart", "scheduledend")


class Differ:
    """Makes diff rows for the records of one object."""

    def __init__(self, clinic_map: ClinicMap, builder: RowBuilder, name: str) -> None:
        self._routes = {route.table: route.fields for route in clinic_map.objects[name].routes}  # type: ignore[index]
        self._builder, self._name = builder, name

    def rows(
        self,
        shaped: dict[int, Record],
        mapped: dict[int, Record],
        plan: dict[int, Record],
        ops: dict[int, Op],
        actual: dict[str, Record],
    ) -> Iterator[Record]:
        """One row per source field of every record: object, source_id, field, source, transform, column, value, verdict,
        and which of the report's proofs it belongs to, if any."""
        for pos, row in mapped.items():
            op = ops.get(pos)
            if op is None or pos not in shaped:
                continue
            refused = {issue["field"]: issue["code"] for issue in row["issues"]}
            lost = {link["column"] for link in plan[pos]["missing"] or []}
            for one in self._routes[op.table.plain]:
                yield self._row(one, shaped[pos], op, actual.get(op.row_id), refused, lost)

    def _row(
        self, one: FieldMap, record: Record, op: Op, row: Record | None, refused: dict[str, str], lost: set[str]
    ) -> Record:
        source = _value(record, one.source)
        column = op.table.columns.get(one.column) if one.column else None
        value = row.get(column.read_name) if column and row else None
        return {
            "object": self._name,
            "source_id": op.source_id,
            "field": one.source,
            "source": source,
            "transform": "redacted" if one.review == "redact" else one.transform,
            "column": column.logical if column else None,
            "value": _shown(column, value),
            "verdict": self._verdict(one, column, source, value, op, row, refused, lost),
            "proof": None if one.status == "ignored" else _proof(self._name, one),
        }

    def _verdict(
        self,
        one: FieldMap,
        column: SchemaColumn | None,
        source: Any,
        value: Any,
        op: Op,
        row: Record | None,
        refused: dict[str, str],
        lost: set[str],
    ) -> str:
        if one.status == "ignored":
            return "not migrated"
        if source in (None, "", []) and value in (None, ""):
            return "same"
        if one.source in refused or (column and (column.logical in lost or column.read_name in op.refused)):
            return "refused"
        if row is None:
            return "differs"
        if column is None:
            return "changed by transform"
        if column.read_name not in op.columns:
            # Nothing was written: what stands there is the column's default, or another record's of a shared row.
            return "left to the target" if source in (None, "", []) else "changed by transform"
        if not same(op.columns[column.read_name], value):
            return "differs"
        return "same" if same(source, value) else "changed by transform"


def _proof(name: str, one: FieldMap) -> str | None:
    """Which of ``reports.steps.PROOFS`` a field of an object proves."""
    target = one.args.get("object") if one.transform == "lookup" else None
    if name == "patient" and one.column == "SourceMRN":
        return "mrn"
    if name == "appointment" and one.column in _TIMES:
        return "time"
    if target == "practitioner":
        return "practitioner"
    return "insurance" if name == "insurance" and target == "patient" else None


def _value(record: Record, source: str) -> Any:
    if source.startswith("properties."):
        return (record.get("properties") or {}).get(source.removeprefix("properties."))
    return record.get(source)


def _shown(column: SchemaColumn | None, value: Any) -> Any:
    """A choice by its label, everything else as it reads back."""
    if column is None or value is None or column.type not in ("choice", "choices"):
        return value
    labels = {number: label for label, number in column.options.items()}
    parts = str(value).split(",")
    return ", ".join(labels.get(int(part), part) if part.lstrip("-").isdigit() else part for part in parts)
