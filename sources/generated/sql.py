"""Pieces of SQL over staged rows: cells by path, ids, flags, moments."""

import re
from typing import Final

from sources.database import quoted
from sources.hashing import PLAIN
from sources.patterns import SECRET
from sources.profiling.model import DatasetDocument, FieldProfile
from sources.profiling.names import words

_DELETED: Final = frozenset(("deleted", "delete", "void", "voided", "trashed", "removed", "tombstoned"))
_NOT_A_FLAG: Final = frozenset(("by", "reason", "user", "count"))

#: Patterns of DuckDB's strptime by format of a column's dates; ISO texts are left as they are.
_CLOCKS: Final = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
_DAYS: Final = {
    "us": "%m/%d/%Y", "us_or_day_first": "%m/%d/%Y", "day_first": "%d/%m/%Y", "dots": "%d.%m.%Y",
    "year_first": "%Y/%m/%d", "compact": "%Y%m%d", "day_month_name": "%d-%b-%Y", "month_name_day": "%b %d, %Y",
}  # fmt: skip


def text(value: str) -> str:
    """A text literal."""
    return "'" + value.replace("'", "''") + "'"


def cell(document: DatasetDocument, name: str, row: str = "t") -> str:
    """The cell of a column as text, NULL when empty; a path goes into the JSON of the column it begins with.

    Ids that must not be shown are hashed: those of a whole cell were when they were staged, others are here.
    """
    if name in document.columns:
        return f"{row}.{quoted(name)}"
    found = _nested(document, name, row)
    return f"keyed({found})" if name in document.hashed else found


def _nested(document: DatasetDocument, name: str, row: str) -> str:
    top = max((one for one in document.columns if name.startswith(f"{one}.")), key=len)
    path = name[len(top) + 1 :].split(".")
    field = document.field(name)
    last = "->" if field is not None and field.nested else "->>"
    steps = "".join(f"->{text(step)}" for step in path[:-1]) + f"{last}{text(path[-1])}"
    found = f"({row}.{quoted(top)}::JSON{steps})"
    return f"nullif({found}::VARCHAR, '')"


def plain_cell(document: DatasetDocument, name: str, row: str = "t") -> str:
    """The value itself of a cell whose ids are hashed."""
    return f"{row}.{quoted(PLAIN + name)}" if name in document.columns else _nested(document, name, row)


def one_line(document: DatasetDocument, name: str, row: str = "t") -> str:
    """A cell as text; the members of a list of texts are joined."""
    field = document.field(name)
    found = cell(document, name, row)
    if field is not None and field.nested == "list":
        return f"""nullif(array_to_string(from_json({found}, '["VARCHAR"]'), ', '), '')"""
    return found


def id_of(document: DatasetDocument, name: str, row: str = "t") -> str:
    """A cell that holds an id: trimmed, NULL when nothing is left."""
    return f"nullif(trim({cell(document, name, row)}), '')"


def key_of(document: DatasetDocument, row: str = "t") -> str:
    """The id of a row: its key; of several columns joined; of a dataset without one, a digest of the row."""
    if len(document.key) == 1:
        return id_of(document, document.key[0], row)
    if document.key:
        return "concat_ws('|', " + ", ".join(id_of(document, name, row) for name in document.key) + ")"
    cells = ", ".join(f"coalesce({row}.{quoted(name)}, '')" for name in document.columns if not SECRET.search(name))
    digest = f"md5(concat_ws(chr(31), {cells}))"
    # Rows alike in every cell are told apart by their order among themselves.
    return f"{digest} || '-' || row_number() OVER (PARTITION BY {digest} ORDER BY {row}._row)"


def deleted_field(document: DatasetDocument) -> FieldProfile | None:
    """The column that marks deleted rows, if there is one."""
    for field in document.fields:
        said = set(words(field.name))
        if said & _DELETED and not said & _NOT_A_FLAG and (field.type in ("boolean", "integer") or field.dates):
            return field
    return None


def is_deleted(document: DatasetDocument, row: str = "t") -> str | None:
    """SQL that holds for deleted rows; None when nothing marks them."""
    field = deleted_field(document)
    if field is None:
        return None
    found = cell(document, field.name, row)
    return f"{found} IS NOT NULL" if field.dates else f"is_true({found})"


def moment(document: DatasetDocument, name: str, row: str = "t") -> str:
    """A date or time as ISO text where it is written otherwise; what cannot be read stays as it is."""
    field = document.field(name)
    found = cell(document, name, row)
    formats = [] if field is None else [_DAYS[one] for one in field.dates if one in _DAYS]
    if not formats:
        return found
    patterns = ", ".join(text(day + clock) for day in formats for clock in _CLOCKS)
    return f"coalesce(strftime(try_strptime({found}, [{patterns}]), '%Y-%m-%d %H:%M:%S'), {found})"


def minutes(found: str) -> str:
    """A length of time in minutes where it is written as 1:30 or 45 min; else as it is."""
    clock = f"split_part({found}, ':', 1)::BIGINT * 60 + split_part({found}, ':', 2)::BIGINT"
    return (
        f"CASE WHEN regexp_full_match({found}, '\\d{{1,3}}:[0-5]\\d') THEN ({clock})::VARCHAR "
        f"WHEN regexp_full_match({found}, '\\d+ ?min(ute)?s?') THEN regexp_extract({found}, '^\\d+') ELSE {found} END"
    )


def diagnoses(found: str, separator: str) -> str:
    """A list of diagnoses, one an entry: ``ICD10:E11.9|Type 2 diabetes`` becomes ``ICD-10-CM E11.9 Type 2 diabetes``."""
    plain = "trim(replace(regexp_replace(trim(one), '^ICD-?10(-?CM)?[: ]+', 'ICD-10-CM '), '|', ' '))"
    entries = f"list_filter(string_split({found}, {text(separator)}), lambda one: trim(one) != '')"
    return f"list_transform({entries}, lambda one: {plain})"


def identifier(name: str) -> str:
    """A name as an identifier of small letters."""
    found = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()).strip("_")
    return found if found[:1].isalpha() else f"f_{found}"
