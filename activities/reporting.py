"""The reports that end a step: the delta, the rollback."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Final

import orjson

from activities import jobs
from activities.drift import with_drift
from activities.keep import keep_report
from activities.resources import storage, workplace
from activities.scope import merged
from activities.tally import plan_summary
from activities.target import app_clients
from activities.who import users
from ledger import duck, paths
from ledger.chunks import read_records
from mapping.objects import LOAD_ORDER
from reports.model import Streamed
from reports.steps import delta_report, rollback_report

Row = dict[str, Any]


async def make_delta_report(job: dict[str, Any]) -> dict[str, Any]:
    """What a delta pickup found: new, changed, and gone from the source."""
    store = await storage()
    plans = {name: await plan_summary(store, job["migration"], job["run"], name) for name in LOAD_ORDER}
    made: dict[str, Any] = {name: plan for name, plan in plans.items() if plan}
    report = delta_report(job["migration"], job["run"], made, await _drift(job))
    await keep_report(store, await with_drift(store, job, await merged(store, job), report))
    return {}


async def _drift(job: dict[str, Any]) -> dict[str, int]:
    """Custom properties of this reading that the confirmed map does not know: name -> patients who have one."""
    store = await storage()
    clinic_map, _ = await jobs.map_and_schema(store, job)
    routes = clinic_map.objects["patient"].routes if "patient" in clinic_map.objects else []
    known = {field.source for route in routes for field in route.fields}
    found = (await merged(store, job))["properties"]
    return {name: one.patients for name, one in found.items() if f"properties.{name}" not in known}


async def make_rollback_report(job: dict[str, Any]) -> dict[str, Any]:
    """What was undone, and what was left and why; the outcome of the step."""
    store = await storage()
    totals = await jobs.document(store, job["migration"], f"undone-{job['run']}.json")
    solution = await jobs.optional_document(store, job["migration"], f"solution-{job['run']}.json", None)
    undone = [run for run, taken in job["undone"].items() if taken]
    about = (job["migration"], job["run"], job["operator"], undone)
    async with workplace("rollback") as folder:
        await store.download("staging", paths.work(job["migration"], job["run"], "undo/"), folder)
        counts, listed, behind = await asyncio.to_thread(read_undone, folder)
        who = await asyncio.to_thread(lambda: {str(one["who"]) for one in listed})
        async with app_clients(store) as (client, *_):
            known = await users(client, who) if who else {}
        named = Streamed(lambda: (one | {"who": _name(one["who"], known)} for one in listed), len(listed))
        await keep_report(store, rollback_report(*about, counts, totals, named, behind, solution))
    removed = (
        f" {len(solution['removed']):,} tables and columns removed, {len(solution['kept']):,} stay." if solution else ""
    )
    return {
        "undone": job["undone"],
        "kept": totals["kept"] + totals["left"] > 0,
        "counts": {name: dict(one) for name, one in counts.items()},
        "message": (
            f"{totals['deleted']:,} rows deleted, {totals['restored']:,} restored, {totals['kept']:,} kept because others "
            f"changed them, {totals['left']:,} left; read back and proved.{removed}"
        ),
    }


#: Rows that stay. One that several runs wrote was looked at with each of them, and is one row.
_LISTED: Final = """
COPY (SELECT * EXCLUDE (filename)
      FROM read_json($files, format = 'newline_delimited', compression = 'gzip', filename = true,
                     columns = {object: 'VARCHAR', source_id: 'VARCHAR', "table": 'VARCHAR', row_id: 'VARCHAR',
                                why: 'VARCHAR', who: 'VARCHAR', "when": 'VARCHAR'})
      QUALIFY row_number() OVER (PARTITION BY row_id ORDER BY filename DESC) = 1
      ORDER BY object, source_id, row_id)
"""


def read_undone(folder: Path) -> tuple[dict[str, Counter[str]], Streamed[Row], Streamed[Row]]:
    """What the chunks' files say: counts by object, the rows that stay, and those that the rollback had to make."""
    counts: dict[str, Counter[str]] = {}
    for file in sorted(folder.glob("*.json")):
        result = orjson.loads(file.read_bytes())
        counts.setdefault(result["object"], Counter()).update(result["counts"])
    listed = folder / "listed.gz"
    with duck.json_cursor() as db:
        files = [str(file) for file in sorted(folder.glob("*.listed.ndjson.gz"))]
        if files:
            db.execute(f"{_LISTED} TO '{listed}' (FORMAT json, COMPRESSION gzip)", {"files": files})
    return counts, _streamed([listed] if files else []), _streamed(sorted(folder.glob("*.behind.ndjson.gz")))


def _streamed(files: Sequence[Path]) -> Streamed[Row]:
    def rows() -> Iterator[Row]:
        return chain.from_iterable(map(read_records, files))

    return Streamed(rows, sum(1 for _ in rows()))


def _name(id: Any, known: Mapping[str, Any]) -> Any:
    """A user's name, or the id where nobody knows it."""
    user = known.get(str(id).lower())
    return user.name if user else id
