"""A record's own way: what reading, mapping, building and parsing cost when nothing is kept of it.

The same functions that the activities run, over the same staged records, in one process and without storage or network:
the target's answers are made up in place, and what making them up costs is taken off. What a stage costs beyond this is
the price of doing it exactly once and on record.
"""

import asyncio
import tempfile
from dataclasses import dataclass
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
#: Their requests carry files, and go one by one.
_FILES: Final = "document"

Row = dict[str, Any]
#: Mapped chunk and place in it -> what the plan says of the record.
Plan = dict[tuple[str, int], Row]


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
                planned = [
                    (row, plans[name][key]) for row in rows if (key := (row["chunk"], row["pos"])) in plans[name]
                ]
                if name != _FILES:
                    await send_rows(found, builder, planned)
    return found


async def _plan(store: Storage, migration: str, run: str, name: str, folder: Path) -> Plan:
    """What the run's plan says of each record that it creates, by the record's place in the mapped chunks."""
    files = await store.download("staging", paths.work(migration, run, f"{name}/plan/"), folder)
    rows = [row for file in files if file.suffix == ".parquet" for row in read_part(file).values()]
    return {(row["chunk"], row["pos"]): row for row in rows if row["action"] == "create"}


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
    """Build the rows and create them at a target that takes everything; adds what it cost to ``found``."""
    target = _Target()
    auth = StaticToken("benchmark")
    async with DataverseClient("https://benchmark.invalid", auth, transport=httpx.MockTransport(target)) as client:
        started = process_time()
        ops = [builder.op(row, plan) for row, plan in planned]
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
