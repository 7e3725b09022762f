"""The profile of a known system: which files are which dataset, and the SQL that shapes them into objects.

A profile is one YAML file in ``sources/profiles``.

**Columns.** The SQL of a profile sees, per dataset, a view with ``_row`` (BIGINT, the row's number in the
dataset, from 0), every *declared* column as VARCHAR, and ``_extra`` (VARCHAR: a JSON object of all columns of the
row that the profile does not declare and that are not empty; NULL when there are none). Declared columns are
``required`` + ``optional`` + the bucket column + the columns named in ``detect`` + the new names in ``columns``.
Column names match without regard to case. An empty cell is NULL. Nested values (lists, objects of JSON files) are
JSON text. A ``hashed`` column holds a keyed hash of its value, the same in every dataset, and the value itself is in
``plain_<column>``: for ids that are health information themselves. A dataset whose file is missing is an empty view of
the same columns.

**Buckets.** A dataset with ``bucket`` is spread by the hash of that column's text; one without is broadcast: whole in
every bucket. An object without ``global: true`` is shaped bucket by bucket, and all its records must have a
``_patient`` that belongs to the bucket. Over a broadcast dataset its SQL therefore says ``WHERE in_bucket(<the same
expression as _patient>)``; ``in_bucket(NULL)`` holds in exactly one bucket. Accounts of broadcast datasets and
``global`` objects are computed once, when only broadcast datasets have rows.

**Macros.** ``in_bucket(key)``; ``is_true(flag)`` and ``is_false(flag)`` for t/f, true/false, 1/0, yes/no in any case,
both false for NULL and anything else; ``keyed(id)``, the hash of one id, for those that stand in lists.

**Views.** ``views`` name SQL that several objects and accounts share; a view may use the ones above it.
"""

import re
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from mapping.model import ObjectMap
from mapping.objects import ObjectName
from sources.errors import BadProfile
from sources.hashing import PLAIN

PROFILES: Final = Path(__file__).parent / "profiles"

#: Account of every row of a dataset that has no account SQL.
OUT_OF_SCOPE: Final = "excluded:out_of_scope"

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Dataset(_Part):
    """One named stream of raw rows."""

    files: list[str] = Field(min_length=1)  #: globs on the file's name, case-insensitive
    bucket: str | None = None  #: column whose hash spreads the rows; None = broadcast
    required: list[str] = []  #: columns that must be in the file when there is a file
    optional: list[str] = []  #: columns that are NULL when the file has not got them
    columns: dict[str, str] = {}  #: name in another vintage -> the name the SQL uses
    withheld: list[str] = []  #: columns that are never staged: passwords and the like
    hashed: list[str] = []  #: columns of ids that must not be shown: the SQL sees a keyed hash in their place
    account: str | None = None  #: SQL: one row (_row, account) per raw row
    out_of_scope: str | None = None  #: why no object is made of it
    unplaced: str | None = (
        None  #: what a proposal thinks of it that found no place for it; a person says why it stays out
    )

    @model_validator(mode="after")
    def _accounted_or_excused(self) -> "Dataset":
        if self.account and (self.out_of_scope or self.unplaced):
            raise ValueError("a dataset that is out of scope has no account SQL")
        return self


class ObjectQuery(_Part):
    """SQL whose result rows are the shaped records of one object."""

    sql: str
    shaped_once: bool = Field(default=False, alias="global")  #: from broadcast datasets only, shaped in one go


class Rebuild(_Part):
    """An entry of the rebuild-inventory: detected, counted, never loaded."""

    title: str
    what_to_rebuild: str


def _query(value: Any) -> Any:
    return {"sql": value} if isinstance(value, str) else value


def _check_map(object_name: str, plain: dict[str, Any]) -> None:
    try:
        ObjectMap.model_validate(plain)
    except ValidationError as error:
        raise ValueError(f"map of {object_name}: {_places(error)}") from None


def _places(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, e['loc'])) or 'profile'}: {e['msg']}" for e in error.errors())


