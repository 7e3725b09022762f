"""Put one shaped bucket through the confirmed map."""

import asyncio
import hashlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from activities import jobs
from activities.mapped import as_row, write_index
from activities.papers import Papers
from activities.resources import storage, workplace
from activities.trim import check_kept
from ledger import paths
from ledger.chunks import read_records, write_records
from mapping.compile import compile_map
from mapping.derived import derive
from mapping.objects import DERIVED
from mapping.owners import Owners


async def map_bucket(job: dict[str, Any]) -> dict[str, Any]:
    """Map every object of one bucket into chunks; done once per reading, map and owners."""
    store = await storage()
    label = jobs.bucket_label(job["bucket"])
    marker = f"{jobs.mapped_prefix(job)}done-{label}.json"
    if await store.exists("staging", marker):
        return dict(orjson.loads(await store.get("staging", marker)))
    clinic_map, schema = await jobs.map_and_schema(store, job)
    await check_kept(store, job, clinic_map)
    owners = Owners.from_json(await jobs.document(store, job["migration"], "owners.json"))
    papers = Papers(await jobs.optional_document(store, job["migration"], "files.json", {}))
    compiled = compile_map(clinic_map, schema, owners)
    shaped = paths.shaped(job["migration"], job["snapshot"])
    names = {name for name in await store.names("staging", shaped) if name.endswith(f"/{label}.ndjson.gz")}
    counts: dict[str, int] = {}
    async with workplace("map") as folder:
        for name in compiled:
            source = DERIVED[name].of if name in DERIVED else name
            blob = paths.shaped_chunk(job["migration"], job["snapshot"], source, label)
            if blob not in names:
                continue
            await store.download("staging", blob, folder / "shaped.gz")
            out = folder / name
            records = read_records(folder / "shaped.gz")
            if name in DERIVED:
                records = derive(clinic_map, name)(records)
            counts[name] = await asyncio.to_thread(_map, records, compiled[name], papers, out, label, job["chunk_size"])
            for path in sorted(out.glob("*.ndjson.gz")):
                await store.upload("staging", f"{jobs.mapped_prefix(job, name)}{path.name}", path)
            if counts[name]:
                await store.upload(
                    "staging", f"{jobs.mapped_prefix(job, name)}index/{label}.parquet", out / "index.parquet"
                )
    await store.put("staging", marker, orjson.dumps(counts))
    return counts


def _map(records: Iterator[dict[str, Any]], mapper: Any, papers: Papers, out: Path, label: str, size: int) -> int:
    """Map shaped records into chunks and their index; returns how many records."""
    written: list[Path] = []
    total = 0
    while rows := list(islice(_mapped(records, mapper, papers, f"{label}-{len(written):05d}"), size)):
        path = out / f"{label}-{len(written):05d}.ndjson.gz"
        total += write_records(path, rows)
        written.append(path)
    if written:
        write_index(written, out / "index.parquet")
    return total


def _mapped(records: Iterator[dict[str, Any]], mapper: Any, papers: Papers, chunk: str) -> Iterator[dict[str, Any]]:
    for pos, record in enumerate(records):
        mapped = mapper(record)
        if mapped.file:
            # A document whose content changed under the same name is a changed record.
            mapped.hash = hashlib.sha256(f"{mapped.hash}{papers.digest(mapped.file)}".encode()).hexdigest()
        yield as_row(mapped, chunk, pos, record.get("_patient"))
