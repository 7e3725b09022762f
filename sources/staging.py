"""Stages a raw file: the same rows as NDJSON, numbered, spread over buckets. Memory stays flat at any size."""

import gzip
import hashlib
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final, NamedTuple

import orjson

from sources.discover import canonical_columns, missing_columns
from sources.errors import BadRow, BadSource
from sources.hashing import PLAIN, keyed
from sources.profile import Profile
from sources.readers import kind_of, open_rows

BROADCAST: Final = "all"
#: Longest staged row in bytes; what reads it back keeps two such buffers.
MAX_ROW: Final = 16 * 1024 * 1024
_FLUSH: Final = 1 << 16


class PartName(NamedTuple):
    """What the file name of a staged part says: ``<dataset>.<bucket>.<buckets>-<first row>.ndjson.gz``."""

    dataset: str
    bucket: str  #: a number, or "all" for a broadcast dataset
    buckets: int
    first_row: int

    def __str__(self) -> str:
        return f"{self.dataset}.{self.bucket}.{self.buckets}-{self.first_row}.ndjson.gz"


def parse_part_name(name: str) -> PartName:
    """Raises BadSource when the name is none of a staged part."""
    try:
        dataset, bucket, tail, *ending = name.split(".")
        buckets, first_row = tail.split("-")
        if ending == ["ndjson", "gz"]:
            return PartName(dataset, bucket, int(buckets), int(first_row))
    except ValueError:
        pass
    raise BadSource(f"{name} is not the name of a staged part")


@dataclass(frozen=True, slots=True)
class StagedFile:
    """What became of one file: its rows are numbered from ``first_row`` on."""

    rows: int
    parts: dict[int | str, Path]  #: bucket, or "all"; buckets without rows have no part
    first_row: int
    columns: tuple[str, ...]  #: as the file names them
    undeclared: tuple[str, ...]  #: of those, the ones the profile's SQL finds in ``_extra`` only


def bucket_of(text: str | None, buckets: int) -> int:
    """The bucket of a key: the same in every process, and the same as the SQL macro ``bucket_of``."""
    digest = hashlib.md5((text or "").strip(" ").encode(), usedforsecurity=False).hexdigest()
    return int(digest[:8], 16) % buckets


class _Parts:
    """The open part files of one staging, each with a small buffer in front of its compressor."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self.stack = folder, stack
        self.files: dict[int | str, gzip.GzipFile] = {}
        self.buffers: dict[int | str, bytearray] = {}

    def write(self, bucket: int | str, line: bytes) -> None:
        buffer = self.buffers.get(bucket)
        if buffer is None:
            raw = self.stack.enter_context((self.folder / str(bucket)).open("wb"))
            # No name and no time in the gzip header: the same rows make the same bytes.
            self.files[bucket] = gzip.GzipFile("", "wb", compresslevel=1, fileobj=raw, mtime=0)
            buffer = self.buffers[bucket] = bytearray()
        buffer += line
        buffer += b"\n"
        if len(buffer) > _FLUSH:
            self.files[bucket].write(buffer)
            buffer.clear()

    def close(self) -> list[int | str]:
        for bucket, file in self.files.items():
            file.write(self.buffers[bucket])
            file.close()
        return list(self.files)


@contextmanager
def _whole_or_nothing(out_dir: Path) -> Iterator[Path]:
    """A folder beside the results that disappears, so that a broken row leaves no half staging behind."""
    out_dir.mkdir(parents=True, exist_ok=True)
    folder = Path(mkdtemp(prefix=".staging-", dir=out_dir))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def stage_file(
    profile: Profile, dataset: str, path: Path, out_dir: Path, buckets: int, first_row: int = 0, secret: str = ""
) -> StagedFile:
    """Stages one file of a dataset into ``out_dir``.

    A staged row has ``_row``, the declared columns that are not empty (nested ones as JSON text), and in ``_extra``
    the others that are not empty, as JSON text.

    Args:
        buckets: how many buckets the migration has; the same for every file of it.
        first_row: rows of the dataset that earlier files hold.
        secret: the migration's key, by which the profile's hashed columns are hashed.

    Raises:
        BadRow: a row that cannot be read; nothing is staged then.
        BadSource: the file cannot be read or lacks a column the profile needs.
    """
    names: dict[str, str] = {}
    hidden: set[str] = set()
    withheld = {column.casefold() for column in profile.datasets[dataset].withheld}
    columns: dict[str, None] = {}
    bucket_column = profile.datasets[dataset].bucket
    ids = _hashed(profile, dataset)
    row_number = first_row
    with _whole_or_nothing(out_dir) as folder:
        with ExitStack() as stack:
            parts = _Parts(folder, stack)
            for row in open_rows(path, kind_of(path)):
                if not columns.keys() >= row.keys():
                    columns |= dict.fromkeys(row)
                    names = canonical_columns(profile, dataset, list(columns))
                    hidden = {column for column in columns if column.casefold() in withheld}
                try:
                    staged = _staged(row, names, hidden, row_number)
                    for column in ids.keys() & staged.keys():
                        staged[ids[column]] = staged[column]
                        staged[column] = keyed(secret, staged[column])
                    key = bucket_of(staged.get(bucket_column), buckets) if bucket_column else BROADCAST
                    line = orjson.dumps(staged)
                except (orjson.JSONEncodeError, UnicodeEncodeError):
                    raise BadRow(path.name, row_number - first_row + 1, "holds characters that are not text") from None
                if len(line) >= MAX_ROW:
                    raise BadRow(path.name, row_number - first_row + 1, f"is longer than {MAX_ROW} bytes")
                parts.write(key, line)
                row_number += 1
            filled = parts.close()
        missing = missing_columns(profile, dataset, columns)
        if missing and row_number > first_row:
            raise BadSource(f"{path.name} is taken for {dataset} and lacks the column {', '.join(missing)}")
        placed: dict[int | str, Path] = {}
        for bucket in sorted(filled, key=str):
            target = out_dir / str(PartName(dataset, str(bucket), buckets, first_row))
            (folder / str(bucket)).replace(target)
            placed[bucket] = target
    undeclared = tuple(column for column in columns if column not in names and column not in hidden)
    return StagedFile(row_number - first_row, placed, first_row, tuple(columns), undeclared)


def _hashed(profile: Profile, dataset: str) -> dict[str, str]:
    """The hashed columns as the SQL calls them, with the names of their values."""
    names = {column.casefold(): column for column in profile.declared(dataset)}
    hashed = [column.casefold() for column in profile.datasets[dataset].hashed]
    return {names[column]: names[f"{PLAIN}{column}"] for column in hashed}


def _staged(row: dict[str, Any], names: dict[str, str], hidden: set[str], number: int) -> dict[str, Any]:
    staged: dict[str, Any] = {"_row": number}
    extra: dict[str, Any] = {}
    for column, value in row.items():
        if value is None or column in hidden:
            continue
        name = names.get(column)
        if name is None:
            extra[column] = value
        else:
            staged[name] = value if isinstance(value, str) else orjson.dumps(value).decode()
    if extra:
        staged["_extra"] = orjson.dumps(extra).decode()
    return staged
