"""Numbers, yes and no, and durations. What is not exactly a number of the column's kind is refused, never rounded
unless the map says so."""

import re
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import Any, Final

from mapping.transforms.base import BadArgs, Ctx, Refused, Transform, as_text
from mapping.transforms.times import localize, read_moment, readers

INT_MIN, INT_MAX = -2_147_483_648, 2_147_483_647
DECIMAL_MAX: Final = Decimal(100_000_000_000)
MONEY_MAX: Final = Decimal(922_337_203_685_477)

#: More digits than a JSON number carries through every reader.
_DIGITS: Final = 15

_PLAIN: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_GROUPED: Final = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?", re.ASCII)
_MONEY: Final = re.compile(
    r"(?P<minus>-?)(?:[A-Z]{3} ?|[$€£] ?)?(?P<number>[+-]?[\d,.]+)(?: ?[A-Z]{3}| ?[$€£])?", re.ASCII
)


def _number(text: str) -> Decimal:
    if _PLAIN.fullmatch(text):
        return Decimal(text)
    if _GROUPED.fullmatch(text):
        return Decimal(text.replace(",", ""))
    raise Refused("not_number", "The value is not a number.")


def _places(number: Decimal, ctx: Ctx, column_places: int | None) -> Decimal:
    """The number at the places the field asks for; refused when the column would cut digits unasked."""
    wanted = ctx.args.get("places")
    if wanted is not None:
        number = number.quantize(Decimal(1).scaleb(-int(wanted)), ROUND_HALF_UP)
    exponent = number.normalize().as_tuple().exponent
    if column_places is not None and isinstance(exponent, int) and -exponent > column_places:
        raise Refused("too_precise", f"The number has more than {column_places} places after the point.")
    if len(number.normalize().as_tuple().digits) > _DIGITS:
        raise Refused("too_precise", f"The number has more than {_DIGITS} significant digits.")
    return number


def _json_number(number: Decimal) -> int | float:
    return int(number) if number == number.to_integral_value() else float(number)


def _integer(value: Any, ctx: Ctx) -> int | None:
    text = as_text(value)
    if not text:
        return None
    number = _number(text)
    if number != number.to_integral_value():
        raise Refused("not_whole", "The number is not whole.")
    if not INT_MIN <= number <= INT_MAX:
        raise Refused("out_of_range", "The number does not fit a whole-number column.")
    return int(number)


def _decimal(value: Any, ctx: Ctx) -> int | float | None:
    text = as_text(value)
    if not text:
        return None
    number = _number(text)
    if abs(number) > DECIMAL_MAX:
        raise Refused("out_of_range", "The number does not fit a decimal column.")
    return _json_number(_places(number, ctx, ctx.column.precision if ctx.column else None))


def _money(value: Any, ctx: Ctx) -> int | float | None:
    text = as_text(value)
    if not text:
        return None
    bracketed = text.startswith("(") and text.endswith(")")
    match = _MONEY.fullmatch(text[1:-1].strip() if bracketed else text)
    if match is None:
        raise Refused("not_number", "The value is not an amount of money.")
    number = _number(match["number"])
    if bracketed or match["minus"]:
        number = -number
    if abs(number) > MONEY_MAX:
        raise Refused("out_of_range", "The amount does not fit a money column.")
    return _json_number(_places(number, ctx, ctx.column.precision if ctx.column else None))


_TRUE: Final = ("true", "t", "yes", "y", "1", "on")
_FALSE: Final = ("false", "f", "no", "n", "0", "off")


def _prepare_boolean(ctx: Ctx) -> dict[str, bool]:
    answers = dict.fromkeys(_TRUE, True) | dict.fromkeys(_FALSE, False)
    for name, answer in (("true", True), ("false", False)):
        for word in ctx.args.get(name, []):
            answers[str(word).strip().casefold()] = answer
    return {word: not answer for word, answer in answers.items()} if ctx.args.get("invert") else answers


def _boolean(value: Any, ctx: Ctx) -> bool | None:
    text = as_text(value).casefold()
    if not text:
        return None
    try:
        return bool(ctx.state[text])
    except KeyError:
        raise Refused("not_boolean", "The value is neither yes nor no.") from None


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
        seconds = _length(first, str(ctx.args.get("unit", "minutes")), int(ctx.args.get("step", 5))) if first else None
    if seconds is None:
        return None
    minutes = seconds / 60
    if minutes != minutes.to_integral_value():
        rounding = _ROUNDING.get(str(ctx.args.get("round", "")))
        if rounding is None:
            raise Refused("not_whole", "The duration is not a whole number of minutes.")
        minutes = minutes.to_integral_value(rounding)
    if not 0 <= minutes <= INT_MAX:
        raise Refused("out_of_range", "The duration is negative or too long.")
    return int(minutes)


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


def _length(text: str, unit: str, step: int) -> Decimal:
    if unit in _SECONDS:
        return _number(text) * _SECONDS[unit]
    if unit == "marks":
        if set(text) - set("Xx/"):
            raise Refused("not_duration", "The value is not a time pattern of X and / marks.")
        return Decimal(len(text) * step * 60)
    match = (_ISO_DURATION if unit == "iso" else _CLOCK).fullmatch(text)
    if match is None or not any(match.groups()):
        raise Refused("not_duration", "The value is not a duration in the unit this field reads.")
    sizes = (86_400, 3_600, 60, 1) if unit == "iso" else (3_600, 60, 1)
    return sum((Decimal(part or 0) * size for part, size in zip(match.groups(), sizes, strict=True)), Decimal(0))


def _prepare_duration(ctx: Ctx) -> Any:
    if ctx.args.get("unit", "minutes") not in _UNITS:
        raise BadArgs(f"unit is one of {', '.join(_UNITS)}")
    if ctx.args.get("round", "up") not in _ROUNDING:
        raise BadArgs(f"round is one of {', '.join(_ROUNDING)}")
    return readers(ctx)


_NUMBER_ARGS: Final = {"places": "round half up to this many places; otherwise surplus places are refused"}

TRANSFORMS: Final = (
    Transform(
        "integer", "A whole number; fractions and what exceeds 32 bits are refused.", _integer, frozenset({"integer"})
    ),
    Transform("decimal", "A decimal number.", _decimal, frozenset({"decimal"}), _NUMBER_ARGS),
    Transform(
        "money",
        "An amount; a currency sign or code, thousands commas and accounting brackets are understood.",
        _money,
        frozenset({"money", "decimal"}),
        _NUMBER_ARGS,
    ),
    Transform(
        "boolean",
        "Yes or no: true/false, t/f, yes/no, y/n, 1/0, on/off; other words when listed.",
        _boolean,
        frozenset({"boolean"}),
        {
            "true": "further words that mean yes",
            "false": "further words that mean no",
            "invert": "true when the source says the opposite of the column",
        },
        prepare=_prepare_boolean,
    ),
    Transform(
        "duration",
        "Minutes, from a number in some unit, or between the field's own time and the one in args.fields.",
        _duration,
        frozenset({"integer"}),
        {
            "unit": "minutes, seconds, hours, iso (PT1H30M), clock (1:30), or marks (X and / signs)",
            "step": "minutes a mark stands for, 5 unless given",
            "fields": "the end's source field, when the field itself is the start",
            "format": "date formats of start and end",
            "round": "up, down or nearest; otherwise parts of a minute are refused",
        },
        prepare=_prepare_duration,
        several=True,
    ),
)