class Profile(_Part):
    """A whole profile; see the module's text for what its SQL may rely on."""

    name: str
    title: str
    time_zone: str = "UTC"  #: IANA zone of source times that carry none
    detect: dict[str, list[str]] = Field(min_length=1)  #: dataset -> columns; all must be there
    documents: list[str] = ["documents/*", "*/documents/*"]  #: globs on the path in the drop: files that are records
    datasets: dict[str, Dataset]
    views: dict[str, str] = {}  #: name -> SQL
    objects: dict[ObjectName, Annotated[ObjectQuery, BeforeValidator(_query)]]
    rebuild: dict[str, Rebuild] = {}
    map: dict[ObjectName, dict[str, Any]] = {}  #: object -> mapping.model.ObjectMap as plain data

    @model_validator(mode="after")
    def _hangs_together(self) -> "Profile":
        for name in [*self.datasets, *self.views]:
            if not _NAME.fullmatch(name):
                raise ValueError(f"the name {name!r} of a dataset or view is not an identifier")
        if both := self.datasets.keys() & self.views.keys():
            raise ValueError(f"{', '.join(both)} is both a dataset and a view")
        for name in [*self.detect, *self.rebuild]:
            if name not in self.datasets:
                raise ValueError(f"{name} is not a dataset of this profile")
        for name, dataset in self.datasets.items():
            excused = dataset.out_of_scope or dataset.unplaced or name in self.rebuild
            if not dataset.account and not excused:
                raise ValueError(f"dataset {name} needs account SQL, an out_of_scope reason, or a rebuild entry")
        for object_name, plain in self.map.items():
            _check_map(object_name, plain)
            if object_name not in self.objects:
                raise ValueError(f"the map speaks of {object_name}, which no SQL shapes")
        return self

    def declared(self, dataset: str) -> list[str]:
        """The columns of that dataset's view, in a fixed order, each once (compared without case)."""
        one = self.datasets[dataset]
        bucket = [one.bucket] if one.bucket else []
        plain = [name for column in one.hashed for name in (column, f"{PLAIN}{column}")]
        every = [*bucket, *self.detect.get(dataset, []), *one.required, *one.columns.values(), *one.optional, *plain]
        return list({column.casefold(): column for column in reversed(every)}.values())[::-1]

    def must_have(self, dataset: str) -> list[str]:
        """The columns a file of that dataset must bring."""
        one = self.datasets[dataset]
        every = [*self.detect.get(dataset, []), *one.required, *([one.bucket] if one.bucket else [])]
        return list({column.casefold(): column for column in every}.values())

    @property
    def hashes(self) -> bool:
        """Whether any dataset has ids that must not be shown."""
        return any(dataset.hashed for dataset in self.datasets.values())

    def broadcast(self) -> list[str]:
        """Names of the datasets that are whole in every bucket."""
        return [name for name, dataset in self.datasets.items() if dataset.bucket is None]


def parse_profile(text: str, origin: str) -> Profile:
    """A profile from YAML text; ``origin`` names it in the error.

    Raises:
        BadProfile: with every place that does not fit.
    """
    try:
        return Profile.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise BadProfile(f"profile {origin} is not YAML: {error}") from error
    except ValidationError as error:
        raise BadProfile(f"profile {origin}: {_places(error)}") from error


@cache
def load_profile(name: str) -> Profile:
    """The profile of that name; BadProfile when there is none or it does not fit."""
    path = PROFILES / f"{name}.yaml"
    if not _NAME.fullmatch(name) or not path.is_file():
        known = ", ".join(sorted(p.stem for p in PROFILES.glob("*.yaml")))
        raise BadProfile(f"there is no profile {name!r}; known: {known}")
    return parse_profile(path.read_text(encoding="utf-8"), path.name)


def known_profiles() -> list[Profile]:
    """Every profile that ships with the app, by name."""
    return [load_profile(path.stem) for path in sorted(PROFILES.glob("*.yaml"))]
