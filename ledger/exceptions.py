"""Exceptions: records and fields that could not be migrated as mapped, one part a chunk of a run."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from ledger import paths
from ledger.chunks import pack, unpack
from ledger.storage import Storage, bounded


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


@dataclass(frozen=True, slots=True)
class ExceptionPart:
    """The exceptions of one chunk of one run."""

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


async def read_parts(
    storage: Storage, migration: str, *, run: str | None = None, object: str | None = None
) -> list[ExceptionPart]:
    """The parts of all runs or one, of all objects or one, in the order run number, object, chunk."""
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

    return await bounded(one, sorted(places))


async def read_all(
    storage: Storage, migration: str, *, run: str | None = None, object: str | None = None
) -> list[ExceptionRow]:
    """The rows of `read_parts`, one after another."""
    return [row for part in await read_parts(storage, migration, run=run, object=object) for row in part.rows]
