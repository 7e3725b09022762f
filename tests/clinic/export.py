"""Reads an export folder as text, by means of its own: what the product reads is checked against it."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from openpyxl import load_workbook

from local.clinic.tables import TABLES

Row = dict[str, Any]


@dataclass(frozen=True)
class Export:
    folder: Path
    manifest: dict[str, Any]
    users: dict[str, Any]

    @cached_property
    def rows(self) -> dict[str, list[Row]]:
        return {name: list(_rows(self.folder / table.file, table.form)) for name, table in TABLES.items()}

    @cached_property
    def files(self) -> dict[str, int]:
        """Size of every document by its place in the folder."""
        found = (path for path in (self.folder / "documents").rglob("*") if path.is_file())
        return {path.relative_to(self.folder).as_posix(): path.stat().st_size for path in found}

    def digests(self) -> dict[str, str]:
        """SHA-256 of every file of the folder."""
        found = sorted(path for path in self.folder.rglob("*") if path.is_file())
        return {path.relative_to(self.folder).as_posix(): sha256(path.read_bytes()).hexdigest() for path in found}


def _rows(path: Path, form: str) -> Iterator[Row]:
    match form:
        case "json":
            yield from json.loads(path.read_text(encoding="utf-8"))["data"]
        case "ndjson":
            yield from map(json.loads, path.read_text(encoding="utf-8").splitlines())
        case "xlsx":
            cells = list(load_workbook(path)["Staff"].iter_rows(values_only=True))
            yield from (dict(zip(map(str, cells[0]), row, strict=True)) for row in cells[1:])
        case _:
            with path.open(encoding="utf-8-sig" if form == "csv-bom" else "utf-8", newline="") as file:
                yield from csv.DictReader(file, dialect="excel-tab" if form == "tsv" else "excel")
