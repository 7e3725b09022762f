"""The kinds of things that data shows and a sample should show: what makes one patient's records unlike another's.

A kind is a text: the object, words, and behind a tab the value or label that it is about, which is masked where values
are. Some kinds are known of all records (by the index), others of those that were looked at (their payloads and sources).
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import duckdb

from activities.diff import value_of
from mapping.model import ClinicMap, FieldMap
from mapping.objects import DERIVED, LOAD_ORDER, ObjectName
from mapping.properties import PREFIX
from mapping.schema import Schema, SchemaColumn
from mapping.transforms.base import Refused, or_nothing
from mapping.transforms.choices import entries_of

Record = dict[str, Any]

#: By patient the kinds that their records show.
Shown = dict[str, set[str]]

_CHOICES: Final = ("choice", "choices", "boolean")
_TEXTS: Final = ("text", "memo")

#: Of the records in table ``own``: where they land or why not, states, owner rules, refusals, practitioners, and parents
#: that are not there.
_OF_INDEX: Final = """
SELECT patient, object || ' ' || status || ' ' || coalesce(nullif(reason, ''), "table") AS kind FROM {own}
UNION ALL SELECT patient, object || ' state ' || state FROM {own} WHERE state IS NOT NULL
UNION ALL SELECT patient, object || ' owner by ' || owner_rule FROM {own} WHERE owner_rule <> ''
UNION ALL SELECT patient, object || ' refused ' || issue.code || ' ' || issue.field
          FROM (SELECT patient, object, unnest(issues) AS issue FROM {own})
UNION ALL SELECT patient, 'practitioner ' || ref.key
          FROM (SELECT patient, unnest(refs) AS ref FROM {own}) WHERE ref.object = 'practitioner'
UNION ALL SELECT patient, object || CASE WHEN ref.required THEN ' orphan of ' ELSE ' without its ' END || ref.object
          FROM (SELECT patient, object, unnest(refs) AS ref FROM {own}) ANTI JOIN there ON there.k = md5_number(lower(ref.key))
"""


def of_index(db: duckdb.DuckDBPyConnection, own: str) -> Shown:
    """The kinds that the index tells, of the records in that table, by patient. Table ``there``: keys of mapped records."""
    found = db.execute(f"SELECT patient, list(DISTINCT kind) FROM ({_OF_INDEX.format(own=own)}) GROUP BY 1").fetchall()
    known: dict[str, str] = {}  # one text for each kind, however many patients show it
    return {patient: {known.setdefault(one, one) for one in kinds} for patient, kinds in found}


def in_index(db: duckdb.DuckDBPyConnection, table: str) -> set[str]:
    """The kinds that any record of that table shows, whoever's it is."""
    return {row[0] for row in db.execute(f"SELECT DISTINCT kind FROM ({_OF_INDEX.format(own=table)})").fetchall()}


@dataclass(slots=True)
class _Length:
    """The shortest and longest values of a column so far, and whose they are."""

    least: int = 1 << 40
    most: int = 0
    shortest: set[str] = field(default_factory=set)
    longest: set[str] = field(default_factory=set)

    def add(self, length: int, patient: str) -> None:
        if length <= self.least:
            self.shortest = {patient} | (self.shortest if length == self.least else set())
            self.least = length
        if length >= self.most:
            self.longest = {patient} | (self.longest if length == self.most else set())
            self.most = length


