"""What kind of value a text is, and whether it or its column's name points at protected health information."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, Literal

from mapping.model import PhiClass

#: From narrow to wide; ``merge_types`` walks them.
ValueType = Literal["boolean", "integer", "decimal", "date", "datetime", "text", "memo"]

#: Longest text that is offered as a one-line column; longer ones become memo.
LINE_LENGTH: Final = 500

#: What a decimal column and a JSON number hold exactly. Beyond (0.30000000000000004), a text keeps the value as it is.
DECIMAL_PLACES: Final = 10
DECIMAL_DIGITS: Final = 15

_INTEGER: Final = re.compile(r"0|[+-]?[1-9]\d{0,8}")
_DECIMAL: Final = re.compile(r"[+-]?(?:0|[1-9]\d{0,10})\.\d+|0|[+-]?[1-9]\d{0,10}")
_DATE: Final = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])")
_DATETIME: Final = re.compile(_DATE.pattern + r"[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?\s?(?:Z|[+-]\d\d:?\d\d)?")
_BOOLEAN: Final = frozenset(("true", "false", "yes", "no", "t", "f", "y", "n"))

_CODES: Final = re.compile(r"fips|zip|postal|code|(?:^|[_ ])id$|number|phone|ssn|npi")
_PHI_OF_SHAPE: Final[dict[str, PhiClass]] = {"email": "contact", "phone": "contact", "ssn": "ssn"}

#: A social security number by itself or as a part of a longer id.
SSN_WITHIN: Final = r"(^|[^0-9-])[0-9]{3}-[0-9]{2}-[0-9]{4}([^0-9-]|$)"

#: Words of file names that speak of billing; 835 and 837 are the X12 transactions of remittance and claim.
BILLING: Final = re.compile(
    r"bill|invoic|claim|payment|remit|charge|ledger|superbill|(?<!\d)83[57](?!\d)", re.IGNORECASE
)

#: Names of columns that hold what opens doors: never looked at, never staged.
SECRET: Final = re.compile(r"passw|pwd$|secret|token|salt$|hash(?:ed)?$", re.IGNORECASE)

#: Where a word of a column's name ends: createdAt, Staff ID, address.city.
_BREAKS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+")

#: Parts of column names that give protected data away, most telling first.
_NAMES: Final[tuple[tuple[re.Pattern[str], PhiClass], ...]] = (
    (re.compile(r"ssn|social.?sec|passport|drivers|national.?id"), "ssn"),
    (re.compile(r"substance|alcohol|drug.?addict"), "substance_use"),
    (re.compile(r"psych|mental|violence|sexual"), "behavioural_health"),
    (re.compile(r"controlled|(?:^|_)dea(?:_|$)"), "controlled_substance"),
    (re.compile(r"birth|death|dob\b|deceas|date|_at$|start|stop|_on$"), "date"),
    (re.compile(r"e.?mail|phone|mobile|fax|(?:^|_)cell|emergency.?contact|next.of.kin"), "contact"),
    (re.compile(r"street|address|city|zip|postal|county|country|^state$|(?:^|_)(?:lat|lon)(?:_|$)"), "address"),
    (re.compile(r"(?:first|last|family|owner|subscriber|preferred).?name|surname|maiden|middle|given|^(?:first|last|name)$"), "name"),
    (re.compile(r"insur|payer|policy|member.?id|subscriber|coverage"), "insurance"),
    (re.compile(r"note|comment|narrative|history|complaint|summary"), "clinical_note"),
    (re.compile(r"diagnos|allerg|medic|condition|reason|race|ethnic|gender|(?:^|_)sex(?:_|$)|marital|blood"), "clinical"),
    (re.compile(r"drug|dose|dosage|rx_?norm|(?:^|_)(?:sig|ndc|icd|dx)|vaccin|reaction|procedure|treatment|pharmac"), "clinical"),
    (re.compile(r"cost|charge|amount|income|expense|balance|revenue"), "financial"),
    (re.compile(r"file_?(?:name|path)|document"), "document"),
    (re.compile(r"mrn|patient|attendee|(?:^|_)pid(?:_|$)|(?:^|_)id$|ref$|npi"), "id"),
)  # fmt: skip


@lru_cache(maxsize=1 << 15)  # most columns repeat themselves
def type_of(text: str) -> ValueType:
    """The narrowest type that holds the text exactly. Numbers with leading zeros and long digit strings are texts."""
    if _INTEGER.fullmatch(text):
        return "integer"
    if _DECIMAL.fullmatch(text):
        places = len(text.partition(".")[2])
        digits = sum(map(str.isdigit, text.lstrip("+-0.")))
        return "decimal" if places <= DECIMAL_PLACES and digits <= DECIMAL_DIGITS else "text"
    if _DATE.fullmatch(text):
        return "date"
    if _DATETIME.fullmatch(text):
        return "datetime"
    if text.lower() in _BOOLEAN:
        return "boolean"
    return "memo" if len(text) > LINE_LENGTH or "\n" in text else "text"


def merge_types(types: Iterable[ValueType]) -> ValueType | None:
    """The narrowest type that holds values of all of these; None of none."""
    found = set(types)
    if not found:
        return None
    if len(found) == 1:
        return found.pop()
    if found == {"integer", "decimal"}:
        return "decimal"
    if found == {"date", "datetime"}:
        return "datetime"
    return "memo" if "memo" in found else "text"


def is_code(column: str) -> bool:
    """Whether a column's name says that its digits are a code or number to call by, not an amount."""
    return bool(_CODES.search(column.casefold()))


def phi_of(column: str, shapes: Iterable[str]) -> PhiClass:
    """The PHI class that the values' patterns or else the column's name suggest."""
    for shape in shapes:
        if shape in _PHI_OF_SHAPE:
            return _PHI_OF_SHAPE[shape]
    folded = _BREAKS.sub("_", column).casefold()
    return next((phi for pattern, phi in _NAMES if pattern.search(folded)), "none")
