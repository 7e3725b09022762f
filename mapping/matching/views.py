"""A table and its fields as the matcher sees them: words, kinds, and what the table's own name says already."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mapping.matching.compare import Spoken
from mapping.matching.evidence import told_by
from mapping.matching.kinds import kind_of
from mapping.matching.lexicon import words
from mapping.matching.model import Column, Kind, Table
from mapping.matching.tokens import Reader, raw_words

#: Trust in what else is known of a field, beside its name.
_LABEL, _REFERENCE, _LEAF, _DESCRIPTION = 0.92, 0.92, 0.9, 0.55
#: A longer description is prose, not a name.
_PROSE = 8
#: A first word that this share of a table's fields have is a prefix of the vendor's.
_PREFIX_SHARE, _PREFIX_FIELDS = 0.6, 4
#: What comes before the table's own name: modules and products, not what the table holds.
_SOUNDLESS = re.compile(r"^(?:tab|tbl|tb|t|vw|dbo|public)(?=[A-Z_. ])[_. ]?")


@dataclass(frozen=True, slots=True)
class FieldView:
    """A field with its readings, the best trusted first."""

    column: Column
    kind: Kind
    spoken: tuple[Spoken, ...]
    label: frozenset[str]
    description: frozenset[str]
    flag: bool  #: its name says yes or no


@dataclass(frozen=True, slots=True)
class TableView:
    """A table with the words of its name and of its vendor's prefix."""

    table: Table
    words: frozenset[str]
    said: frozenset[str]
    fields: tuple[FieldView, ...]


def view_of(table: Table, reader: Reader, soundless: frozenset[str], called: Mapping[str, frozenset[str]]) -> TableView:
    """A table made ready.

    Args:
        soundless: words that most tables of the schema begin with.
        called: table name -> the words that stand for one of its rows, for the columns that refer to it.
    """
    name = _SOUNDLESS.sub("", table.name)
    own = frozenset(word for word in reader.read(name) if word not in soundless) or frozenset(reader.read(name))
    prefix = _prefix((column.name for column in table.columns), own)
    fields = tuple(_field(column, reader, prefix, called) for column in table.columns)
    return TableView(table, own, own | prefix, fields)


def soundless_words(tables: Iterable[Table], reader: Reader) -> frozenset[str]:
    """First words that most table names of a schema share: the product's name, a module's."""
    firsts = Counter[str]()
    names = {table.name for table in tables}
    for name in names:
        read = reader.read(_SOUNDLESS.sub("", name))
        if len(read) > 1:
            firsts[read[0]] += 1
    return frozenset(word for word, count in firsts.items() if count >= max(4, 0.35 * len(names)))


def _prefix(names: Iterable[str], called: frozenset[str]) -> frozenset[str]:
    """The vendor's prefix: a word that says nothing, or says what the table's name does."""
    split = [raw_words(name) for name in names]
    firsts = Counter(parts[0] for parts in split if len(parts) > 1)
    if len(split) < _PREFIX_FIELDS or not firsts:
        return frozenset()
    word, count = firsts.most_common(1)[0]
    empty = word not in words().english or word in called
    return frozenset((word,)) if empty and count >= _PREFIX_SHARE * len(split) else frozenset()


def _field(column: Column, reader: Reader, prefix: frozenset[str], called: Mapping[str, frozenset[str]]) -> FieldView:
    name = column.name
    full = frozenset(reader.read(name)) - (prefix if len(raw_words(name)) > 1 else frozenset())
    readings = [Spoken(full or frozenset(reader.read(name)), 1.0)]
    if "uid" in full and len(full) > 1:
        readings.append(Spoken(full - {"uid"} | {"id"}, _LEAF))
    parts = [part for part in re.split(r"[.\[\]:]+", name) if part and part != "x"]
    if len(parts) > 2:
        readings.append(Spoken(frozenset(reader.read(" ".join(parts[-2:]))), _LEAF))
    if column.reference is not None:
        owner = called.get(column.reference.table) or frozenset(reader.read(column.reference.table))
        key = column.reference.column
        # What stands before the key's name tells one reference from another: assistant_provider_no, provider_no.
        more = full - frozenset(reader.read(key)) - prefix if key else frozenset()
        readings.append(Spoken(owner | {"id"} | more, _REFERENCE))
    label = (
        frozenset(reader.read(column.label)) if column.label and not re.match(r"ir\.msg", column.label) else frozenset()
    )
    if label:
        readings.append(Spoken(label, _LABEL))
    first = re.split(r"[.;:(]", column.description, maxsplit=1)[0]
    description = frozenset(reader.read(first))
    if 0 < len(description) <= _PROSE:
        readings.append(Spoken(description, _DESCRIPTION))
    if not any(reading.words & words().vocabulary for reading in readings):
        readings += told_by(column)
    flag = "flag" in full or kind_of(column) == "boolean"
    return FieldView(column, kind_of(column), tuple(readings), label, description, flag)
