"""The field-level diff of a sampled record: every source field, what was made of it, and what stands in the target."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from activities.planning import CODES
from activities.proofs import proof_of
from activities.rows import Op, RowBuilder
from dataverse.afterimage import same
from mapping.compile import zone_of
from mapping.model import ClinicMap, FieldMap
from mapping.parties import parties_of
from mapping.properties import PREFIX
from mapping.schema import SchemaColumn, SchemaTable
from mapping.steps import Step, losses, lost_by_all, read_step, step_of
from mapping.transforms.base import ALL, NOTHING, Refused
from mapping.transforms.choices import labelled
from mapping.transforms.texts import from_json_text

Record = dict[str, Any]

#: Codes of a run's exceptions: by source id, and the field or column ("" for the record as a whole).
Codes = Mapping[tuple[str, str], str]

#: Types of columns that hold no value but a row, a file or a standing that was found or made by one.
_FOUND: Final = ("lookup", "parties", "owner", "file", "state", "status")

#: What a contact says of whose it is.
_NAMES: Final = ("SourceKey", "SourcePatientID")


class Differ:
    """Makes diff rows for the records of one object: those that landed, and those that did not."""

    def __init__(self, clinic_map: ClinicMap, builder: RowBuilder, name: str, codes: Codes) -> None:
        self._routes = {route.table: route.fields for route in clinic_map.objects[name].routes}  # type: ignore[index]
        self._builder, self._name, self._codes = builder, name, codes
        zone = zone_of(clinic_map)
        self._steps = {
            (table, place): step_of(name, one, builder.schema.table(table).columns.get(one.column or ""), zone)  # type: ignore[arg-type]
            for table, fields in self._routes.items()
            for place, one in enumerate(fields)
            if one.status != "ignored"
        }
        self._proofs = {
            (table, place): proof
            for table, fields in self._routes.items()
            for place, one in enumerate(fields)
            if (proof := proof_of(name, one, fields)) is not None
        }

    def links(self, op: Op, row: Record) -> list[str]:
        """The contacts that a row's lookups under proof point at."""
        return [
            link
            for place, one in enumerate(self._routes[op.table.plain])
            if (op.table.plain, place) in self._proofs and one.transform == "lookup" and one.column
            for link in _links(op.table.columns[one.column], row)
        ]

    def rows(
        self,
        shaped: Mapping[int, Record],
        mapped: Mapping[int, Record],
        plan: Mapping[int, Record],
        ops: Mapping[int, Op],
        actual: Mapping[str, Record],
        linked: Mapping[str, list[str]],
    ) -> Iterator[Record]:
        """One row per source field of every record: what the source holds, what stands in the target, the verdict, the
        code of a refusal, and of a field under proof what the proof asks for and what was found.

        ``linked``: for each id of ``links`` what names that row.
        """
        for pos, row in mapped.items():
            if pos not in shaped or plan[pos]["action"] == "merged":
                continue
            op = ops.get(pos)
            there = actual.get(op.row_id) if op else None
            table = self._builder.schema.table(row["table"] or next(iter(self._routes)))
            found: list[Record] = []
            for place, one in enumerate(self._routes[table.plain]):
                column = table.columns.get(one.column) if one.column else None
                made = self._made(one, column, shaped[pos], row)
                if op is None:
                    made |= self._absent(one, row, plan[pos])
                else:
                    lost = {link["column"] for link in plan[pos]["missing"] or []}
                    made |= self._present(one, column, made["source"], row, op, there, lost)
                proof = self._proofs.get((table.plain, place))
                if proof and row["status"] != "excluded" and made["source"] not in one.args.get("none", ()):
                    links = _links(column, there) if column and there and one.transform == "lookup" else []
                    made["proof"], truth = proof
                    made["truth"] = shaped[pos].get(truth) or made["source"]
                    made["linked"] = [name for id in links for name in linked.get(id, ())]
                if made["verdict"] == "changed by transform":
                    stands = (there or {}) | (op.columns if op else {})
                    made["losses"] = _losses(self._steps[table.plain, place], column, shaped[pos], made, stands)
                found.append(made)
            yield from _told(found)

    def _made(self, one: FieldMap, column: SchemaColumn | None, record: Record, row: Record) -> Record:
        """What a row of the diff says of any record."""
        return {
            "object": self._name,
            "source_id": row["source_id"],
            "patient": row["patient"],
            "field": one.source,
            "source": value_of(record, one.source),
            "transform": "redacted" if one.review == "redact" else one.transform,
            "column": column.logical if column else None,
            "read": column.read_name if column else None,
            "value": None,
            "landed": False,
            "loses": "",
            "reason": "",
            "proof": None,
        }

    def _absent(self, one: FieldMap, row: Record, planned: Record) -> Record:
        """A record without a row: excluded with a reason, or refused with a code."""
        code = row["reason"] or CODES.get(planned["action"]) or self._codes.get((row["source_id"], ""), "not_written")
        left_out = row["status"] == "excluded" or one.status == "ignored"
        return {"verdict": "not migrated" if left_out else "refused", "reason": code}

    def _present(
        self,
        one: FieldMap,
        column: SchemaColumn | None,
        source: Any,
        mapped: Record,
        op: Op,
        row: Record | None,
        lost: set[str],
    ) -> Record:
        """A record that has a row, or should have one."""
        value = row.get(column.read_name) if column and row else None
        return {"landed": True, "value": labelled(column, value)} | self._verdict(
            one, column, source, value, mapped, op, row, lost
        )

    def _verdict(
        self,
        one: FieldMap,
        column: SchemaColumn | None,
        source: Any,
        value: Any,
        mapped: Record,
        op: Op,
        row: Record | None,
        lost: set[str],
    ) -> Record:
        if one.status == "ignored":
            return {"verdict": "not migrated", "reason": one.reason}
        if source in (None, "", []) and value in (None, ""):
            return {"verdict": "same"}
        if code := self._refusal(one, column, mapped, op, lost):
            return {"verdict": "refused", "reason": code}
        if row is None:
            return {"verdict": "differs", "reason": "no_row"}
        if column is None:
            return {"verdict": "changed by transform"}
        if column.read_name not in op.columns:
            # Nothing was written: what stands there is the column's default, or another record's of a shared row.
            return {"verdict": "left to the target" if source in (None, "", []) else "changed by transform"}
        if not same(op.columns[column.read_name], value):
            return {"verdict": "differs"}
        if same(source, value) or same(source, labelled(column, value)):
            return {"verdict": "same"}
        return {"verdict": "changed by transform"}

    def _refusal(
        self, one: FieldMap, column: SchemaColumn | None, mapped: Record, op: Op, lost: set[str]
    ) -> str | None:
        """The code with which a field of a landed record was refused; None when it was not."""
        for issue in mapped["issues"]:
            if issue["field"] == one.source and issue["column"] in (None, one.column):
                return str(issue["code"])
        if column is None:
            return None
        if column.logical in lost:
            return "missing_parent"
        if column.read_name in op.refused:
            return self._codes.get((op.source_id, column.read_name), "held_back")
        return None


