"""The sample's diff as it is kept: the report in its forms, an index for pages, and what both are made of.

People comment on fields when the report is there already. It is made anew when somebody asks for it and it lacks one.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import orjson

from activities import comments, jobs
from activities.keep import keep_report
from activities.resources import workplace
from ledger import duck, migrations, paths
from ledger.chunks import longest_line, pack, unpack, write_records
from ledger.storage import Storage
from reports.diff import FIELDS, diff_report, plain
from reports.model import Report
from reports.render import render

Row = dict[str, Any]

#: The document with the report's figures and tables, all but the fields: these are in the index.
HEAD: Final = "diff.json"
#: The document with what the report is made of beside the fields.
_FRAME: Final = "diff-frame.json"
#: The document that says how many comments of which sample the report holds.
_HOLDS: Final = "diff-comments.json"
#: What the index says of a field, beside its place in the report.
_INDEX: Final = {
    **dict.fromkeys(
        (
            "object", "patient", "source_id", "field", "source", "transform", "column", "value", "verdict", "class", "loses",
            "reason", "proof",
        ),
        "VARCHAR",
    ),
    "proved": "BOOLEAN",
}  # fmt: skip
#: What the report says of a field.
_KEPT: Final = (*_INDEX, "landed")


async def keep(store: Storage, id: str, rows: Sequence[Row], frame: Mapping[str, Any]) -> None:
    """Keep the diff of a new sample. ``rows``: classed and in order; ``frame``: the other arguments of ``diff_report``,
    by name."""
    await store.put("reports", paths.diff_rows(id), pack({name: row.get(name) for name in _KEPT} for row in rows))
    await jobs.keep_document(store, id, _FRAME, frame)
    await _write(store, id, rows, frame)


async def freshen(store: Storage, id: str) -> None:
    """Make the report anew where it lacks comments. Not while a run is on: a new sample may be writing its own."""
    if (await migrations.load(store, id)).active_run:
        return
    sample, said = await comments.read(store, id)
    if said and await jobs.optional_document(store, id, _HOLDS, None) != _holds(sample, said):
        rows = list(unpack(await store.get("reports", paths.diff_rows(id))))
        await _write(store, id, rows, await jobs.document(store, id, _FRAME))


async def _write(store: Storage, id: str, rows: Sequence[Row], frame: Mapping[str, Any]) -> None:
    sample, said = await comments.read(store, id)
    report = diff_report(id, rows, comments=said, **frame)
    await keep_report(store, report)
    await _keep_index(store, report, rows)
    await jobs.keep_document(store, id, _HOLDS, _holds(sample, said))


def _holds(sample: str, said: Sequence[Any]) -> dict[str, Any]:
    return {"sample": sample, "comments": len(said)}


async def _keep_index(store: Storage, report: Report, rows: Sequence[Row]) -> None:
    """The report for pages that show a part of it: figures and small tables at once, fields by what is asked for."""
    async with workplace("diff") as folder:
        await asyncio.to_thread(write_index, rows, folder / "fields.parquet")
        await store.upload("reports", paths.diff_index(report.migration), folder / "fields.parquet")
    small = replace(report, tables=[table for table in report.tables if table.title != FIELDS], csv_table=0)
    head = orjson.loads(render(small, "json"))
    head["table_notes"] = {table.title: table.note if table.rows else table.empty for table in report.tables}
    await jobs.keep_document(store, report.migration, HEAD, head)


def write_index(rows: Sequence[Row], target: Path) -> None:
    """The fields as one Parquet file, in the order of the report."""
    given = target.with_suffix(".ndjson.gz")
    write_records(given, ({name: plain(row.get(name)) for name in _INDEX} for row in rows))
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in _INDEX.items())
    with duck.json_cursor() as db:
        db.execute(
            f"COPY (SELECT row_number() OVER () AS place, * FROM read_json($file, format = 'newline_delimited', "
            f"compression = 'gzip', columns = {{{columns}}}, maximum_object_size = {longest_line(given)})) "
            f"TO '{target}' (FORMAT parquet, COMPRESSION zstd)",
            {"file": str(given)},
        )
