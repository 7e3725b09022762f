"""Find the rows of the target that records to come are already in: by the map's match rules, many keys a request.

Nothing is decided here, and nothing written to the target: a bucket's matches are left for the plan, which sees all of
them together and takes only those without doubt.
"""

import asyncio
from pathlib import Path
from typing import Any

from activities import jobs
from activities.current import fetch_current
from activities.resources import storage, workplace
from activities.target import chunk_client
from dataverse.client import DataverseClient
from dataverse.match import find_matches
from ledger import duck, paths
from ledger.chunks import pack, read_records
from mapping.adopting import match_rules
from mapping.keys import row_id
from mapping.schema import Schema

#: Records that a first run would create: those without a receipt. Keys as ``activities.current`` folds them.
_NEW = """
SELECT chunk, list(pos) FROM read_parquet($index) WHERE status = 'mapped' AND "table" IN (SELECT unnest($tables))
AND md5_number(lower(source_key)) NOT IN (SELECT k FROM read_parquet($current)) GROUP BY 1 ORDER BY 1
"""


async def match_chunk(job: dict[str, Any]) -> dict[str, Any]:
    """The matches of one bucket of one object; ``job["chunk"]`` counts the buckets, from the one that hangs on no patient.

    The first attempt's answer stands: rows that were adopted since are marked. Returns ``{}``.
    """
    store = await storage()
    name, label = job["object"], jobs.bucket_label(job["chunk"] - 1)
    blob = paths.work(job["migration"], job["run"], f"{name}/match/{label}.ndjson.gz")
    if await store.exists("staging", blob):
        return {}
    clinic_map, schema = await jobs.map_and_schema(store, job)
    rules = match_rules(clinic_map.objects[name], schema)
    found: list[dict[str, Any]] = []
    async with workplace("match") as folder:
        index = f"{jobs.mapped_prefix(job, name)}index/{label}.parquet"
        if await store.exists("staging", index):
            await store.download("staging", index, folder / "index.parquet")
            await fetch_current(store, job["migration"], name, folder / "current.parquet", "keys")
            async with chunk_client(store, job) as client:
                for chunk, places in await asyncio.to_thread(_new, folder, list(rules)):
                    await store.download("staging", jobs.mapped_chunk(job, name, chunk), folder / "mapped.gz")
                    records = [one for one in read_records(folder / "mapped.gz") if one["pos"] in places]
                    found += await find(client, schema, rules, records, job["generation"])
    await store.put("staging", blob, pack(found), once=True)
    return {}


def _new(folder: Path, tables: list[str]) -> list[tuple[str, set[int]]]:
    """Mapped chunks with the places of their new records."""
    with duck.cursor() as db:
        files = {"index": str(folder / "index.parquet"), "current": str(folder / "current.parquet")}
        return [(chunk, set(places)) for chunk, places in db.execute(_NEW, {**files, "tables": tables}).fetchall()]


async def find(
    client: DataverseClient,
    schema: Schema,
    rules: dict[str, list[list[str]]],
    records: list[dict[str, Any]],
    generation: int,
) -> list[dict[str, Any]]:
    """What the rules find for mapped records (JSON rows of ``activities.mapped``):
    ``{"source_key", "source_id", "row_ids", "taken"}``; records for which nothing is found are left out.

    A rule is asked only for records for which those before it found no free row. A row under the id that the record's
    own would get is none to adopt: an earlier attempt created it.
    """
    by_key = {one["source_key"]: one for one in records}
    matched: list[dict[str, Any]] = []
    for table_name, table_rules in rules.items():
        table = schema.table(table_name)
        pending = {key: one for key, one in by_key.items() if one["table"] == table_name}
        taken: dict[str, set[str]] = {}
        free: dict[str, list[str]] = {}
        for rule in table_rules:
            matches = await find_matches(client, table, rule, {key: one["payload"] for key, one in pending.items()})
            for key, ids in matches.taken.items():
                taken.setdefault(key, set()).update(ids)
            for key, ids in matches.free.items():
                own = row_id(pending[key]["row_key"], generation)
                if others := [one for one in ids if one != own]:
                    free[key] = others
                    del pending[key]
        matched += [
            {
                "source_key": key,
                "source_id": by_key[key]["source_id"],
                "row_ids": free.get(key, []),
                "taken": sorted(taken.get(key, ())),
            }
            for key in sorted({*free, *taken})
        ]
    return matched
