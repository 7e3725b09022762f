"""The evidence of a migration, made when it is asked for: what is on record, and a check of the whole audit log."""

import asyncio
import hashlib
import time
from dataclasses import dataclass
from typing import Any, Final

from activities import jobs
from activities.kept_diff import HEAD
from activities.reconcile import FINDINGS
from ledger import manifest, migrations
from ledger.states import UNDOING, Migration, Run
from ledger.storage import Storage
from reports.evidence import Evidence, Line, as_of, evidence_report
from reports.pdf import as_pdf
from reports.render import render
from services import papers

#: Seconds for which evidence holds while nothing else is on record: its forms are asked for one after another, and each
#: check reads the whole log.
HOLDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class _Made:
    state: str
    at: float
    evidence: Evidence


_made: dict[str, _Made] = {}


async def evidence(store: Storage, id: str, form: str) -> bytes:
    """The evidence as html, pdf, csv or json. The same state gives the same bytes. Raises NoMigration."""
    found = await collect(store, id)
    report, made = evidence_report(found), as_of(found)
    if form == "pdf":
        return await asyncio.to_thread(as_pdf, report, made)
    return render(report, form, made=made)


async def collect(store: Storage, id: str) -> Evidence:
    """What is on record of a migration, and a check of its log that is not older than ``HOLDS``. Raises NoMigration."""
    migration = await migrations.load(store, id)
    runs = await migrations.list_runs(store, id)
    text = await papers.manifest_text(store, id)
    documents = "".join(one.model_dump_json() for one in (migration, *runs))
    state = hashlib.sha256(documents.encode() + text).hexdigest()
    last = _made.get(id)
    if last and last.state == state and time.monotonic() - last.at < HOLDS:
        return last.evidence
    found = await _collected(store, migration, runs, text)
    _made.clear()  # one is enough: people look at one migration at a time
    _made[id] = _Made(state, time.monotonic(), found)
    return found


async def _collected(store: Storage, migration: Migration, runs: list[Run], manifest_text: bytes) -> Evidence:
    id = migration.id
    limits = await jobs.optional_document(store, id, "limits.json", {})
    findings = await jobs.optional_document(store, id, FINDINGS, {}) if migration.reconciliation else {}
    return Evidence(
        migration=migration,
        target=limits.get("target_name", ""),
        runs=runs,
        objects=await jobs.optional_document(store, id, "tally.json", {}),
        findings=findings,
        proofs=await _proofs(store, id) if migration.sample_run else [],
        causes=await _causes(store, id),
        undone=await _undone(store, id, runs),
        audit=await papers.audit_check(store, id),
        lines=_lines(manifest_text),
    )


async def _proofs(store: Storage, id: str) -> list[dict[str, Any]]:
    head = await jobs.optional_document(store, id, HEAD, {"tables": []})
    return [row for table in head["tables"] if table["title"] == "Four proofs" for row in table["rows"]]


async def _causes(store: Storage, id: str) -> list[list[Any]]:
    """The causes of the exceptions that hold now, the most frequent first."""
    run = await papers.run_of_exceptions(store, id)
    found = (await papers.causes(store, id, run)).values() if run else ()
    return [
        [one.example.object, one.example.kind, one.example.code, one.count, one.example.message]
        for one in sorted(found, key=lambda one: -one.count)
    ]


async def _undone(store: Storage, id: str, runs: list[Run]) -> dict[str, dict[str, int]]:
    """What each run that takes back took back, of those that came to their proof."""
    found = {
        run.id: await jobs.optional_document(store, id, f"undone-{run.id}.json", None)
        for run in runs
        if run.kind in UNDOING
    }
    return {run: totals for run, totals in found.items() if totals}


def _lines(text: bytes) -> list[Line]:
    return [
        Line(
            at=entry.at,
            kind=entry.kind,
            run=entry.run,
            by=entry.by,
            chains=len(entry.heads),
            rows=sum(head.count for head in entry.heads.values()),
            sha256=hashlib.sha256(line).hexdigest(),
        )
        for entry, line in zip(manifest.parse(text), text.splitlines(), strict=True)
    ]
