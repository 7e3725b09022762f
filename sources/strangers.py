"""Files of records that the profile does not name: datasets that feed nothing, so that their rows count too."""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final

from sources.discover import SourceFile
from sources.errors import SourceError
from sources.patterns import BILLING
from sources.profiling.source import dataset_name, datasets_of
from sources.readers import open_rows

#: More files than this with the same columns in one folder are one dataset: an export with a file for each patient.
_ALIKE: Final = 12


@dataclass(frozen=True, slots=True)
class Strangers:
    """Datasets nobody knows. A file that cannot be read to its end is in none of them; ``problems`` says why, by name."""

    files: dict[str, list[SourceFile]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)


def find_strangers(unknown: Sequence[SourceFile], taken: Container[str]) -> Strangers:
    """Which datasets the files make that no dataset of the profile takes, and how many rows each has.

    Billing is none of them: it is exported as it is. Every file is read whole.

    Args:
        unknown: with their headers read.
        taken: names of the profile's datasets and views.
    """
    found = Strangers(problems={file.name: file.problem for file in unknown if file.problem})
    readable: dict[str, int] = {}
    for file in unknown:
        if file.columns and not file.problem and not BILLING.search(file.base):
            try:
                readable[file.name] = sum(1 for _ in open_rows(file.path, file.kind))
            except SourceError as error:
                found.problems[file.name] = str(error)
    for stem, files in _datasets([file for file in unknown if file.name in readable]):
        name = dataset_name(stem, taken, found.files)
        found.files[name] = files
        found.rows[name] = sum(readable[file.name] for file in files)
    return found


def _datasets(files: Sequence[SourceFile]) -> Iterator[tuple[str, list[SourceFile]]]:
    alike: dict[tuple[str, frozenset[str]], list[SourceFile]] = {}
    for file in files:
        columns = frozenset(column.casefold() for column in file.columns or ())
        alike.setdefault((str(PurePosixPath(file.name).parent), columns), []).append(file)
    for (place, _), some in alike.items():
        if len(some) > _ALIKE:
            yield PurePosixPath(place).name or "files", some
        else:
            yield from datasets_of(some).items()
