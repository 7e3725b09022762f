"""Puts records in order of their ids, whatever their number.

DuckDB's own sort keeps wide rows in memory and gives up beyond its limit (measured with 2.0: 120 MB of records under
a limit of 128 MB), so records are sorted here, in runs on disk that are merged at the end.
"""

import heapq
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Final

#: Characters of records that are held before a run is written.
_HELD: Final = 16 * 1024 * 1024
_BATCH: Final = 1000

_Record = tuple[str, str]


class SortedRecords:
    """Takes (id, record) in any order, gives the records back by id; equal ids by the record's own text."""

    def __init__(self, folder: Path) -> None:
        self.count = 0
        self._folder = folder
        self._held: list[_Record] = []
        self._size = 0
        self._runs: list[Path] = []

    def add(self, records: Iterable[_Record]) -> None:
        """Takes more records. Ids and records are single lines, as JSON and identifiers are."""
        for record in records:
            self._held.append(record)
            self._size += len(record[0]) + len(record[1])
            self.count += 1
        if self._size > _HELD:
            self._write_run()

    def _write_run(self) -> None:
        self._held.sort()
        path = self._folder / str(len(self._runs))
        with path.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{_one_line(key)}\n{record}\n" for key, record in self._held)
        self._runs.append(path)
        self._held, self._size = [], 0

    def batches(self) -> Iterator[bytes]:
        """All records in order, as NDJSON, some at a time."""
        self._held.sort()
        with ExitStack() as files:
            runs: list[Iterable[_Record]] = [self._held]
            runs += [_read(files.enter_context(path.open(encoding="utf-8", newline="\n"))) for path in self._runs]
            batch: list[str] = []
            for _, record in heapq.merge(*runs) if self._runs else self._held:
                batch.append(record)
                if len(batch) == _BATCH:
                    yield _ndjson(batch)
                    batch = []
            yield _ndjson(batch)


def _one_line(key: str) -> str:
    return key.replace("\n", "\x00")  # no text of a source holds NUL


def _read(file: Iterable[str]) -> Iterator[_Record]:
    lines = iter(file)
    for key in lines:
        yield key[:-1].replace("\x00", "\n"), next(lines)[:-1]


def _ndjson(records: list[str]) -> bytes:
    return "".join(f"{record}\n" for record in records).encode()


@contextmanager
def sorted_by_id(work_in: Path) -> Iterator[SortedRecords]:
    """A sorter whose runs live in a private folder below ``work_in`` that is gone afterwards."""
    folder = Path(mkdtemp(prefix=".sort-", dir=work_in))
    try:
        yield SortedRecords(folder)
    finally:
        rmtree(folder, ignore_errors=True)
