"""How long something takes, and when it ends."""

import re
from datetime import timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import Any, Final

from mapping.transforms.base import ALL, NOTHING, BadArgs, Ctx, Refused, Transform, as_text
from mapping.transforms.numbers import INT_MAX, read_number
from mapping.transforms.times import localize, prepare_datetime, read_moment, readers, utc_text

_ISO_DURATION: Final = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", re.IGNORECASE)
_CLOCK: Final = re.compile(r"(\d{1,3}):(\d\d)(?::(\d\d))?")
_SECONDS: Final = {"seconds": 1, "minutes": 60, "hours": 3600}
_UNITS: Final = (*_SECONDS, "iso", "clock", "marks")
_ROUNDING: Final = {"up": ROUND_CEILING, "down": ROUND_FLOOR, "nearest": ROUND_HALF_EVEN}


def _duration(values: Any, ctx: Ctx) -> int | None:
    first = as_text(values[0])
    if len(values) > 1:
        second = as_text(values[1])
        seconds = _between(first, second, ctx) if first and second else None
    else:
        seconds = _length(first, ctx) if first else None
    return None if seconds is None else _minutes(seconds, ctx)


def _minutes(seconds: Decimal, ctx: Ctx) -> int:
    minutes = seconds / 60
    if minutes != minutes.to_integral_value():
        rounding = _ROUNDING.get(str(ctx.args.get("round", "")))
        if rounding is None:
            raise Refused("not_whole", "The duration is not a whole number of minutes.")
        minutes = minutes.to_integral_value(rounding)
    if not 0 <= minutes <= INT_MAX:
        raise Refused("out_of_range", "The duration is negative or too long.")
    return int(minutes)


def _duration_loses(values: Any, ctx: Ctx) -> frozenset[str]:
    """Of a start and an end, both; of a length, what rounding takes."""
    if len(values) > 1:
        return ALL
    whole = _length(as_text(values[0]), ctx) % 60 == 0
    return NOTHING if whole else frozenset({"parts of a minute"})


def _between(start: str, end: str, ctx: Ctx) -> Decimal | None:
    moments = []
    for text in (start, end):
        moment = read_moment(text, ctx.state)
        if moment is None:
            return None
        # How long it took hardly depends on the hour that was repeated, so the two may be told apart freely here.
        moments.append(moment if moment.tzinfo else localize(moment, ctx.zone, "forward", "first"))
    # Through timestamps: two moments of one zone would be subtracted as wall-clock times, an hour off at a change.
    return Decimal(round(moments[1].timestamp() - moments[0].timestamp()))


def _length(text: str, ctx: Ctx) -> Decimal:
    """Seconds."""
    unit, step = str(ctx.args.get("unit", "minutes")), int(ctx.args.get("step", 5))
    if unit in _SECONDS:
        return read_number(text) * _SECONDS[unit]
    if unit == "marks":
        if set(text) - set("Xx/"):
            raise Refused("not_duration", "The value is not a time pattern of X and / marks.")
        return Decimal(len(text) * step * 60)
    match = (_ISO_DURATION if unit == "iso" else _CLOCK).fullmatch(text)
    if match is None or not any(match.groups()):
        raise Refused("not_duration", "The value is not a duration in the unit this field reads.")
    sizes = (86_400, 3_600, 60, 1) if unit == "iso" else (3_600, 60, 1)
    return sum((Decimal(part or 0) * size for part, size in zip(match.groups(), sizes, strict=True)), Decimal(0))


def _end_time(values: Any, ctx: Ctx) -> str | None:
    """Start plus length; the start itself where the source has no length."""
    length = as_text(values[1]) if len(values) > 1 else ""
    later = timedelta(minutes=_minutes(_length(length, ctx), ctx)) if length else timedelta()
    return utc_text(as_text(values[0]), ctx, later)


def _end_time_loses(values: Any, ctx: Ctx) -> frozenset[str]:
    """The start, which a length was added to."""
    return ALL if any(as_text(value) for value in values[1:]) else NOTHING


def _prepare_end_time(ctx: Ctx) -> Any:
    _prepare_duration(ctx)
    return prepare_datetime(ctx)


def _prepare_duration(ctx: Ctx) -> Any:
    if ctx.args.get("unit", "minutes") not in _UNITS:
        raise BadArgs(f"unit is one of {', '.join(_UNITS)}")
    if ctx.args.get("round", "up") not in _ROUNDING:
        raise BadArgs(f"round is one of {', '.join(_ROUNDING)}")
    return readers(ctx)


_LENGTH_ARGS: Final = {
    "unit": "minutes, seconds, hours, iso (PT1H30M), clock (1:30), or marks (X and / signs)",
    "step": "minutes a mark stands for, 5 unless given",
    "round": "up, down or nearest; otherwise parts of a minute are refused",
}

TRANSFORMS: Final = (
    Transform(
        "duration",
        "Minutes, from a number in some unit, or between the field's own time and the one in args.fields.",
        _duration,
        frozenset({"integer"}),
        {
            **_LENGTH_ARGS,
            "fields": "the end's source field, when the field itself is the start",
            "format": "date formats of start and end",
        },
        prepare=_prepare_duration,
        several=True,
        loses=_duration_loses,
    ),
    Transform(
        "end_time",
        "The moment something ends, from its start and the length in args.fields; the start where there is no length.",
        _end_time,
        frozenset({"datetime"}),
        {
            **_LENGTH_ARGS,
            "fields": "the source field of the length",
            "format": "date formats of the start",
            "zone": "IANA zone of starts that carry none, in place of the map's",
            "gap": "forward: move a skipped local time on; otherwise it is refused",
            "fold": "first or second: which of two equal local times is meant; otherwise refused",
        },
        prepare=_prepare_end_time,
        several=True,
        loses=_end_time_loses,
    ),
)
