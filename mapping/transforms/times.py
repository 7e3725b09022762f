"""Dates and times: from what sources write to Dataverse's UTC, without guessing which number is the day."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import partial
from typing import Any, Final

from mapping.transforms.base import NOTHING, BadArgs, Ctx, Refused, Transform, as_text

#: Dataverse's first day.
FIRST_YEAR: Final = 1753

#: What systems write when there is no date.
_NO_DATE: Final = ("0000-00-00", "0001-01-01")

Reader = Callable[[str], datetime | None]

_ISO: Final = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?\s?(?:Z|z|UTC|[+-]\d\d(?::?\d\d)?)?)?",
    re.ASCII,
)
_FRACTION: Final = re.compile(r"[.,](\d+)")
_CLOCK: Final = r"(?:[ T]+(?P<h>\d{1,2}):(?P<m>\d\d)(?::(?P<s>\d\d)(?:\.\d+)?)?\s*(?P<half>[AaPp]\.?[Mm]\.?)?)?"
_SLASHES: Final = re.compile(r"(?P<a>\d{1,2})[/-](?P<b>\d{1,2})[/-](?P<y>\d{4})" + _CLOCK, re.ASCII)
_DOTS: Final = re.compile(r"(?P<a>\d{1,2})\.(?P<b>\d{1,2})\.(?P<y>\d{4})" + _CLOCK, re.ASCII)
_YEAR_FIRST: Final = re.compile(r"(?P<y>\d{4})/(?P<b>\d{1,2})/(?P<a>\d{1,2})" + _CLOCK, re.ASCII)
_COMPACT: Final = re.compile(r"(?P<y>\d{4})(?P<b>\d\d)(?P<a>\d\d)", re.ASCII)
_DAY_MONTH: Final = re.compile(r"(?P<a>\d{1,2})[- ](?P<mon>[A-Za-z]{3,9})\.?[- ,]+(?P<y>\d{4})" + _CLOCK, re.ASCII)
_MONTH_DAY: Final = re.compile(r"(?P<mon>[A-Za-z]{3,9})\.? (?P<a>\d{1,2}),? (?P<y>\d{4})" + _CLOCK, re.ASCII)
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH_NAMES: Final = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip


def _iso(text: str) -> datetime | None:
    if not _ISO.fullmatch(text):
        return None
    if len(text) > 19:
        # The standard parser takes 3 or 6 digits of a fraction; sources write any number. Dataverse keeps seconds.
        text = _FRACTION.sub("", text).replace("UTC", "Z").replace("z", "Z").replace(" Z", "Z")
        if text[19:20] == " ":
            text = text[:19] + text[20:]
    return datetime.fromisoformat(text)


def _from(pattern: re.Pattern[str], text: str, *, month_first: bool = False) -> datetime | None:
    match = pattern.fullmatch(text)
    if match is None:
        return None
    parts = match.groupdict()
    first, month = int(parts["a"]), parts.get("mon")
    second = _month(month) if month else int(parts["b"])
    day, month_number = (second, first) if month_first else (first, second)
    return datetime(int(parts["y"]), month_number, day, *_clock(parts))


def _month(name: str) -> int:
    key = name.lower()
    if key not in _MONTH_NAMES and key not in _MONTHS and key != "sept":
        raise ValueError("no such month")
    return _MONTHS.index(key[:3]) + 1


def _clock(parts: dict[str, str | None]) -> tuple[int, int, int]:
    hour, minute, second = (int(parts.get(key) or 0) for key in ("h", "m", "s"))
    half = (parts.get("half") or "").lower()
    if half:
        if not 1 <= hour <= 12:
            raise ValueError("hour beyond a half day")
        hour = hour % 12 + (12 if half.startswith("p") else 0)
    return hour, minute, second


def _unclear_slashes(text: str) -> datetime | None:
    """A date with slashes or dashes, only when it can be read in one way."""
    match = _SLASHES.fullmatch(text)
    if match is None:
        return None
    first, second = int(match["a"]), int(match["b"])
    if first <= 12 and second <= 12 and first != second:
        raise Refused("ambiguous_date", "Day and month cannot be told apart; give the field a date format.")
    return _from(_SLASHES, text, month_first=second > 12)


def _epoch(text: str, *, per_second: int) -> datetime | None:
    if not re.fullmatch(r"-?\d{1,15}", text, re.ASCII):
        return None
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(text) // per_second)


def _pattern(text: str, *, pattern: str) -> datetime | None:
    try:
        return datetime.strptime(text, pattern)
    except ValueError:
        return None


#: Formats by name, for ``args.format``; a name with a per-cent sign is a pattern of ``datetime.strptime``.
FORMATS: Final[dict[str, Reader]] = {
    "iso": _iso,
    "us": partial(_from, _SLASHES, month_first=True),
    "day_first": partial(_from, _SLASHES),
    "dots": partial(_from, _DOTS),
    "year_first": partial(_from, _YEAR_FIRST),
    "compact": partial(_from, _COMPACT),
    "day_month_name": partial(_from, _DAY_MONTH),
    "month_name_day": partial(_from, _MONTH_DAY),
    "epoch_seconds": partial(_epoch, per_second=1),
    "epoch_milliseconds": partial(_epoch, per_second=1000),
}

#: Without ``args.format``: what can be read in one way only.
_UNAMBIGUOUS: Final[tuple[Reader, ...]] = (
    _iso, _unclear_slashes, FORMATS["dots"], FORMATS["year_first"], FORMATS["day_month_name"],
    FORMATS["month_name_day"], FORMATS["compact"],
)  # fmt: skip


def readers(ctx: Ctx) -> tuple[Reader, ...]:
    """The readers that the field's ``format`` names, the unambiguous ones without."""
    wanted = ctx.args.get("format")
    if wanted is None:
        return _UNAMBIGUOUS
    names = [wanted] if isinstance(wanted, str) else list(wanted)
    unknown = [str(name) for name in names if name not in FORMATS and "%" not in str(name)]
    if unknown or not names:
        raise BadArgs(
            f"format {', '.join(unknown) or 'list'} is not known; known: {', '.join(FORMATS)}, or a % pattern"
        )
    return tuple(FORMATS.get(name) or partial(_pattern, pattern=name) for name in names)


