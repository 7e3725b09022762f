"""Records that a map derives from others: the notes of encounters, carriers of insurance, values of properties.

Each gets an id of its own, made from its parent's, and from there on is mapped, planned, loaded, verified and undone as
any record. A record that is left out of the migration derives none.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from mapping.model import ClinicMap, FieldMap
from mapping.objects import ObjectName
from mapping.properties import PREFIX, ROWS, properties_of
from mapping.transforms.base import Refused, or_nothing
from mapping.transforms.choices import entries_of
from mapping.transforms.texts import REDACTED

Record = dict[str, Any]
Derive = Callable[[Iterable[Record]], Iterator[Record]]

#: A practitioner's specializations, all of them, as a profile shapes them: a list, or text split at ; | or line ends.
SPECIALIZATIONS: Final = "_specializations"

#: What a derived record has from its parent: who it belongs to and who may own it.
_SHARED: Final = ("_patient", "_owner", "_practitioner", "_provider", "_location")


def derive(map: ClinicMap, name: ObjectName) -> Derive:
    """The function that makes the records of a derived object from its parent's shaped records of one bucket.

    KeyError: the map does not derive it.
    """
    return _MAKERS[name](map)


def carrier_id(text: str) -> str:
    """The id of a carrier: its name without regard to case and white space, since sources know it by nothing else."""
    return " ".join(text.split()).casefold()


def identity(name: ObjectName) -> Callable[[str], str]:
    """How a record that points at one of that object writes the object's id."""
    return carrier_id if name == "carrier" else _as_it_is


def _as_it_is(text: str) -> str:
    return text


def _carriers(map: ClinicMap) -> Derive:
    source = _source(map, "carrier", "name")

    def make(parents: Iterable[Record]) -> Iterator[Record]:
        seen: set[str] = set()
        for record in _kept(parents):
            name = " ".join(or_nothing(record.get(source)).split())
            id = carrier_id(name)
            if id and id not in seen:
                seen.add(id)
                # A carrier is nobody's; who owns it is asked of the first policy that names it.
                yield {**_shared(record), "_patient": None, "_id": id, source: name}

    return make


def _notes(map: ClinicMap) -> Derive:
    source = _source(map, "encounter_note", "notetext")

    def make(parents: Iterable[Record]) -> Iterator[Record]:
        for record in _kept(parents):
            if or_nothing(record.get(source)):
                yield record

    return make


def _specializations(map: ClinicMap) -> Derive:
    source = next((one.source for one in _fields(map, "practitioner") if one.column == "Specialization"), "")

    def make(parents: Iterable[Record]) -> Iterator[Record]:
        for record in _kept(parents):
            found: dict[str, str] = {}
            for text in _texts(record.get(SPECIALIZATIONS)) or _texts(record.get(source)):
                found.setdefault(text.casefold(), text)
            for place, (key, text) in enumerate(found.items()):
                yield {
                    **_shared(record),
                    "_id": f"{or_nothing(record['_id'])}.{key}",
                    "practitioner": record["_id"],
                    "specialization": text,
                    "primary": "false" if place else "true",
                }

    return make


def _property_values(map: ClinicMap) -> Derive:
    chosen = {one.source.removeprefix(PREFIX): one for one in _fields(map, "patient") if one.transform == ROWS}

    def make(parents: Iterable[Record]) -> Iterator[Record]:
        seen: set[str] = set()
        for record in _kept(parents):
            patient = or_nothing(record["_id"])
            if patient in seen:  # the first of two records with one id is the one that lands
                continue
            seen.add(patient)
            for name, value in properties_of(record):
                field = chosen.get(name)
                texts = _answers(field, value) if field is not None and field.status != "ignored" else []
                for text in texts:
                    yield {
                        **_shared(record),
                        "_id": f"{patient}.{name}.{_digest(text)}",
                        "patient": record["_id"],
                        "property": name,
                        "value": text,
                    }

    return make


_MAKERS: Final[dict[ObjectName, Callable[[ClinicMap], Derive]]] = {
    "carrier": _carriers,
    "encounter_note": _notes,
    "property_value": _property_values,
    "specialization": _specializations,
}


def _kept(parents: Iterable[Record]) -> Iterator[Record]:
    return (record for record in parents if not record.get("_excluded") and or_nothing(record.get("_id")))


def _shared(record: Record) -> Record:
    return {name: record.get(name) for name in _SHARED}


def _fields(map: ClinicMap, name: ObjectName) -> list[FieldMap]:
    object_map = map.objects.get(name)
    return [field for route in object_map.routes for field in route.fields] if object_map else []


def _source(map: ClinicMap, name: ObjectName, column: str) -> str:
    """The source field that fills the column without which there is no such row."""
    return next((one.source for one in _fields(map, name) if one.column == column and one.status != "ignored"), "")


def _answers(field: FieldMap, value: Any) -> list[str]:
    """The values of one property, each once, as the field's value map words them."""
    if field.review == "redact":
        return [REDACTED] if _texts(value) else []
    known = {text.strip().casefold(): label for text, label in (field.values or {}).items()}
    separator = field.args.get("separator")
    texts = _texts(value, str(separator) if separator else None)
    return list(dict.fromkeys(label for text in texts if (label := known.get(text.casefold(), text))))


def _texts(value: Any, separator: str | None = None) -> list[str]:
    """The single values; none where they are no texts, which the mapping of the parent says."""
    try:
        return entries_of(value, separator)
    except Refused:
        return []


def _digest(text: str) -> str:
    """A value's mark in an id, which is shown and logged where the value itself must not be."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
