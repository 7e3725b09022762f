"""Mapped records at rest: one gzip NDJSON chunk with payloads, and beside it a narrow Parquet index for the plan."""

from pathlib import Path
from typing import Any, Final

from ledger import duck
from ledger.chunks import longest_line
from mapping.record import MappedRecord

#: What the plan needs to know of a record; payloads stay out of it.
_INDEX: Final = {
    "chunk": "VARCHAR",
    "pos": "INTEGER",
    "source_id": "VARCHAR",
    "source_key": "VARCHAR",
    "row_key": "VARCHAR",
    "table": "VARCHAR",
    "patient": "VARCHAR",
    "hash": "VARCHAR",
    "status": "VARCHAR",
    "reason": "VARCHAR",
    "message": "VARCHAR",
    "state": "VARCHAR",
    "review": "VARCHAR",
    "owner_rule": "VARCHAR",
    "properties": "VARCHAR[]",
    "properties_refused": "INTEGER",
    "properties_ignored": "INTEGER",
    "issues": 'STRUCT(field VARCHAR, "column" VARCHAR, code VARCHAR, message VARCHAR)[]',
    "refs": 'STRUCT("column" VARCHAR, object VARCHAR, key VARCHAR, required BOOLEAN)[]',
}


def as_row(record: MappedRecord, chunk: str, pos: int, patient: str | None) -> dict[str, Any]:
    """A mapped record as a JSON row of its chunk."""
    return {
        "chunk": chunk,
        "pos": pos,
        "patient": patient,
        "source_id": record.source_id,
        "source_key": record.source_key,
        "row_key": record.row_key,
        "table": record.table,
        "payload": record.payload,
        "refs": [{"column": r.column, "object": r.object, "key": r.key, "required": r.required} for r in record.refs],
        "owner": record.owner,
        "owner_rule": record.owner_rule,
        "state": record.state,
        "file": record.file,
        "status": record.status,
        "reason": record.reason,
        "message": record.message,
        "issues": [{"field": i.field, "column": i.column, "code": i.code, "message": i.message} for i in record.issues],
        "properties": record.properties,
        "properties_refused": record.properties_refused,
        "properties_ignored": record.properties_ignored,
        "review": record.review,
        "hash": record.hash,
    }


def write_index(chunks: list[Path], target: Path) -> None:
    """The index of these chunks as one Parquet file."""
    longest = max(longest_line(chunk) for chunk in chunks)
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in _INDEX.items())
    with duck.json_cursor() as db:
        db.execute(
            f"COPY (SELECT * FROM read_json($files, format='newline_delimited', compression='gzip', "
            f"columns={{{columns}}}, maximum_object_size={longest})) TO '{target}' (FORMAT parquet, COMPRESSION zstd)",
            {"files": [str(chunk) for chunk in chunks]},
        )
