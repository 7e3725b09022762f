"""The rows of a load as the app sends them, for whoever else is to send them too."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any, Final

import orjson

from activities import jobs
from activities.planning import read_part
from activities.rows import RowBuilder
from ledger import migrations, paths
from ledger.chunks import read_records
from ledger.storage import Storage

_OBJECT: Final = "appointment"

Row = dict[str, Any]


def rows_of(connection: str, migration: str, count: int) -> list[Row]:
    """The first ``count`` rows that the full run of a migration created, without their ids.

    ``connection`` is the storage's connection string.
    """

    async def work() -> list[Row]:
        async with Storage.open(connection) as store:
            with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
                return await _rows(store, migration, count, Path(folder))

    return asyncio.run(work())


async def _rows(store: Storage, migration: str, count: int, folder: Path) -> list[Row]:
    one = await migrations.load(store, migration)
    run = next(run for run in reversed(await migrations.list_runs(store, migration)) if run.kind == "migrate")
    job = {**await jobs.describe(store, one, run), "object": _OBJECT}
    builder = RowBuilder(await jobs.schema(store, job), one.generation)
    found: list[Row] = []
    summary = orjson.loads(await store.get("staging", paths.work(migration, run.id, f"{_OBJECT}/plan/summary.json")))
    for number, chunk in enumerate(summary["chunks"]):
        if len(found) >= count:
            break
        part = paths.work(migration, run.id, f"{_OBJECT}/plan/{paths.chunk(number)}.parquet")
        await store.download("staging", part, folder / "plan.parquet")
        await store.download("staging", jobs.mapped_chunk(job, _OBJECT, chunk), folder / "mapped.gz")
        plan = read_part(folder / "plan.parquet")
        rows = [row for row in read_records(folder / "mapped.gz") if row["pos"] in plan]
        found += [builder.op(row, plan[row["pos"]]).body for row in rows]
    return found[:count]
