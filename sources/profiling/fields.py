"""Looks at the columns of a sample: types, lengths, patterns, dates, lists of values, kind of protected data."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import duckdb

from mapping.model import PhiClass
from sources.patterns import ValueType, merge_types, phi_of, type_of
from sources.profiling.dates import NO_DATES, DateFormat, date_form, dates_of
from sources.profiling.detectors import Pattern, has_form, patterns_of, separator_of
from sources.profiling.model import USUAL, DatasetDocument, FieldProfile
from sources.profiling.sample import MAX_TEXT, Sample

#: A list to choose from: at most this many values, none longer, each used this often on average.
_OPTIONS, _LONGEST, _USES = 60, 80, 2
_FETCH: Final = 2_000
#: Classes whose values are not listed, however often they recur.
_PRIVATE: Final = frozenset(("id", "name", "contact", "address", "ssn", "date"))


@dataclass(frozen=True, slots=True)
class Loaded:
    """A sample as a table of the database: trimmed texts, empty cells NULL."""

    table: str
    cells: dict[str, str]  #: column of the dataset -> column of the table
    rows: int
    sample: Sample


def load_sample(db: duckdb.DuckDBPyConnection, table: str, sample: Sample) -> Loaded:
    """Makes a table of a sample."""
    count = len(sample.columns)
    declared = ", ".join(["'r': 'BIGINT'", *(f"'c{place}': 'VARCHAR'" for place in range(count))])
    picks = ", ".join(["r", *(f"nullif(trim(c{place}), '') AS c{place}" for place in range(count))])
    db.execute(
        f"CREATE TABLE {table} AS SELECT {picks} FROM read_json($file, format = 'newline_delimited',"
        f" maximum_object_size = {max(sample.longest_line + 2, 1 << 16)}, columns = {{{declared}}}) WHERE r % {sample.stride} = 0",
        {"file": str(sample.path)},
    )
    found = db.execute(f"SELECT count(*) FROM {table}").fetchone()
    cells = {name: f"c{place}" for place, name in enumerate(sample.columns)}
    return Loaded(table, cells, int(found[0]) if found else 0, sample)


def profile_fields(db: duckdb.DuckDBPyConnection, loaded: Loaded) -> list[FieldProfile]:
    """Every column of a loaded sample, in the order they were met. What held objects was laid flat and is none."""
    fields = [_field(db, loaded, name) for name in loaded.cells]
    return [one for one in fields if one.filled or not any(other.startswith(f"{one.name}.") for other in loaded.cells)]


def _values(db: duckdb.DuckDBPyConnection, loaded: Loaded, name: str) -> Iterator[tuple[str, int]]:
    cell = loaded.cells[name]
    db.execute(f"SELECT {cell}, count(*) FROM {loaded.table} WHERE {cell} IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1")
    while rows := db.fetchmany(_FETCH):
        yield from rows


def _field(db: duckdb.DuckDBPyConnection, loaded: Loaded, name: str) -> FieldProfile:
    sample = loaded.sample
    field = FieldProfile(name=name, nested=sample.nested.get(name))
    types = Counter[ValueType]()
    patterns = Counter[Pattern]()
    dates = Counter[tuple[DateFormat, bool]]()
    separators = Counter[str]()
    parts = Counter[str]()
    values: dict[str, int] | None = {}
    no_dates = 0
    for text, count in _values(db, loaded, name):
        field.filled += count
        field.distinct += 1
        length = len(text)
        field.max_length = max(field.max_length, length)
        field.min_length = min(field.min_length, length) if field.distinct > 1 else length
        kind = type_of(text)
        types[kind] += count
        if kind == "decimal":
            field.decimals = max(field.decimals, len(text.rpartition(".")[2]) if "." in text else 0)
        if length <= 300:
            for pattern in patterns_of(text):
                patterns[pattern] += count
            if form := date_form(text):
                dates[form] += count
            no_dates += count * (text in NO_DATES)
            if not form and (separator := separator_of(text)):
                separators[separator] += count
                parts.update(part.strip() for part in text.split(separator))
        elif has_form(text, "html"):
            patterns["html"] += count
        if values is not None:
            values[text] = count
            if len(values) > _OPTIONS or length > _LONGEST:
                values = None
    field.empty = loaded.rows - field.filled
    field.max_length = max(field.max_length, sample.longest.get(name, 0))
    field.patterns = dict(patterns.most_common())
    written = dates_of(dates)
    if sum(dates.values()) >= USUAL * max(field.filled - no_dates, 1):
        field.dates = written.formats  # type: ignore[assignment]  # their keys are formats
        field.timed, field.ambiguous = written.timed, written.ambiguous
    field.type = _type(field, types)
    field.separator = _separator(field, separators, parts, patterns)
    field.phi = _phi(field)
    if values and field.filled >= _USES * len(values) and field.phi not in _PRIVATE and field.nested is None:
        field.values = values
    return field


def _type(field: FieldProfile, types: Counter[ValueType]) -> ValueType | None:
    if field.dates and field.distinct:
        return "datetime" if field.timed else "date"
    kind = merge_types(types)
    # A few odd ones out, of many numbers, leave a column of texts: the exact type holds every value.
    return "memo" if kind == "text" and field.max_length > MAX_TEXT else kind


def _separator(
    field: FieldProfile, separators: Counter[str], parts: Counter[str], patterns: Counter[Pattern]
) -> str | None:
    """A separator that a good part of the cells has. Addresses, names and files hold commas without being lists."""
    if field.nested or not separators or field.dates:
        return None
    separator, count = separators.most_common(1)[0]
    if separator == "," and (field.distinct < 3 or parts.total() < 2 * len(parts)):
        return None  # in a list, the same parts stand in many cells
    if count < 0.05 * field.filled or patterns["file"] > count or patterns["money"] > count:
        return None
    return separator


def _phi(field: FieldProfile) -> PhiClass:
    """From the values' patterns and the name; long free text without a telling name may say anything of a patient."""
    name = field.name.replace(".", "_")
    found = phi_of(name, [one for one in ("email", "ssn") if field.share(one) >= USUAL])
    if found != "none":
        return found
    if field.dates:
        return "date"
    # Ten digits may be a number to call or an identifier; without a word for it the stricter reading counts.
    if field.share("phone") >= USUAL:
        return "id" if field.share("npi") >= USUAL else "contact"
    if field.share("icd10") >= USUAL and field.distinct > 1:
        return "clinical"
    return "clinical_note" if field.type == "memo" or field.share("html") >= USUAL else "none"


def settle_dates(documents: Iterable[DatasetDocument]) -> None:
    """Columns whose days and months cannot be told apart take the order of the other columns of their dataset.

    They stay marked as ambiguous when the dataset has none that is clear: then the order of the source is taken.
    """
    everywhere = Counter[DateFormat]()
    unclear: list[tuple[FieldProfile, Counter[DateFormat]]] = []
    for one in documents:
        here = Counter[DateFormat]()
        for field in one.fields:
            if not field.ambiguous:
                here.update({name: count for name, count in field.dates.items() if name in ("us", "day_first")})
        everywhere += here
        unclear += [(field, here) for field in one.fields if "us_or_day_first" in field.dates]
    for field, here in unclear:
        clear = here or everywhere
        if len(clear) == 1:
            (order,) = clear
            field.dates = {order if name == "us_or_day_first" else name: count for name, count in field.dates.items()}
            field.ambiguous = not here
