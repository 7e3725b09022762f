"""Numbers, and yes and no. What is not exactly a number of the column's kind is refused, never rounded
unless the map says so."""

import re
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from mapping.transforms.base import NOTHING, WHICH, Ctx, Refused, Transform, as_text

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


def read_number(text: str) -> Decimal:
    """The number a text names, thousands commas understood; Refused when it names none."""
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


def _loses_places(value: Any, ctx: Ctx) -> frozenset[str]:
    """What ``places`` rounds away."""
    if "places" not in ctx.args:
        return NOTHING
    match = _MONEY.fullmatch(as_text(value).strip("() "))
    number = read_number(match["number"] if match else as_text(value))
    return NOTHING if number == round(number, int(ctx.args["places"])) else frozenset({"digits after the point"})


def _json_number(number: Decimal) -> int | float:
    return int(number) if number == number.to_integral_value() else float(number)


def _integer(value: Any, ctx: Ctx) -> int | None:
    text = as_text(value)
    if not text:
        return None
    number = read_number(text)
    if number != number.to_integral_value():
        raise Refused("not_whole", "The number is not whole.")
    if not INT_MIN <= number <= INT_MAX:
        raise Refused("out_of_range", "The number does not fit a whole-number column.")
    return int(number)


def _decimal(value: Any, ctx: Ctx) -> int | float | None:
    text = as_text(value)
    if not text:
        return None
    number = read_number(text)
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
    number = read_number(match["number"])
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


def _loses_word(value: Any, ctx: Ctx) -> frozenset[str]:
    """Of words that the map lists for one answer, which it was; yes and y are the same word."""
    lists = ([str(word).strip().casefold() for word in ctx.args.get(name, [])] for name in ("true", "false"))
    text = as_text(value).casefold()
    return WHICH if any(text in words and len(words) > 1 for words in lists) else NOTHING


_NUMBER_ARGS: Final = {"places": "round half up to this many places; otherwise surplus places are refused"}

TRANSFORMS: Final = (
    Transform(
        "integer", "A whole number; fractions and what exceeds 32 bits are refused.", _integer, frozenset({"integer"})
    ),
    Transform("decimal", "A decimal number.", _decimal, frozenset({"decimal"}), _NUMBER_ARGS, loses=_loses_places),
    Transform(
        "money",
        "An amount; a currency sign or code, thousands commas and accounting brackets are understood.",
        _money,
        frozenset({"money", "decimal"}),
        _NUMBER_ARGS,
        loses=_loses_places,
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
        loses=_loses_word,
    ),
)
