"""Exceptions: records and fields that could not be migrated as mapped, one part a chunk of a run."""

from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

from ledger import paths
from ledger.chunks import pack, read_records, unpack
from ledger.storage import Storage, bounded
from mapping.objects import DERIVED

Kind = Literal["record", "field", "row"]

_TOGETHER: Final = 32  #: parts that are read side by side


@dataclass(frozen=True, slots=True)
class ExceptionRow:
    """One reason why a record (`field` None) or one field of it did not land. Ids, names of fields and codes only."""

    object: str
    source_id: str
    field: str | None
    code: str
    message: str  #: for people, without PHI
    cause: str | None = None  #: source key of the record that caused it, such as a parent that did not land
    column: str | None = None

    @property
    def kind(self) -> Kind:
        """What did not land: a record, a field of one, or a row that the map makes from a part of one."""
        if self.field is not None:
            return "field"
        return "row" if self.object in DERIVED else "record"

    @property
    def group(self) -> str:
        """The cause it shares with others: what people mend, and note a correction for."""
        return f"{self.object}/{self.kind}/{self.code}"


@dataclass(frozen=True, slots=True)
class ExceptionPart:
    """The exceptions of one chunk of one run, or of what was planned or added up."""

    run: str
    object: str
    chunk: str
    rows: list[ExceptionRow]


async def write_part(
    storage: Storage, migration: str, run: str, object: str, chunk: str, rows: Iterable[ExceptionRow]
) -> int:
    """Write the exceptions of a chunk, in place of those of an earlier attempt; returns how many."""
    records = [asdict(row) for row in rows]
    await storage.put("ledger", paths.exception_part(migration, run, object, chunk), pack(records))
    return len(records)


async def parts(
    storage: Storage, migration: str, *, run: str | None = None, object: str | None = None
) -> AsyncIterator[ExceptionPart]:
    """The parts of all runs or one, of all objects or one, in the order run number, object, chunk; never many at once."""
    prefix = paths.exceptions(migration, run, object if run is not None else None)
    places: list[tuple[str, str, str, str]] = []  # number of the run first, for the order
    for name in await storage.names("ledger", prefix):
        of_run, of_object, of_chunk = name.removesuffix(".ndjson.gz").split("/")[2:5]
        if object in (None, of_object):
            places.append((of_run.rpartition("-")[2], of_run, of_object, of_chunk))

    async def one(place: tuple[str, str, str, str]) -> ExceptionPart:
        _, of_run, of_object, of_chunk = place
        data = await storage.get("ledger", paths.exception_part(migration, of_run, of_object, of_chunk))
        return ExceptionPart(of_run, of_object, of_chunk, [ExceptionRow(**record) for record in unpack(data)])

    places.sort()
    for start in range(0, len(places), _TOGETHER):
        for part in await bounded(one, places[start : start + _TOGETHER]):
            yield part


async def each(
    storage: Storage, migration: str, *, run: str | None = None, object: str | None = None
) -> AsyncIterator[ExceptionRow]:
    """The rows of `parts`, one after another."""
    async for part in parts(storage, migration, run=run, object=object):
        for row in part.rows:
            yield row


class Fetched:
    """The exceptions of a run as local files, to be read as often as a report needs them."""

    def __init__(self, files: Iterable[Path]) -> None:
        self._files = sorted(files)

    def __iter__(self) -> Iterator[ExceptionRow]:
        for file in self._files:
            for record in read_records(file):
                yield ExceptionRow(**record)


async def fetch(storage: Storage, migration: str, run: str, folder: Path) -> Fetched:
    """Bring the exceptions of a run into a folder."""
    return Fetched(await storage.download("ledger", paths.exceptions(migration, run), folder))
