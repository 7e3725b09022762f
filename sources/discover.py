"""Finds out what lies in an upload: which files there are, which profile they fit, which dataset each one is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Final

from sources.errors import BadSource, SourceError, UnknownSource
from sources.profile import Profile, known_profiles, load_profile
from sources.readers import header, kind_of

#: Left behind by file managers and archivers, never records.
_LITTER: Final = {"__macosx", ".ds_store", "thumbs.db", "desktop.ini"}
_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of the upload. ``columns`` is None until the header was read; ``problem`` says why it could not be."""

    path: Path
    name: str  #: path below the upload's root, with slashes
    size: int
    kind: str  #: csv, tsv, json, ndjson, xlsx, parquet, zip, other
    columns: tuple[str, ...] | None = None
    problem: str = ""

    @property
    def base(self) -> str:
        return PurePosixPath(self.name).name


@dataclass(frozen=True, slots=True)
class Detection:
    """What an upload is. Files of a dataset are in name order: row numbers count through them."""

    profile: Profile
    datasets: dict[str, list[SourceFile]]
    unknown_files: list[SourceFile] = field(default_factory=list)
    documents: list[SourceFile] = field(default_factory=list)


def list_files(root: Path) -> list[SourceFile]:
    """Every file below ``root`` by name; links, hidden files and the litter of file managers are passed over."""
    found = []
    for path in sorted(root.rglob("*")):
        place = path.relative_to(root)
        if path.is_symlink() or not path.is_file():
            continue
        if any(part.startswith(".") or part.lower() in _LITTER for part in place.parts):
            continue
        kind = "zip" if path.suffix.lower() == ".zip" else kind_of(path)
        found.append(SourceFile(path, place.as_posix(), path.stat().st_size, kind))
    return found


def with_columns(file: SourceFile) -> SourceFile:
    """The file with its header read; one that cannot be read carries the problem instead."""
    if file.columns is not None or file.problem or file.kind in ("zip", "other"):
        return file
    try:
        return replace(file, columns=tuple(header(file.path)))
    except SourceError as error:
        return replace(file, problem=str(error))


def detect(files: Sequence[SourceFile], profile: str | Profile | None = None) -> Detection:
    """Which profile the files fit, and what each file is. Headers are read where they are not known yet.

    Args:
        files: of one upload, archives already unpacked.
        profile: the profile to take, or its name; None looks for the one that fits best.

    Raises:
        UnknownSource: no profile fits; says what was seen and what each profile needs.
        BadSource: a file of a dataset cannot be read or lacks a column, or the same file is there twice.
    """
    seen = [with_columns(file) for file in files]
    if isinstance(profile, str):
        profile = load_profile(profile)
    candidates = [profile] if profile else known_profiles()
    fits = []
    for candidate in candidates:
        datasets = _assign(candidate, seen)
        if not _missing(candidate, datasets):
            fits.append((_strength(candidate, datasets), candidate, datasets))
    if not fits:
        raise UnknownSource(_nothing_fits(seen, candidates))
    _, best, datasets = max(fits, key=lambda fit: fit[0])
    _check(best, datasets)
    taken = {file.name for some in datasets.values() for file in some}
    rest = [file for file in seen if file.name not in taken]
    documents = [file for file in rest if any(_matches(file.name, glob) for glob in best.documents)]
    papers = {file.name for file in documents}
    return Detection(best, datasets, [file for file in rest if file.name not in papers], documents)


def canonical_columns(profile: Profile, dataset: str, columns: Iterable[str]) -> dict[str, str]:
    """Column of the file -> name the profile's SQL uses, for declared columns only; case does not matter."""
    declared = {column.casefold(): column for column in profile.declared(dataset)}
    renames = {old.casefold(): new for old, new in profile.datasets[dataset].columns.items()}
    present = {column.casefold() for column in columns}
    names: dict[str, str] = {}
    for column in columns:
        folded = column.strip().casefold()
        renamed = renames.get(folded)
        if folded in declared:
            names[column] = declared[folded]
        elif renamed and renamed.casefold() not in present and renamed not in names.values():
            names[column] = declared[renamed.casefold()]
    return names