def read_moment(text: str, formats: tuple[Reader, ...]) -> datetime | None:
    """The moment a text names; None for "no date". Refused: unreadable, ambiguous, impossible, before 1753."""
    if not text or text.startswith(_NO_DATE):
        return None
    for read in formats:
        try:
            moment = read(text)
        except ValueError:
            raise Refused("bad_date", "There is no such date or time.") from None
        if moment is not None:
            if moment.year < FIRST_YEAR:
                raise Refused("before_1753", "Dataverse has no dates before 1753.")
            return moment
    raise Refused("bad_date", "The value is not a date in any format this field reads.")


def _date(value: Any, ctx: Ctx) -> str | None:
    """The calendar day as written; a time and zone beside it do not move it."""
    text = as_text(value)
    moment = read_moment(text, ctx.state)
    return None if moment is None else date(moment.year, moment.month, moment.day).isoformat()


def _loses_clock(value: Any, ctx: Ctx) -> frozenset[str]:
    moment = read_moment(as_text(value), ctx.state)
    return frozenset({"time of day"}) if moment is not None and moment.time() != time() else NOTHING


def _datetime(value: Any, ctx: Ctx) -> str | None:
    return utc_text(as_text(value), ctx)


def utc_text(text: str, ctx: Ctx, later: timedelta = timedelta()) -> str | None:
    """The moment a text names, or some time later, in UTC as Dataverse takes it; None for "no date".

    ``ctx.state`` holds the readers; ``zone``, ``gap`` and ``fold`` apply to texts without a zone.
    """
    moment = read_moment(text, ctx.state)
    if moment is None:
        return None
    if moment.tzinfo is None:
        moment = localize(moment, ctx.zone, str(ctx.args.get("gap", "")), str(ctx.args.get("fold", "")))
    try:
        utc = moment.astimezone(UTC) + later
    except OverflowError:
        raise Refused("bad_date", "There is no such date or time.") from None
    if utc.year < FIRST_YEAR:
        raise Refused("before_1753", "Dataverse has no dates before 1753.")
    return f"{utc.year:04}-{utc.month:02}-{utc.day:02}T{utc.hour:02}:{utc.minute:02}:{utc.second:02}Z"


def localize(moment: datetime, zone: tzinfo, gap: str, fold: str) -> datetime:
    """A local time in its zone. Times that daylight saving skips or repeats are refused unless the field says how.

    ``gap: forward`` moves a skipped time on by the hour that is missing; ``fold: first`` or ``second`` chooses
    between the two times that share a name.
    """
    if zone is UTC:
        return moment.replace(tzinfo=UTC)
    early, late = moment.replace(tzinfo=zone, fold=0), moment.replace(tzinfo=zone, fold=1)
    if early.utcoffset() == late.utcoffset():
        return early
    exists = early.astimezone(UTC).astimezone(zone).replace(tzinfo=None, fold=0) == moment
    if exists:
        if fold not in ("first", "second"):
            raise Refused("ambiguous_time", "The clock was set back: this local time came twice that day.")
        return early if fold == "first" else late
    if gap != "forward":
        raise Refused("no_such_time", "The clock was set forward: this local time did not exist that day.")
    return early


def prepare_datetime(ctx: Ctx) -> tuple[Reader, ...]:
    """The readers of a moment, with the arguments on daylight saving checked."""
    if ctx.args.get("gap", "") not in ("", "forward") or ctx.args.get("fold", "") not in ("", "first", "second"):
        raise BadArgs("gap is forward; fold is first or second")
    return readers(ctx)


_FORMAT: Final = {
    "format": "name or list of names of date formats (" + ", ".join(FORMATS) + "), or a strptime pattern; "
    "without it ISO and what can be read in one way only"
}

TRANSFORMS: Final = (
    Transform(
        "date",
        "A calendar day, kept as written whatever time and zone stand beside it. Ambiguous, impossible and before "
        "1753: refused. 0000-00-00 and 0001-01-01 are no date.",
        _date,
        frozenset({"date"}),
        _FORMAT,
        prepare=readers,
        loses=_loses_clock,
    ),
    Transform(
        "datetime",
        "A moment, in UTC to the second. Without a zone it is read in the map's time zone; a day alone is its midnight "
        "there. Times that daylight saving skips or repeats are refused unless told.",
        _datetime,
        frozenset({"datetime"}),
        {
            **_FORMAT,
            "zone": "IANA zone of this field's times that carry none, in place of the map's",
            "gap": "forward: move a skipped local time on; otherwise it is refused",
            "fold": "first or second: which of two equal local times is meant; otherwise refused",
        },
        prepare=prepare_datetime,
    ),
)
