"""Choices through value maps: every source value has an explicit answer, or is refused."""

import re
from typing import Any, Final

from mapping.drugs import schedule
from mapping.schema import SchemaColumn
from mapping.transforms.base import ALL, NOTHING, WHICH, BadArgs, Ctx, Refused, Transform, as_text, loses_all
from mapping.transforms.texts import from_json_text

#: States a row can be put in after it was created; None leaves it open and active.
STATES: Final = ("inactive", "won", "lost", "completed", "canceled", "scheduled")
_OPEN: Final = ("", "active", "open")

#: Most options one multi-select value may name.
MAX_SELECTED: Final = 150

Answers = dict[str, Any]


def _fold(text: str) -> str:
    return text.strip().casefold()


def _options(column: SchemaColumn | None) -> dict[str, int]:
    return {_fold(label): number for label, number in column.options.items()} if column else {}


def labelled(column: SchemaColumn | None, value: Any) -> Any:
    """A value of a column as people read it: choices by their labels, everything else as it is."""
    if column is None or value is None or column.type not in ("choice", "choices"):
        return value
    labels = {number: label for label, number in column.options.items()}
    parts = str(value).split(",")
    return ", ".join(labels.get(int(part), part) if part.lstrip("-").isdigit() else part for part in parts)


def _option(label: str, options: dict[str, int]) -> int:
    number = options.get(_fold(label))
    if number is None:
        raise BadArgs(f"the column has no option {label!r}")
    return number


def _prepare_choice(ctx: Ctx) -> Answers:
    """Folded source value -> option number or None. Without a value map the options' own labels are the values.

    A value map may be partial in one way only: what it does not list must be a label of the column.
    """
    options = _options(ctx.column)
    answers: Answers = dict(options)
    for value, label in (ctx.values or {}).items():
        answers[_fold(value)] = None if label is None else _option(label, options)
    for name in ("default", "empty"):
        label = ctx.args.get(name)
        if label is not None:
            answers[f"\0{name}"] = _option(str(label), options)
    return answers


def _choice(value: Any, ctx: Ctx) -> int | None:
    answers: Answers = ctx.state
    text = as_text(value)
    if not text:
        return answers[""] if "" in answers else answers.get("\0empty")
    key = text.casefold()
    if key in answers:
        return answers[key]  # type: ignore[no-any-return]
    if "\0default" in answers:
        return answers["\0default"]  # type: ignore[no-any-return]
    raise Refused("unknown_value", "The map has no answer for this value.")


def _loses(text: str, answers: Answers, ctx: Ctx) -> frozenset[str]:
    """All of a value that has no answer of its own; which it was, of those that the value map gives one answer."""
    key = _fold(text)
    answer = answers.get(key)
    if answer is None:
        return ALL
    others = {_fold(value) for value in ctx.values or {}} - {key}
    return WHICH if any(answers[other] == answer for other in others) else NOTHING


def _choice_loses(value: Any, ctx: Ctx) -> frozenset[str]:
    return _loses(as_text(value), ctx.state, ctx)


_SEPARATORS: Final = re.compile(r"[;|\n]")


def entries_of(value: Any, separator: str | None = None) -> list[str]:
    """The texts of a multi-select that are not empty, in order: of a list, or of text split at ``separator``, else at
    ; | or line ends. Raises Refused for a list that holds lists or objects."""
    value = from_json_text(value)
    if isinstance(value, str):
        value = value.split(separator) if separator else _SEPARATORS.split(value)
    entries = value if isinstance(value, list) else [value]
    return [text for entry in entries if (text := as_text(entry))]


def _selected(value: Any, ctx: Ctx) -> list[str]:
    separator = ctx.args.get("separator")
    return entries_of(value, str(separator) if separator else None)


def _choices_lose(value: Any, ctx: Ctx) -> frozenset[str]:
    return _several_lose([_loses(text, ctx.state, ctx) for text in _selected(value, ctx)])


def _several_lose(each: list[frozenset[str]]) -> frozenset[str]:
    some = {"some of the values"}
    return (
        ALL
        if each and all(one == ALL for one in each)
        else NOTHING.union(*(some if one == ALL else one for one in each))
    )


def _choices(value: Any, ctx: Ctx) -> str | None:
    entries = _selected(value, ctx)
    numbers = {n for entry in entries if (n := _choice(entry, ctx)) is not None}
    if not numbers and "\0empty" in ctx.state:
        numbers = {ctx.state["\0empty"]}
    if len(numbers) > MAX_SELECTED:
        raise Refused("too_many_options", f"More than {MAX_SELECTED} options are selected.")
    return ",".join(map(str, sorted(numbers))) or None


def _rows(value: Any, ctx: Ctx) -> None:
    """The rows are made where the patient's record is taken apart (``mapping.derived``); its own row holds nothing."""
    _selected(value, ctx)


