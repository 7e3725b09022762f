"""Files of records: gzip NDJSON on local disk, written and read a record at a time."""

import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson

_LEVEL = 3  #: these files are read once or twice; a higher level costs more time than it saves in transfer


def write_records(path: Path, records: Iterable[Any]) -> int:
    """Write records (dicts, or anything orjson takes) as gzip NDJSON; returns how many. Makes the folder.

    The bytes depend on the records alone (no time, no file name), so that equal content is an equal file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with path.open("wb") as raw, gzip.GzipFile("", "wb", _LEVEL, raw, mtime=0) as file:
        for record in records:
            file.write(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))
            count += 1
    return count


def read_records(path: Path) -> Iterator[dict[str, Any]]:
    """Read the records of a gzip NDJSON file one by one. Raises OSError/EOFError when the file is cut off."""
    with gzip.open(path, "rb") as file:
        for line in file:
            yield orjson.loads(line)


def longest_line(path: Path) -> int:
    """Bytes of the longest line of a gzip NDJSON file, at least 1. DuckDB keeps two buffers of the longest it may meet."""
    with gzip.open(path, "rb") as file:
        return max(map(len, file), default=1)


def pack(records: Iterable[Any]) -> bytes:
    """The same form in memory, for parts that are small (exceptions of a chunk, before-images)."""
    text = b"".join(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE) for record in records)
    return gzip.compress(text, _LEVEL, mtime=0)


def unpack(data: bytes) -> Iterator[dict[str, Any]]:
    """The records of `pack`."""
    for line in gzip.decompress(data).splitlines():
        yield orjson.loads(line)