class Looked:
    """Looks at mapped and shaped records of some patients and gathers the kinds that these show."""

    def __init__(self, clinic_map: ClinicMap, schema: Schema, patients: Iterable[str]) -> None:
        self.shown: Shown = {patient: set() for patient in patients}
        self._fields = {name: _fields(clinic_map, schema, name) for name in LOAD_ORDER if name in clinic_map.objects}
        self._lengths: dict[str, _Length] = defaultdict(_Length)
        self._orders: dict[str, list[str]] = defaultdict(list)
        self._known: dict[str, str] = {}

    def mapped(self, name: ObjectName, record: Record, patient: str | None) -> None:
        """A mapped record: filled columns and transforms, labels, lengths of texts, custom properties without a value."""
        if patient not in self.shown or record["status"] != "mapped":
            return
        payload = record["payload"]
        for one, column in self._fields[name]:
            if column.logical not in payload:
                if one.source.startswith(PREFIX):
                    self._say(patient, f"{name} {column.logical} empty")
                continue
            value = payload[column.logical]
            self._say(patient, f"{name} {column.logical}")
            self._say(patient, f"{name} transform {one.transform}")
            if column.type in _CHOICES:
                for label in _labels(column, value):
                    self._say(patient, f"{name} {column.logical} is\t{label}")
            elif column.type in _TEXTS:
                self._lengths[f"{name} {column.logical}"].add(len(str(value)), patient)
        if name == "insurance":
            order = next((column for _, column in self._fields[name] if column.plain == "CoverageOrder"), None)
            known = _labels(order, payload[order.logical]) if order and order.logical in payload else []
            self._orders[patient].append(known[0].lower() if known else "without order")

    def shaped(self, name: ObjectName, record: Record, patient: str | None) -> None:
        """A record as the source has it: the entries of value maps that its values use."""
        if patient not in self.shown or record.get("_excluded"):
            return
        for one, column in self._fields[name]:
            if not one.values:
                continue
            known = {text.strip().casefold(): text for text in one.values}
            for text in _entries(value_of(record, one.source), one):
                if text.casefold() in known:
                    self._say(patient, f"{name} {column.logical} made from\t{known[text.casefold()]}")

    def kinds(self) -> Shown:
        """What was seen, by patient, with what only shows when all were looked at: extremes, and sets of insurance."""
        for column, length in self._lengths.items():
            for patient in length.longest:
                self._say(patient, f"{column} longest")
            for patient in length.shortest:
                self._say(patient, f"{column} shortest")
        if "insurance" in self._fields:
            for patient in self.shown:
                self._say(patient, f"insurance set-up {' + '.join(sorted(self._orders.get(patient, ()))) or 'none'}")
        return self.shown

    def _say(self, patient: str, kind: str) -> None:
        self.shown[patient].add(self._known.setdefault(kind, kind))


def expected(clinic_map: ClinicMap, schema: Schema) -> set[str]:
    """The kinds that the map makes room for, whether a record shows them or not."""
    kinds: set[str] = set()
    for name in LOAD_ORDER:
        if name in DERIVED or name not in clinic_map.objects:
            continue
        for one, column in _fields(clinic_map, schema, name):
            kinds |= {f"{name} {column.logical}", f"{name} transform {one.transform}"}
            if one.source.startswith(PREFIX):
                kinds.add(f"{name} {column.logical} empty")
            if one.values:
                kinds |= {f"{name} {column.logical} made from\t{text}" for text in one.values}
            labels = [label for label in one.values.values() if label] if one.values else column.options
            if column.type in _CHOICES:
                kinds |= {f"{name} {column.logical} is\t{label}" for label in labels}
    return kinds


def _fields(clinic_map: ClinicMap, schema: Schema, name: ObjectName) -> list[tuple[FieldMap, SchemaColumn]]:
    """The fields of an object that fill a column of their own, with that column."""
    return [
        (one, column)
        for route in clinic_map.objects[name].routes
        for one in route.fields
        if one.status != "ignored" and one.column and one.transform != "lookup"
        if (column := schema.table(route.table).columns.get(one.column)) is not None
    ]


def _labels(column: SchemaColumn | None, value: Any) -> list[str]:
    """The labels of what a choice column holds."""
    if column is None or isinstance(value, bool):
        return [] if column is None else ["Yes" if value else "No"]
    labels = {number: label for label, number in column.options.items()}
    return [labels.get(int(part), part) if part.lstrip("-").isdigit() else part for part in str(value).split(",")]


def _entries(value: Any, one: FieldMap) -> list[str]:
    if one.transform != "choices":
        return [text] if (text := or_nothing(value)) else []
    separator = one.args.get("separator")
    try:
        return entries_of(value, str(separator) if separator else None)
    except Refused:
        return []
