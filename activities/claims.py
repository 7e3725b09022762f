"""Claims leave as files: CSV for people and spreadsheets, JSON with everything nested, sums and digests to check by."""

import asyncio
import csv
import hashlib
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

import orjson

from activities import jobs
from activities.billing import export_raw
from activities.resources import storage, workplace
from ledger import paths
from ledger.chunks import read_records
from ledger.exceptions import ExceptionRow
from ledger.exceptions import write_part as write_exceptions
from mapping.keys import source_key

_CLAIM: Final = (
    "claim_id", "patient_id", "patient_source_key", "practitioner_id", "location_id", "encounter_id", "payer_id",
    "payer_name", "service_date", "billed_date", "status", "adjudicated_on", "check_number", "invoice_number",
    "payer_claim_number", "due_date", "balance", "patient_balance", "currency",
)  # fmt: skip
_LINE: Final = (
    "line_id", "procedure_code", "code_system", "modifier", "place_of_service", "diagnosis_codes", "units", "charge",
)  # fmt: skip
_PAYMENT: Final = ("payment_id", "date", "payer", "method", "amount")
_ADJUSTMENT: Final = ("adjustment_id", "date", "reason", "group", "amount")
#: File -> (the nested list it holds, its columns); the claims themselves come first.
_FILES: Final = {
    "claims": ("", _CLAIM),
    "claim_lines": ("lines", ("claim_id", *_LINE)),
    "claim_payments": ("payments", ("claim_id", *_PAYMENT)),
    "claim_adjustments": ("adjustments", ("claim_id", *_ADJUSTMENT)),
}
_SUMS: Final = {"claim_lines": "charge", "claim_payments": "amount", "claim_adjustments": "amount"}


async def export_claims(job: dict[str, Any]) -> dict[str, Any]:
    """Write one bucket's claims as parts of the export. Returns counts."""
    store = await storage()
    label = jobs.bucket_label(job["bucket"])
    blob = paths.shaped_chunk(job["migration"], job["snapshot"], "claim", label)
    if not await store.exists("staging", blob):
        return {"exported": 0}
    clinic_map, _ = await jobs.map_and_schema(store, job)
    async with workplace("claims") as folder:
        await store.download("staging", blob, folder / "claims.gz")
        counts, refused = await asyncio.to_thread(_write, folder, clinic_map.system, clinic_map.currency)
        for path in [*(folder / f"{name}.csv" for name in _FILES), folder / "claims.ndjson"]:
            await store.upload("staging", paths.work(job["migration"], job["run"], f"claims/{path.name}/{label}"), path)
    await write_exceptions(store, job["migration"], job["run"], "claim", label, refused)
    await store.put("staging", paths.work(job["migration"], job["run"], f"claims/counts/{label}"), orjson.dumps(counts))
    return {"exported": counts["exported"]}


def _write(folder: Path, system: str, currency: str) -> tuple[dict[str, Any], list[ExceptionRow]]:
    counts: dict[str, Any] = {"read": 0, "exported": 0, "excepted": 0, "excluded": 0}
    sums = dict.fromkeys(_SUMS, Decimal(0))
    refused: list[ExceptionRow] = []
    files = {name: (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") for name in _FILES}
    writers = {name: csv.writer(file) for name, file in files.items()}
    with (folder / "claims.ndjson").open("wb") as nested:
        for record in read_records(folder / "claims.gz"):
            counts["read"] += 1
            if record.get("_excluded"):
                counts["excluded"] += 1
                continue
            if not record.get("_id"):
                counts["excepted"] += 1
                refused.append(ExceptionRow("claim", "", None, "missing_id", "The claim has no id."))
                continue
            counts["exported"] += 1
            claim = {key: value for key, value in record.items() if not key.startswith("_")}
            claim["claim_id"] = record["_id"]
            claim["patient_source_key"] = (
                source_key(system, "patient", record["_patient"]) if record.get("_patient") else None
            )
            claim["currency"] = claim.get("currency") or currency
            for name, (part, columns) in _FILES.items():
                rows = [claim] if not part else [{**row, "claim_id": record["_id"]} for row in claim.get(part) or []]
                writers[name].writerows([_flat(row.get(column)) for column in columns] for row in rows)
                if name in _SUMS:
                    sums[name] += sum((_money(row.get(_SUMS[name])) for row in rows), Decimal(0))
            nested.write(orjson.dumps(claim) + b"\n")
    for file in files.values():
        file.close()
    counts["sums"] = {name: str(value) for name, value in sums.items()}
    return counts, refused


def _flat(value: Any) -> Any:
    if isinstance(value, list):
        return ";".join(str(one) for one in value)
    return "" if value is None else value


def _money(value: Any) -> Decimal:
    try:
        return Decimal(str(value or 0))
    except InvalidOperation:
        return Decimal(0)


async def finish_claims(job: dict[str, Any]) -> dict[str, Any]:
    """Join the parts into the export's files, with a manifest of counts, sums and SHA-256."""
    store = await storage()
    base = paths.work(job["migration"], job["run"], "claims/")
    totals: dict[str, Any] = {"read": 0, "exported": 0, "excepted": 0, "excluded": 0}
    sums = dict.fromkeys(_SUMS, Decimal(0))
    for blob in await store.names("staging", f"{base}counts/"):
        part = orjson.loads(await store.get("staging", blob))
        for key in totals:
            totals[key] += part[key]
        for name, value in part["sums"].items():
            sums[name] += Decimal(value)
    manifest: dict[str, Any] = {**totals, "sums": {name: str(value) for name, value in sums.items()}, "files": {}}
    async with workplace("claims") as folder:
        for name in [*(f"{name}.csv" for name in _FILES), "claims.ndjson"]:
            parts = await store.download("staging", f"{base}{name}/", folder / "parts" / name)
            target = folder / ("claims.json" if name.endswith("ndjson") else name)
            await asyncio.to_thread(_join, sorted(parts), target)
            digest = await asyncio.to_thread(_digest, target)
            manifest["files"][target.name] = {"sha256": digest, "bytes": target.stat().st_size}
            await store.upload("reports", paths.claims(job["migration"], job["run"], target.name), target)
        manifest["raw"] = await export_raw(job, folder)
    await store.put(
        "reports",
        paths.claims(job["migration"], job["run"], "manifest.json"),
        orjson.dumps(manifest, option=orjson.OPT_INDENT_2),
    )
    await jobs.keep_document(store, job["migration"], "claims.json", totals)
    return {"exported": totals["exported"]}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _join(parts: list[Path], target: Path) -> None:
    """CSV parts under one header; NDJSON parts as one JSON array."""
    nested = target.suffix == ".json"
    with target.open("wb") as out:
        if nested:
            out.write(b"[")
        else:
            out.write((",".join(_FILES[target.stem][1]) + "\r\n").encode())
        first = True
        for part in parts:
            with part.open("rb") as lines:
                for line in lines:
                    out.write(line if not nested else (b"\n" if first else b",\n") + line.rstrip(b"\n"))
                    first = False
        if nested:
            out.write(b"\n]\n")
