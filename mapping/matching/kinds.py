"""What a column's declared type comes down to, and whether that can fill a column of the target."""

import re
from functools import lru_cache
from typing import Final

from mapping.matching.model import Column, Kind
from mapping.model import ColumnType

#: Parts of declared types, first hit wins: SQL, JSON, FHIR, Frappe and Django names.
_FORMS: Final[tuple[tuple[str, Kind], ...]] = (
    (r"multi.?select|\[\]$|\barray\b|\blist\b|choices|many.?to.?many", "choices"),
    (r"^table\b", "table"),
    (r"tinyint\(1\)|\bbool|\bcheck\b|\bbit\b|^yes.?no", "boolean"),
    (r"bytea|blob|binary|\battach|\bimage\b|base64|\bfile\b|\braw\b", "binary"),
    (r"\bmoney\b|currency", "money"),
    (r"date.?time|timestamp|\binstant\b", "datetime"),
    (r"^date$|^date\b(?!time)", "date"),
    (r"^time\b|\btime\b", "time"),
    (r"uuid|uniqueidentifier|\bguid\b", "uuid"),
    (r"link|reference|foreign|\bfk\b|\bref\b|->|one.?to.?one", "link"),
    (r"\benum\b|\bselect\b|choice|codeableconcept|\bcode\b", "choice"),
    (r"json|object|struct|\bdict\b|period|timing|identifier|annotation", "json"),
    (r"decimal|numeric|float|double|\breal\b|\bnumber\b", "decimal"),
    (r"int\b|integer|bigint|smallint|positiveint|unsignedint|\bint|serial|\blong\b", "integer"),
    (r"longtext|mediumtext|\btext\b|clob|small text|long text|text editor|markdown|html|varchar\(max\)", "long_text"),
    (r"char|string|\bstr\b|\bdata\b|url|email|phone|read only|\buri\b|dynamic", "text"),
)  # fmt: skip
_COMPILED: Final = tuple((re.compile(form), kind) for form, kind in _FORMS)
_LENGTH: Final = re.compile(r"\((\d+)\)")
_ISO_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")
_ISO_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*")
_CLOCK: Final = re.compile(r"\d\d:\d\d(:\d\d)?")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")


@lru_cache(maxsize=4096)
def declared(type: str) -> Kind:
    """The kind that a declared type says; ``unknown`` when it says nothing."""
    plain = type.strip().lower()
    for form, kind in _COMPILED:
        if form.search(plain):
            return kind
    return "unknown"


def kind_of(column: Column) -> Kind:
    """The kind of a column: by its values, else by its declared type, sharpened by a documented value."""
    if column.evidence is not None and column.evidence.kind != "unknown":
        return column.evidence.kind
    kind = declared(column.type)
    if column.reference is not None:
        return "link"
    if kind == "text" and column.options:
        return "choice"
    if kind in ("text", "unknown") and column.example:
        return _seen(column.example) or kind
    return kind


def _seen(example: str) -> Kind | None:
    forms: tuple[tuple[re.Pattern[str], Kind], ...] = (
        (_ISO_TIME, "datetime"), (_ISO_DATE, "date"), (_CLOCK, "time"), (_UUID, "uuid"),
    )  # fmt: skip
    return next((kind for form, kind in forms if form.fullmatch(example)), None)


def declared_length(type: str) -> int | None:
    """The length that a declared type names: 255 of ``varchar(255)``."""
    found = _LENGTH.search(type)
    return int(found[1]) if found else None


_DATES: Final = frozenset(("date", "datetime", "time"))
_NO_TEXT: Final = frozenset(("boolean", "binary"))
#: Column type -> kinds that speak for it, kinds that speak against it. What is in neither says nothing.
_FITS: Final[dict[ColumnType, tuple[frozenset[str], frozenset[str]]]] = {
    "date": (_DATES, frozenset(("boolean", "binary", "decimal", "money", "integer", "link", "table", "choice"))),
    "datetime": (_DATES, frozenset(("boolean", "binary", "decimal", "money", "integer", "link", "table", "choice"))),
    "text": (frozenset(("text",)), _NO_TEXT | _DATES),
    "memo": (frozenset(("long_text", "text")), _NO_TEXT | _DATES | {"decimal", "money"}),
    "integer": (frozenset(("integer", "decimal")), frozenset(("boolean", "binary", "long_text", "link"))),
    "decimal": (frozenset(("decimal", "money", "integer")), _NO_TEXT | _DATES | {"link", "long_text"}),
    "money": (frozenset(("decimal", "money")), _NO_TEXT | _DATES | {"link", "long_text"}),
    "boolean": (frozenset(("boolean",)), frozenset(("decimal", "money", "binary", "link", "long_text", "time"))),
    "choice": (frozenset(("choice", "text", "integer", "link", "boolean")), frozenset(("binary", "decimal", "money"))),
    "choices": (frozenset(("choices", "choice")), frozenset(("binary", "decimal", "money"))),
    "lookup": (frozenset(("link", "integer", "uuid")), _NO_TEXT | _DATES | {"decimal", "money", "long_text"}),
    "owner": (frozenset(("link", "integer", "uuid")), _NO_TEXT | _DATES | {"decimal", "money", "long_text"}),
    "state": (frozenset(("boolean", "choice", "datetime")), frozenset(("binary", "decimal", "money", "long_text"))),
    "status": (frozenset(("choice",)), frozenset(("binary", "decimal", "money", "long_text"))),
    "file": (frozenset(("binary", "link", "text", "long_text")), _DATES | {"boolean", "decimal", "money"}),
}


def fit(kind: Kind, type: ColumnType | None) -> float:
    """1 when a kind speaks for a column type, -1 when against it, 0 when it says nothing."""
    if type is None or kind == "unknown" or type not in _FITS:
        return 0.0
    good, bad = _FITS[type]
    return 1.0 if kind in good else -1.0 if kind in bad else 0.0
