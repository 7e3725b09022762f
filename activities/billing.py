"""Billing files that the profile does not know leave as they are, with a dictionary of what they hold."""

import asyncio
import csv
import hashlib
import io
import re
from collections import Counter
from pathlib import Path
from typing import Any

from activities import jobs
from activities.resources import storage
from ledger import paths
from sources.errors import SourceError
from sources.patterns import BILLING
from sources.readers import kind_of, open_rows


def billing_files(source: dict[str, Any]) -> list[str]:
    """Names of the uploaded files that no dataset takes and that speak of billing. ``source``: the reading's document."""
    return [one["name"] for one in source["unknown_files"] if BILLING.search(Path(one["name"]).name)]


async def export_raw(job: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    """Copy those files beside the claims export, with ``data-dictionary.csv``. Returns name, file, bytes, sha256 of each."""
    store = await storage()
    source = await jobs.optional_document(store, job["migration"], "source.json", {"unknown_files": []})
    places = await jobs.optional_document(store, job["migration"], "files.json", {})
    exported: list[dict[str, Any]] = []
    rows: list[list[Any]] = []
    for number, name in enumerate(billing_files(source), 1):
        place, here = places[name], folder / f"raw-{number:03d}" / Path(name).name
        await store.download(place["container"], place["blob"], here)
        # The file's own name is in the manifest; a name of storage carries nothing that may come from a record.
        kept = f"raw-{number:03d}{here.suffix.lower() if re.fullmatch(r'[.][A-Za-z0-9]+', here.suffix) else ''}"
        await store.upload("reports", paths.claims(job["migration"], job["run"], kept), here)
        digest = await asyncio.to_thread(_digest, here)
        exported.append({"name": name, "file": kept, "bytes": here.stat().st_size, "sha256": digest})
        rows += [[kept, *one] for one in await asyncio.to_thread(_dictionary, here)]
    if exported:
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerows([["file", "column", "rows", "filled", "longest"], *rows])
        blob = paths.claims(job["migration"], job["run"], "data-dictionary.csv")
        await store.put("reports", blob, text.getvalue().encode())
    return exported


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _dictionary(file: Path) -> list[list[Any]]:
    """Column, rows, filled and longest of each column; nothing for a file that holds no records or cannot be read."""
    total = 0
    filled: Counter[str] = Counter()
    longest: Counter[str] = Counter()
    try:
        for row in open_rows(file, kind_of(file)):
            total += 1
            for column, value in row.items():
                filled[column] += value not in (None, "")
                longest[column] = max(longest[column], len(str(value or "")))
    except SourceError:
        return []
    return [[column, total, many, longest[column]] for column, many in filled.items()]
