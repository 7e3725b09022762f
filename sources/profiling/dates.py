"""Which way a column writes its dates. The names are those of the map's transforms, so that a format can be taken over."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

DateFormat = Literal[
    "iso", "us", "day_first", "dots", "year_first", "compact", "day_month_name", "month_name_day", "us_or_day_first",
]  # fmt: skip

_CLOCK: Final = r"(?P<clock>[ T]+\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?\s*(?:[AaPp]\.?[Mm]\.?)?)?"
_DAY: Final = r"(?:0?[1-9]|[12]\d|3[01])"
_MONTH: Final = r"(?:0?[1-9]|1[0-2])"
_YEAR: Final = r"(?:1[6-9]|20|21)\d\d"
_NAME: Final = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?"

_ISO: Final = re.compile(rf"{_YEAR}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?P<clock>[T ]\d\d:\d\d.{{0,20}})?")
_SLASHES: Final = re.compile(rf"(?P<a>\d{{1,2}})[/-](?P<b>\d{{1,2}})[/-]{_YEAR}{_CLOCK}")
_OTHERS: Final[dict[DateFormat, re.Pattern[str]]] = {
    "dots": re.compile(rf"{_DAY}\.{_MONTH}\.{_YEAR}{_CLOCK}"),
    "year_first": re.compile(rf"{_YEAR}/{_MONTH}/{_DAY}{_CLOCK}"),
    "compact": re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?P<clock>)?"),
    "day_month_name": re.compile(rf"{_DAY}[- ]{_NAME}[- ,]+{_YEAR}{_CLOCK}", re.IGNORECASE),
    "month_name_day": re.compile(rf"{_NAME} {_DAY},? {_YEAR}{_CLOCK}", re.IGNORECASE),
}
#: What systems write when there is no date: neither for nor against a column of dates.
NO_DATES: Final = frozenset(("0000-00-00", "0000-00-00 00:00:00", "0001-01-01"))


@lru_cache(maxsize=1 << 15)
def date_form(text: str) -> tuple[DateFormat, bool] | None:
    """How a text writes a date and whether a time of day stands with it; None when it is no date.

    ``us_or_day_first``: day and month are both 12 or less and differ, so only other values of the column can tell.
    """
    if match := _ISO.fullmatch(text):
        return "iso", match["clock"] is not None
    if match := _SLASHES.fullmatch(text):
        first, second = int(match["a"]), int(match["b"])
        timed = match["clock"] is not None
        if 1 <= first <= 12 and 1 <= second <= 12:
            return "us_or_day_first", timed
        if first <= 12 and 13 <= second <= 31:
            return "us", timed
        if second <= 12 and 13 <= first <= 31:
            return "day_first", timed
        return None
    for name, form in _OTHERS.items():
        if match := form.fullmatch(text):
            return name, bool(match["clock"])
    return None


@dataclass(frozen=True, slots=True)
class DatesOf:
    """How a column writes its dates: formats with their counts, most frequent first."""

    formats: dict[str, int]
    timed: int  #: values with a time of day
    ambiguous: bool  #: day and month cannot be told apart, or both orders occur


def dates_of(counts: Mapping[tuple[DateFormat, bool], int]) -> DatesOf:
    """Adds up the forms of a column. Unclear ones go with the clear ones, when those agree."""
    formats = Counter[str]()
    for (name, _), count in counts.items():
        formats[name] += count
    unclear = formats.pop("us_or_day_first", 0)
    both = formats["us"] > 0 and formats["day_first"] > 0
    unsaid = unclear > 0 and not formats["us"] and not formats["day_first"]
    # A few unclear ones beside another format are odd cells, not the column's way of writing.
    ambiguous = both or (unsaid and unclear > formats.total())
    if unclear:
        sure = "us" if formats["us"] >= formats["day_first"] else "day_first"
        formats["us_or_day_first" if unsaid else sure] += unclear
    timed = sum(count for (_, clock), count in counts.items() if clock)
    return DatesOf({name: count for name, count in formats.most_common() if count}, timed, ambiguous)
