"""Profiles a whole source: a document per dataset, with keys and references between them."""

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from sources.database import private_database
from sources.discover import SourceFile
from sources.errors import SourceError
from sources.profiling.fields import Loaded, load_sample, profile_fields, settle_dates
from sources.profiling.model import DatasetDocument, FileNote, SampleNote
from sources.profiling.relations import find_keys, find_references
from sources.profiling.sample import take_sample
from sources.readers import open_rows

_NUMBERED: Final = re.compile(r"[-_. ]*(?:part)?[-_. ]*\d+$", re.IGNORECASE)
_NOT_A_NAME: Final = re.compile(r"[^a-z0-9]+")


def datasets_of(files: Sequence[SourceFile]) -> dict[str, list[SourceFile]]:
    """Files of records by dataset: one a file, but files named alike save for a number, with the same columns, are one.

    Files whose header could not be read, and empty ones, are left out. Names are identifiers of small letters.
    """
    found: dict[tuple[str, frozenset[str]], list[SourceFile]] = {}
    for file in files:
        if file.columns and not file.problem:
            stem = Path(file.base).stem
            columns = frozenset(column.casefold() for column in file.columns)
            found.setdefault((_NUMBERED.sub("", stem) or stem, columns), []).append(file)
    named: dict[str, list[SourceFile]] = {}
    for (stem, _), some in found.items():
        named[dataset_name(stem, named)] = some
    return named


def dataset_name(stem: str, *taken: Container[str]) -> str:
    """An identifier of small letters made of a file's name, with a number behind when it is taken."""
    name = _NOT_A_NAME.sub("_", stem.lower()).strip("_") or "data"
    name = name if name[0].isalpha() else f"data_{name}"
    unique, number = name, 2
    while any(unique in some for some in taken):
        unique, number = f"{name}_{number}", number + 1
    return unique


def profile_source(
    datasets: Mapping[str, Sequence[SourceFile]], work: Path, memory_mb: int
) -> tuple[list[DatasetDocument], dict[str, str]]:
    """Profiles the files of each dataset.

    Args:
        work: a folder for samples; what is written there stays small and may be deleted afterwards.
        memory_mb: DuckDB's limit.

    Returns the documents, and per dataset that could not be read to its end what was wrong.
    """
    work.mkdir(parents=True, exist_ok=True)
    problems: dict[str, str] = {}
    documents: list[DatasetDocument] = []
    tables: dict[str, Loaded] = {}
    with private_database(work, work, memory_mb) as db:
        for number, (name, files) in enumerate(datasets.items()):
            try:
                sample = take_sample(_rows(files), work / f"sample-{number}.ndjson")
            except SourceError as error:
                problems[name] = str(error)
                continue
            tables[name] = load_sample(db, f"sample_{number}", sample)
            sample.path.unlink()
            note = SampleNote(
                rows=sample.rows,
                looked_at=-(-sample.rows // sample.stride),
                stride=sample.stride,
                whole=sample.whole,
            )
            notes = [FileNote(name=file.name, kind=file.kind, size=file.size) for file in files]
            fields = profile_fields(db, tables[name])
            documents.append(DatasetDocument(name=name, files=notes, sample=note, columns=sample.top, fields=fields))
        settle_dates(documents)
        find_keys(db, documents, tables)
        find_references(db, documents, tables)
    return documents, problems


def _rows(files: Sequence[SourceFile]) -> Iterator[dict[str, Any]]:
    for file in files:
        yield from open_rows(file.path, file.kind)
