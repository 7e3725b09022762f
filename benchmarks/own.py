"""A record's own way: what reading, mapping, building and parsing cost when nothing is kept of it.

The same functions that the activities run, over the same staged records, in one process and without storage or network:
the target's answers are made up in place, and what making them up costs is taken off. What a stage costs beyond this is
the price of doing it exactly once and on record.
"""

import asyncio
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from time import process_time
from typing import Any, Final

import httpx
import orjson

from activities import jobs
from activities.batch import GROUP
from activities.mapped import as_row
from activities.planning import read_part
from activities.rows import RowBuilder
from dataverse.auth import StaticToken
from dataverse.client import DataverseClient
from dataverse.creates import create_rows
from ledger import migrations, paths
from ledger.chunks import read_records
from ledger.migrations import Migration
from ledger.storage import Storage
from mapping.compile import Mapper, compile_map
from mapping.objects import LOAD_ORDER
from mapping.owners import Owners
from settings import settings

#: Records that are enough: a second of work or two.
ENOUGH: Final = 20_000

Row = dict[str, Any]


@dataclass(slots=True)
class OwnWay:
    """CPU seconds of this process: ``mapping`` of ``mapped`` records, ``sending`` of ``sent`` rows."""

    mapped: int = 0
    mapping: float = 0.0
    sent: int = 0
    sending: float = 0.0

    @property
    def map_us(self) -> float:
        """Microseconds to read a staged record and map it."""
        return 1e6 * self.mapping / self.mapped if self.mapped else 0.0

    @property
    def send_us(self) -> float:
        """Microseconds to build a row's part of a request and to read its part of the answer."""
        return 1e6 * self.sending / self.sent if self.sent else 0.0


def measure(connection: str, migration: str) -> OwnWay:
    """Takes the records that were staged for a migration, with the plan of its last full run, along their own way.

    ``connection`` is the storage's connection string.
    """

    async def work() -> OwnWay:
        async with Storage.open(connection) as store:
            with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
                return await _measure(store, await migrations.load(store, migration), Path(folder))

    return asyncio.run(work())


async def _measure(store: Storage, migration: Migration, folder: Path) -> OwnWay:
    runs = await migrations.list_runs(store, migration.id)
    run = [one.id for one in runs if one.kind == "migrate" and one.parent is None][-1]
    job = {"migration": migration.id, "map_hash": migration.map_hash or ""}
    clinic_map, schema = await jobs.map_and_schema(store, job)
    owners = Owners.from_json(await jobs.document(store, migration.id, "owners.json"))
    mappers = compile_map(clinic_map, schema, owners)
    builder = RowBuilder(schema, migration.generation)
    plans = {name: await _plan(store, migration.id, run, name, folder / name) for name in LOAD_ORDER}
    found = OwnWay()
    staged = await store.names("staging", paths.shaped(migration.id, migration.snapshot))
    # Bucket by bucket, so that the objects are there in the proportions that the clinic has.
    for bucket in sorted({blob.rpartition("/")[2] for blob in staged}, reverse=True):
        if found.mapped >= ENOUGH:
            break
        label = bucket.removesuffix(".ndjson.gz")
        for name in LOAD_ORDER:
            blob = paths.shaped_chunk(migration.id, migration.snapshot, name, label)
            if name in mappers and blob in staged:
                await store.download("staging", blob, folder / bucket)
                rows = map_records(found, mappers[name], folder / bucket, label)
                await send_rows(found, builder, list(_created(rows, plans[name])))
    return found


async def _plan(store: Storage, migration: str, run: str, name: str, folder: Path) -> dict[str, Path]:
    """Mapped chunk -> the file with what the run's plan says of its records."""
    files = await store.download("staging", paths.work(migration, run, f"{name}/plan/"), folder)
    parts = [file for file in files if file.suffix == ".parquet"]
    return {next(iter(read_part(file).values()))["chunk"]: file for file in parts}


def _created(rows: list[Row], parts: dict[str, Path]) -> Iterator[tuple[Row, Row]]:
    """The records that the run created, each with its plan."""
    for chunk, group in groupby(rows, lambda row: str(row["chunk"])):
        plan = read_part(parts[chunk]) if chunk in parts else {}
        yield from ((row, plan[row["pos"]]) for row in group if plan.get(row["pos"], {}).get("action") == "create")


def map_records(found: OwnWay, mapper: Mapper, shaped: Path, label: str) -> list[Row]:
    """Read and map the records of one staged file, as an activity does; adds what it cost to ``found``."""
    size = settings().chunk
    started = process_time()
    rows = [
        as_row(mapper(record), f"{label}-{number // size:05d}", number % size, record.get("_patient"))
        for number, record in enumerate(read_records(shaped))
    ]
    found.mapping += process_time() - started
    found.mapped += len(rows)
    return rows


async def send_rows(found: OwnWay, builder: RowBuilder, planned: list[tuple[Row, Row]]) -> None:
    """Build the rows and create them at a target that takes everything; adds what it cost to ``found``.

    Only tables that take several rows a request: notes go one by one, with their files.
    """
    target = _Target()
    auth = StaticToken("benchmark")
    async with DataverseClient("https://benchmark.invalid", auth, transport=httpx.MockTransport(target)) as client:
        started = process_time()
        ops = [op for row, plan in planned if (op := builder.op(row, plan)).table.bulk]
        for table in {op.table.plain: op.table for op in ops}.values():
            target.id_column = table.id_column
            bodies = [{**op.body, table.id_column: op.row_id} for op in ops if op.table is table]
            for start in range(0, len(bodies), GROUP):
                await create_rows(client, table, bodies[start : start + GROUP])
        found.sending += process_time() - started - target.seconds
        found.sent += len(ops)


class _Target:
    """Answers a bulk create as Dataverse does, and knows what that cost."""

    def __init__(self) -> None:
        self.id_column = ""
        self.seconds = 0.0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        started = process_time()
        ids = [row[self.id_column] for row in orjson.loads(request.content)["Targets"]]
        response = httpx.Response(200, json={"Ids": ids}, headers={"OData-Version": "4.0"})
        self.seconds += process_time() - started
        return response