def _losses(step: Step, column: SchemaColumn | None, record: Record, made: Record, columns: Record) -> frozenset[str]:
    """What of a changed field is not in its column. All, where a policy or another record has filled it.

    ``made``: the field's row of the diff; ``columns``: what stands in the record's row.
    """
    if made["source"] in (None, "", []):
        return NOTHING
    given = {step.source: made["source"]} if step.source.startswith(PREFIX) else record
    try:
        if column is not None and column.type not in _FOUND:
            result, stands = read_step(step, given), columns.get(column.read_name)
            # A note ends with where it comes from: more may stand there than was made of the value.
            if not same(result, stands) and not (isinstance(result, str) and str(stands).startswith(result)):
                return ALL
        return losses(step, given)
    except Refused:
        return ALL  # a policy dropped the value, and its refusal with it


def _told(fields: list[Record]) -> list[Record]:
    """The fields of a record, each with what its source loses: what none of the columns holds that it goes to."""
    each: dict[str, list[frozenset[str]]] = {}
    for made in fields:
        if made["verdict"] in ("same", "changed by transform"):
            each.setdefault(made["field"], []).append(made.pop("losses", NOTHING))
    for made in fields:
        if made["verdict"] == "changed by transform":
            made["loses"] = ", ".join(sorted(lost_by_all(each[made["field"]])))
    return fields


def _links(column: SchemaColumn, row: Record) -> list[str]:
    """The contacts that a lookup or a party column points at."""
    value = row.get(column.read_name)
    if column.type == "parties":
        return [id for table, id in parties_of(value) if table == "contact"]
    return [str(value).lower()] if value else []


def names_of(table: SchemaTable) -> list[str]:
    """The columns, by read name, that say which record of the source a contact is."""
    return [table.columns[name].read_name for name in _NAMES if name in table.columns]


def value_of(record: Mapping[str, Any], source: str) -> Any:
    """What a shaped record holds in a field or custom property."""
    if not source.startswith(PREFIX):
        return record.get(source)
    properties = from_json_text(record.get("properties"))
    return properties.get(source.removeprefix(PREFIX)) if isinstance(properties, dict) else None