def missing_columns(profile: Profile, dataset: str, columns: Iterable[str]) -> list[str]:
    """Columns that a file of that dataset must bring and does not."""
    there = {name.casefold() for name in canonical_columns(profile, dataset, list(columns)).values()}
    return [column for column in profile.must_have(dataset) if column.casefold() not in there]


def _matches(name: str, glob: str) -> bool:
    return fnmatchcase(name.casefold(), glob.casefold())


def _assign(profile: Profile, files: Sequence[SourceFile]) -> dict[str, list[SourceFile]]:
    """Each file of records goes to the first dataset that names it, exact names before patterns."""
    datasets: dict[str, list[SourceFile]] = {name: [] for name in profile.datasets}
    for file in files:
        if file.kind in ("zip", "other"):
            continue
        exact = (n for n, d in profile.datasets.items() if file.base.casefold() in (g.casefold() for g in d.files))
        loose = (n for n, d in profile.datasets.items() if any(_matches(file.base, glob) for glob in d.files))
        name = next(exact, None) or next(loose, None)
        if name:
            datasets[name].append(file)
    return {name: some for name, some in datasets.items() if some}


def _missing(profile: Profile, datasets: dict[str, list[SourceFile]]) -> list[str]:
    """What the profile's ``detect`` asks for and the files have not got."""
    missing = []
    for dataset, needed in profile.detect.items():
        best: list[str] | None = None
        for file in datasets.get(dataset, []):
            if file.problem:
                best = []  # named right, so it is one; the problem itself is told later
                continue
            there = {one.casefold() for one in canonical_columns(profile, dataset, file.columns or ()).values()}
            lacking = [column for column in needed if column.casefold() not in there]
            if best is None or len(lacking) < len(best):
                best = lacking
        if best is None:
            missing.append(f"a file {' or '.join(profile.datasets[dataset].files)}")
        elif best:
            missing.append(f"column {', '.join(best)} in {dataset}")
    return missing


def _strength(profile: Profile, datasets: dict[str, list[SourceFile]]) -> tuple[int, int]:
    return sum(map(len, profile.detect.values())), len(datasets)


def _nothing_fits(files: Sequence[SourceFile], candidates: Sequence[Profile]) -> str:
    records = [file for file in files if file.kind not in ("zip", "other")]
    shown = ", ".join(file.base for file in records[:_SHOWN]) or "none"
    more = f" and {len(records) - _SHOWN} more" if len(records) > _SHOWN else ""
    others = f"; {len(files) - len(records)} other files" if len(files) > len(records) else ""
    needs = "; ".join(f"{one.name} ({one.title}) lacks {_lack(one, files)}" for one in candidates)
    return f"no profile fits these files. Seen: {shown}{more}{others}. Profiles: {needs or 'none'}."


def _lack(profile: Profile, files: Sequence[SourceFile]) -> str:
    return " and ".join(_missing(profile, _assign(profile, files)))


def _check(profile: Profile, datasets: dict[str, list[SourceFile]]) -> None:
    for dataset, files in datasets.items():
        for file in files:
            if file.problem:
                raise BadSource(file.problem)
            missing = missing_columns(profile, dataset, file.columns or ())
            if missing and file.columns:
                raise BadSource(f"{file.name} is taken for {dataset} and lacks the column {', '.join(missing)}")
        _refuse_copies(dataset, files)


def _refuse_copies(dataset: str, files: Sequence[SourceFile]) -> None:
    """The same file twice (a folder and its zip, say) would count every row twice."""
    if len(files) < 2:
        return
    digests: dict[tuple[int, str], str] = {}
    for file in files:
        with file.path.open("rb") as content:
            digest = sha256()
            while block := content.read(1 << 20):
                digest.update(block)
        same = digests.setdefault((file.size, digest.hexdigest()), file.name)
        if same != file.name and file.size:
            raise BadSource(f"{same} and {file.name} are the same file of {dataset}: upload it once")
