"""The four proofs of a sample: what was read back, held against the source by ways that share nothing with the map.

A comparison with what was written cannot see that the wrong thing was written. So a medical record number is compared as
text, a time as what the clinic's clock showed (read here, not by a transform), and a lookup by the ids that the linked
contact itself names.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final

from mapping.keys import source_key
from mapping.model import FieldMap
from mapping.transforms.base import or_nothing

Row = dict[str, Any]

#: When an appointment begins, in the tables that appointments may land in.
_STARTS: Final = ("ScheduledDate", "scheduledstart")
#: And ends; where the map makes the end of a start and a length, its source is no time of its own.
_END: Final = "scheduledend"

_OFFSET: Final = re.compile(r"\s?(?:Z|UTC|([+-])(\d\d):?(\d\d)?)$", re.IGNORECASE)
_HALF: Final = re.compile(r"([ap])\.?m\b", re.IGNORECASE)
_MONTH: Final = re.compile(r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*", re.IGNORECASE)
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LEADING: Final = re.compile(r"(\d{1,2})[/-](\d{1,2})[/-]\d{4}")
_FRACTION: Final = re.compile(r"(:\d\d)[.,]\d+")


def proof_of(name: str, one: FieldMap, fields: Sequence[FieldMap]) -> tuple[str, str] | None:
    """Which of ``reports.diff.PROOFS`` a field of an object's route is under, and which field of the shaped record it is
    held against: where the profile says itself whose a record is, that and not what the map reads."""
    if one.status == "ignored" or one.review == "redact":
        return None
    parent = one.args.get("object") if one.transform == "lookup" else None
    if name == "patient" and one.column == "SourceMRN":
        return "mrn", one.source
    if name == "appointment" and (one.column in _STARTS or (one.column == _END and one.transform == "datetime")):
        return "time", one.source
    if parent == "practitioner":
        alone = sum(1 for other in fields if other.args.get("object") == parent) == 1
        return "practitioner", "_practitioner" if alone else one.source
    return ("insurance", "_patient") if name == "insurance" and parent == "patient" else None


def prove(rows: Iterable[Row], system: str, zone: tzinfo) -> None:
    """Says of each row under proof whether it is ``proved``. One whose source holds nothing to prove is under none."""
    under = [row for row in rows if row["proof"]]
    orders = _orders(row for row in under if row["proof"] == "time")
    for row in under:
        truth = or_nothing(row["truth"])
        if not truth and row["proof"] != "insurance":  # an insurance is somebody's, in any case
            row["proof"] = None
            continue
        match row["proof"]:
            case "mrn":
                row["proved"] = truth == or_nothing(row["value"])
            case "time":
                row["proved"] = _same_time(truth, row["value"], zone, orders.get(row["field"], ""))
            case "practitioner":
                row["proved"] = source_key(system, "practitioner", truth) in row["linked"]
            case "insurance":
                # The contact of a patient who is a practitioner, too, has that one's SourceKey, and the patient's id.
                row["proved"] = bool(truth) and bool({source_key(system, "patient", truth), truth} & {*row["linked"]})


def _same_time(text: str, value: Any, zone: tzinfo, order: str) -> bool:
    """Whether what was read back is, on the clinic's clock, what the source says."""
    said = wall_time(text, order)
    if said is None or not isinstance(value, str):
        return False
    try:
        there = datetime.fromisoformat(value).astimezone(UTC)
    except ValueError:
        return False
    return there == said if said.tzinfo else there.astimezone(zone).replace(tzinfo=None) == said


def wall_time(text: str, order: str = "") -> datetime | None:
    """The time a text says, to the second; in UTC where it says how far it is from that, else as the clock showed it.

    ``order``: "day" or "month", which of two leading numbers is it. None where the time cannot be told.
    """
    if text.isdecimal() and len(text) in (10, 13):
        return datetime.fromtimestamp(int(text[:10]), UTC)
    offset = _OFFSET.search(text) if ":" in text else None
    body = _FRACTION.sub(r"\1", text[: offset.start()] if offset else text)
    month, half = _MONTH.search(body), _HALF.search(body)
    try:
        date, clock = _date(re.findall(r"\d+", body), month[1].lower() if month else "", order)
        hour, minute, second = [*map(int, clock), 0, 0, 0][:3]
        if half:
            hour = hour % 12 + (12 if half[1].lower() == "p" else 0)
        made = datetime(*date, hour, minute, second)
    except ValueError:
        return None
    if offset is None:
        return made
    ahead = timedelta(hours=int(offset[2] or 0), minutes=int(offset[3] or 0))
    return made.replace(tzinfo=UTC) + (ahead if offset[1] == "-" else -ahead)


def _date(numbers: list[str], month: str, order: str) -> tuple[tuple[int, int, int], list[str]]:
    """Year, month and day of the leading numbers, and the numbers after them. ValueError where they cannot be told."""
    if month and len(numbers) > 1:
        day, year = sorted(numbers[:2], key=len)
        return (int(year), _MONTHS.index(month) + 1, int(day)), numbers[2:]
    if numbers and len(numbers[0]) == 8:
        whole = numbers[0]
        return (int(whole[:4]), int(whole[4:6]), int(whole[6:])), numbers[1:]
    if len(numbers) < 3:
        raise ValueError("no date")
    first, second, third = map(int, numbers[:3])
    if len(numbers[0]) == 4:
        return (first, second, third), numbers[3:]
    if not order and first != second:
        raise ValueError("day and month cannot be told apart")
    return (third, first, second) if order == "month" else (third, second, first), numbers[3:]


def _orders(rows: Iterable[Row]) -> dict[str, str]:
    """Which of two leading numbers is the day, by field: the values that can be read in one way only say it for all."""
    seen: dict[str, set[str]] = {}
    for row in rows:
        text = or_nothing(row["truth"])
        found = seen.setdefault(row["field"], set())
        if re.match(r"\d{1,2}\.\d", text):
            found.add("day")
        elif leading := _LEADING.match(text):
            found |= {"day"} if int(leading[1]) > 12 else {"month"} if int(leading[2]) > 12 else set()
    return {field: orders.pop() for field, orders in seen.items() if len(orders) == 1}
