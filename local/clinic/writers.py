"""Writes the export's files row by row; memory does not grow with the rows, and the same rows give the same bytes."""

import csv
import io
import json
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import Any, Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from openpyxl import Workbook

from local.clinic.entries import Entry, File
from local.clinic.manifest import Manifest
from local.clinic.tables import TABLES, Table

_Write = Callable[[dict[str, Any]], object]

#: Office stamps its files with the time of saving; ours carry this one.
_STAMP: Final = datetime(2025, 6, 2, tzinfo=UTC)


class ExportWriter:
    """The open files of one export; a context manager."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self._folder = folder
        self._manifest = manifest
        self._stack = ExitStack()
        self._writes: dict[str, _Write] = {}
        self._made: set[Path] = set()

    def __enter__(self) -> "ExportWriter":
        self._folder.mkdir(parents=True, exist_ok=True)
        for name, table in TABLES.items():
            self._writes[name] = self._open(table)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def write(self, entry: Entry) -> None:
        """Adds a row to its file and to the manifest."""
        self._writes[entry.dataset](entry.row)
        self._manifest.count(entry)

    def write_file(self, file: File) -> None:
        """Writes a document. The zeros of a large one are a hole in the file: no disk, no time."""
        path = self._folder / file.path
        if path.parent not in self._made:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._made.add(path.parent)
        with path.open("wb") as out:
            out.write(file.content)
            if file.size > len(file.content):
                out.truncate(file.size)
        self._manifest.count_file(max(file.size, len(file.content)))

    def _open(self, table: Table) -> _Write:
        path = self._folder / table.file
        cells = itemgetter(*table.columns)
        if table.form == "xlsx":
            return self._open_workbook(path, table)
        encoding = "utf-8-sig" if table.form == "csv-bom" else "utf-8"
        out = self._stack.enter_context(path.open("w", encoding=encoding, newline=""))
        if table.form in ("json", "ndjson"):
            return self._json_lines(out, table)
        writer = csv.writer(out, dialect="excel-tab" if table.form == "tsv" else "excel")
        writer.writerow(table.columns)
        return lambda row: writer.writerow(cells(row))

    def _json_lines(self, out: io.TextIOWrapper, table: Table) -> _Write:
        """NDJSON, or the same rows wrapped in an object with one list."""
        wrapped = table.form == "json"
        encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
        between = ""
        if wrapped:
            out.write('{"data":[\n')
            self._stack.callback(lambda: out.write("\n]}\n"))

        def write(row: dict[str, Any]) -> None:
            nonlocal between
            line = encode({name: row[name] for name in table.columns})
            out.write(between + line if wrapped else line + "\n")
            between = ",\n"

        return write

    def _open_workbook(self, path: Path, table: Table) -> _Write:
        book = Workbook(write_only=True)
        sheet = book.create_sheet("Staff")
        sheet.append(table.columns)
        self._stack.callback(_save_workbook, book, path)
        return lambda row: sheet.append([row[name] for name in table.columns])


def _save_workbook(book: Workbook, path: Path) -> None:
    """Saves without the traces of when: openpyxl puts the time of saving into the archive twice."""
    saved = io.BytesIO()
    book.properties.created = _STAMP.replace(tzinfo=None)
    book.save(saved)
    modified = f"{book.properties.modified:%Y-%m-%dT%H:%M:%SZ}".encode()
    with ZipFile(saved) as source, ZipFile(path, "w", ZIP_DEFLATED) as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "docProps/core.xml":
                content = content.replace(modified, f"{_STAMP:%Y-%m-%dT%H:%M:%SZ}".encode())
            info = ZipInfo(name, date_time=_STAMP.timetuple()[:6])
            info.compress_type = ZIP_DEFLATED
            target.writestr(info, content)