def _rows_lose(value: Any, ctx: Ctx) -> frozenset[str]:
    """What rows do not say: a value that the value map does not name keeps its own words."""
    entries = _selected(value, ctx)
    answers = {_fold(text): text for text in entries} | {
        _fold(text): label for text, label in (ctx.values or {}).items()
    }
    return _several_lose([_loses(text, answers, ctx) for text in entries])


def _prepare_state(ctx: Ctx) -> Answers:
    answers: Answers = {state: state for state in STATES} | dict.fromkeys(_OPEN)
    for value, state in (ctx.values or {}).items():
        if state is not None and state not in STATES and state not in _OPEN:
            raise BadArgs(f"{state!r} is not a state; states: {', '.join(STATES)}")
        answers[_fold(value)] = None if state in _OPEN else state
    return answers


def _state(value: Any, ctx: Ctx) -> str | None:
    key = as_text(value).casefold()
    if key in ctx.state:
        return ctx.state[key]  # type: ignore[no-any-return]
    if "default" in ctx.args:
        default = ctx.args["default"]
        return None if default in _OPEN else default
    raise Refused("unknown_value", "The map has no state for this value.")


def _state_loses(value: Any, ctx: Ctx) -> frozenset[str]:
    """To leave a row open is an answer, too."""
    return _loses(as_text(value), {text: state or "open" for text, state in ctx.state.items()}, ctx)


def _prepare_drug(ctx: Ctx) -> dict[str, Any]:
    options = _options(ctx.column)
    if ctx.column is None or ctx.column.type in ("text", "memo"):
        return {}
    return {label: _option(label, options) for label in ("None", "I", "II", "III", "IV", "V", "Unknown")}


def _drug_schedule(values: Any, ctx: Ctx) -> Any:
    texts = [as_text(value) for value in values] + ["", ""]
    name, code, system = texts[:3]
    if not name and not code:
        return None
    answer = schedule(system or None, code or None, name or None)
    return ctx.state.get(answer, answer)


def _prepare_constant(ctx: Ctx) -> Any:
    if "value" not in ctx.args:
        raise BadArgs("constant needs value")
    value, column = ctx.args["value"], ctx.column
    if column is not None and column.type == "choice":
        return _option(str(value), _options(column))
    if column is not None and column.type == "choices":
        labels = value if isinstance(value, list) else [value]
        return ",".join(str(n) for n in sorted({_option(str(label), _options(column)) for label in labels}))
    return value


def _constant(value: Any, ctx: Ctx) -> Any:
    return ctx.state


def _lookup(value: Any, ctx: Ctx) -> str | None:
    return as_text(value) or None


_CHOICE_ARGS: Final = {
    "default": "option for values that the value map does not list; without it they are refused",
    "empty": "option when the source has no value",
}

#: The transform whose answer is known only once the record has an owner (``mapping.compile``).
ROW_OWNER: Final = "row_owner"

TRANSFORMS: Final = (
    Transform(
        "choice",
        "A choice, through the field's value map (compared without case); a value that is itself an option's label "
        "needs no entry. Unlisted values are refused.",
        _choice,
        frozenset({"choice"}),
        _CHOICE_ARGS,
        prepare=_prepare_choice,
        reads_empty=True,
        loses=_choice_loses,
    ),
    Transform(
        "choices",
        "Several choices from a list, or from text split at ; | or line ends, each through the value map.",
        _choices,
        frozenset({"choices"}),
        {**_CHOICE_ARGS, "separator": "where text is split instead"},
        prepare=_prepare_choice,
        reads_empty=True,
        loses=_choices_lose,
    ),
    Transform(
        "rows",
        "A row of PatientPropertyValue for each value of a custom property; the field itself has no column.",
        _rows,
        frozenset({"uniqueidentifier"}),
        {"separator": "where text is split, instead of at ; | or line ends"},
        loses=_rows_lose,
    ),
    Transform(
        "state",
        "The state the row is put in at the end: " + ", ".join(STATES) + "; active and open leave it as created.",
        _state,
        frozenset({"state"}),
        {"default": "state for values that the value map does not list; without it they are refused"},
        prepare=_prepare_state,
        reads_empty=True,
        loses=_state_loses,
    ),
    Transform(
        "drug_schedule",
        "DEA schedule of a medication by the ingredients in its name. Not in the table: Unknown, never None.",
        _drug_schedule,
        frozenset({"choice", "text"}),
        {"fields": "the fields of the medication's code and its code system"},
        prepare=_prepare_drug,
        several=True,
        loses=loses_all,
    ),
    Transform(
        "constant",
        "The same value for every record; for a choice the option's label.",
        _constant,
        frozenset(),
        {"value": "the value"},
        prepare=_prepare_constant,
        reads_empty=True,
        loses=loses_all,
    ),
    Transform(
        ROW_OWNER,
        "The user who owns the row, as a party of the activity; nobody where a team owns it.",
        _lookup,
        frozenset({"parties"}),
    ),
    Transform(
        "lookup",
        "A link to the row of another record, by that record's source id.",
        _lookup,
        frozenset({"lookup", "parties"}),
        {"object": "the other record's object", "required": "true: without the link the record is an exception"},
    ),
)
