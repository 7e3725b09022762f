"""Whose key a column holds, also where the schema does not declare it: columns called as another table's key refer to it."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from mapping.matching.compare import agreement
from mapping.matching.model import Column, Reference, Table
from mapping.matching.roles import roles
from mapping.matching.tokens import Reader, raw_words
from mapping.objects import ObjectName

#: Words that make a name one of a key.
KEY_WORDS: Final = frozenset(("id", "uid", "key", "number"))
#: From this likeness on a table's name speaks of an object.
_SAYS_SO = 0.8


def linked(tables: Sequence[Table], reader: Reader) -> list[Table]:
    """The tables with a reference for every column that is called as the key of another one: ``wrd_id``, ``opd_wrd_id``.

    A key is the first column of its table and named as one; a mere ``id`` says nothing of whose it is.
    """
    owners = _owners(tables, reader)
    return [
        replace(table, columns=tuple(_linked(column, table, owners) for column in table.columns)) for table in tables
    ]


def object_of(words: frozenset[str]) -> ObjectName | None:
    """Which object the words of a table's name speak of; None when it is not clear."""
    scored = [
        (max((agreement(words, one, frozenset()) for one in role.tables), default=0.0), role)
        for role in roles().values()
        if role.head
    ]
    score, role = max(scored, key=lambda pair: pair[0])
    return role.object if score > _SAYS_SO else None


def called(tables: Iterable[Table], reader: Reader, soundless: frozenset[str]) -> dict[str, frozenset[str]]:
    """Table name -> the words that stand for one of its rows: the object's where it is the head table, else its own.

    ``soundless`` are words that most tables of the schema begin with.
    """
    found: dict[str, frozenset[str]] = {}
    for table in tables:
        words = frozenset(reader.read(table.name))
        words = words - soundless or words
        object = table.objects[0] if table.main and table.objects else object_of(words)
        found.setdefault(table.name, frozenset(reader.read(object)) if object else words)
    return found


def _owners(tables: Sequence[Table], reader: Reader) -> dict[tuple[str, ...], Reference]:
    """The words of a key as they stand -> whose key it is: the table's that is called so, else the only one's to begin with it."""
    named = {table.name: frozenset(reader.read(table.name)) for table in tables}
    firsts: dict[tuple[str, ...], list[Table]] = {}
    for table in {table.name: table for table in tables}.values():
        name = table.key[0] if len(table.key) == 1 else table.columns[0].name if table.columns else ""
        words = frozenset(reader.read(name))
        if words & KEY_WORDS and words - KEY_WORDS:
            firsts.setdefault(raw_words(name), []).append(table)
    owners: dict[tuple[str, ...], Reference] = {}
    for parts, candidates in firsts.items():
        key = " ".join(parts)
        words = frozenset(reader.read(key)) - KEY_WORDS
        own = [table for table in candidates if words <= named[table.name]]
        if not own and any(words <= name for name in named.values()):
            continue  # the key of a table whose own column is called otherwise
        heads = [table for table in own if table.main] or own or candidates
        if len(heads) == 1:
            owners[parts] = Reference(heads[0].name, key)
    return owners


def _linked(column: Column, table: Table, owners: dict[tuple[str, ...], Reference]) -> Column:
    if column.reference is not None:
        return column
    parts = raw_words(column.name)
    # A counter behind it tells a second and a third reference apart.
    parts = parts[:-1] if parts and parts[-1].isdigit() else parts
    for start in range(len(parts)):
        owner = owners.get(parts[start:])
        if owner is not None and owner.table != table.name:
            return replace(column, reference=owner)
    return column
