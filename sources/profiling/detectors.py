"""Patterns of values: what an identifier, code or address looks like, with its check digit where it has one.

Sources: NPI, 45 CFR 162.406 and the CMS check digit note (Luhn over 80840 and the number); DEA number, 21 CFR 1301.13
and the agency's check digit rule; NDC, 21 CFR 207.33 (segments 4-4-2, 5-3-2, 5-4-1, 5-4-2 in bills); ICD-10-CM, CMS
guidelines (letter, digit, alphanumeric, then up to four behind a dot); CPT, five digits or four and F, T, U or A.
A pattern says what a value could be: five digits are a ZIP code, a CPT code and a number. The column's name decides.
"""

import re
from functools import lru_cache
from typing import Final, Literal

Pattern = Literal[
    "email", "ssn", "phone", "zip", "uuid", "url", "npi", "dea", "ndc", "icd10", "cpt", "html", "money", "percent",
    "state", "file", "leading_zero",
]  # fmt: skip

_FORMS: Final[dict[Pattern, re.Pattern[str]]] = {
    "email": re.compile(r"[^@\s;,]+@[^@\s;,]+\.[^@\s;,.]{2,}"),
    "ssn": re.compile(r"(?!000)\d{3}-(?!00)\d\d-(?!0000)\d{4}"),
    "phone": re.compile(r"(?:\+?1[-. ]?)?(?:\(\d{3}\)|\d{3})[-. ]?\d{3}[-. ]?\d{4}(?: ?(?:x|ext\.?) ?\d+)?|\+\d{8,15}"),
    "zip": re.compile(r"\d{5}(?:-?\d{4})?"),
    "uuid": re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
    "url": re.compile(r"(?:https?|ftp)://\S+|www\.\S+\.\S+"),
    "npi": re.compile(r"[12]\d{9}"),
    "dea": re.compile(r"[A-Za-z][A-Za-z9]\d{7}(?:-\w+)?"),
    "ndc": re.compile(r"\d{4}-\d{4}-\d\d|\d{5}-\d{3}-\d\d|\d{5}-\d{4}-\d{1,2}"),
    "icd10": re.compile(r"[A-TV-Za-tv-z]\d[0-9A-Za-z](?:\.[0-9A-Za-z]{1,4})?"),
    "cpt": re.compile(r"\d{4}[0-9FTUA]"),
    "html": re.compile(r"(?s).*</?[a-zA-Z][^>]*>.*"),
    "money": re.compile(r"-?[$€£]\s?\d[\d,]*(?:\.\d\d?)?|-?\d[\d,]*\.\d\d"),
    "percent": re.compile(r"-?\d+(?:\.\d+)?\s?%"),
    "file": re.compile(r"[^\n<>|]{1,240}\.(?:pdf|docx?|xlsx?|txt|csv|rtf|html?|xml|jpe?g|png|tiff?|gif|bmp|dcm|zip|hl7)", re.I),
    "leading_zero": re.compile(r"0\d+"),
}  # fmt: skip

_STATES: Final = frozenset(re.findall(r"\w+",
    "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA "
    "PR RI SC SD TN TX UT VT VA VI WA WV WI WY GU AS MP",
))  # fmt: skip


def luhn(digits: str) -> bool:
    """Whether the last digit is the Luhn check digit of the others."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def is_npi(text: str) -> bool:
    """Ten digits, the first 1 or 2, whose last is the Luhn check digit with 80840 in front."""
    return bool(_FORMS["npi"].fullmatch(text)) and luhn(f"80840{text}")


def is_dea(text: str) -> bool:
    """Two letters (or a letter and 9) and seven digits: odd places plus twice the even ones end in the last digit."""
    if not _FORMS["dea"].fullmatch(text):
        return False
    digits = [int(digit) for digit in text[2:9]]
    return (sum(digits[0:6:2]) + 2 * sum(digits[1:6:2])) % 10 == digits[6]


#: Patterns whose form is not enough.
_CHECKS: Final = {"npi": is_npi, "dea": is_dea}


@lru_cache(maxsize=1 << 15)
def patterns_of(text: str) -> frozenset[Pattern]:
    """Every pattern that the whole of a trimmed text has."""
    found: set[Pattern] = set()
    for name, form in _FORMS.items():
        if form.fullmatch(text) and (name not in _CHECKS or _CHECKS[name](text)):
            found.add(name)
    if text in _STATES:
        found.add("state")
    return frozenset(found)


def has_form(text: str, pattern: Pattern) -> bool:
    """Whether a text has the form of a pattern, check digit or not: a wrong NPI still looks like one."""
    return bool(_FORMS[pattern].fullmatch(text))


#: What separates several values in one cell, most telling first.
SEPARATORS: Final = (";", "|", "~", ",")
#: Longest part of such a cell, and most words in it: beyond, it is prose.
_PART, _WORDS = 80, 6


@lru_cache(maxsize=1 << 14)
def separator_of(text: str) -> str | None:
    """The separator that splits a text into at least two short parts; None for one value and for prose."""
    for separator in SEPARATORS:
        parts = [part.strip() for part in text.split(separator) if part.strip()]
        if len(parts) >= 2 and all(len(part) <= _PART and part.count(" ") < _WORDS for part in parts):
            return separator
    return None
