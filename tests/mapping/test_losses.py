"""What of a value a transform leaves behind: told value by value, and only what is really lost."""

from collections.abc import Mapping
from datetime import UTC
from typing import Any

import pytest

from mapping.model import FieldMap
from mapping.schema import SchemaColumn
from mapping.steps import losses, lost_by_all, step_of
from mapping.transforms import REGISTRY
from mapping.transforms.base import ALL, NOTHING, WHICH
from tests.mapping.support import column

SEXES = column("choice", options={"Male": 1, "Female": 2, "Other": 3})
HOBBIES = column("choices", options={"Reading": 1, "Sports": 2})
CLOCK, DIGITS, ENDS = {"time of day"}, {"digits after the point"}, {"where each part ends"}


def lost(
    transform: str, given: Any, /, into: SchemaColumn | None = None, *others: Any, values: Mapping[str, str | None] | None = None,
    **args: Any,
) -> frozenset[str]:  # fmt: skip
    """What is lost of the value of field ``a``. ``others``: values of the further fields that the transform reads."""
    names = [f"b{number}" for number, _ in enumerate(others)]
    args |= {"fields": names} if others else {}
    field = FieldMap(source="a", transform=transform, args=args, values=dict(values) if values else None)
    return losses(step_of("patient", field, into, UTC), {"a": given, **dict(zip(names, others, strict=True))})


@pytest.mark.parametrize(
    "name", ["text", "identifier", "phone", "zip", "email", "npi", "json_text", "integer", "datetime", "lookup"]
)
def test_what_only_changes_its_form_loses_nothing(name: str) -> None:
    assert lost(name, "2026-11-29T10:00:00-05:00" if name == "datetime" else " 12 ") == NOTHING


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-11-29", NOTHING),
        ("2026-11-29 00:00:00", NOTHING),
        ("11/29/2026 12:00 AM", NOTHING),
        ("2026-11-29T00:00:01Z", CLOCK),
        ("11/29/2026 9:30 AM", CLOCK),
        ("0000-00-00", NOTHING),  # no date
        ("", NOTHING),
        (None, NOTHING),
    ],
)
def test_a_day_loses_the_time_that_stands_beside_it(value: Any, expected: object) -> None:
    assert lost("date", value, format=["iso", "us"]) == expected


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("decimal", "1,234.50", NOTHING),
        ("decimal", "1.505", DIGITS),
        ("decimal", "1.5055e2", DIGITS),
        ("money", "$12.50 USD", NOTHING),
        ("money", "($12.509)", DIGITS),
    ],
)
def test_rounding_loses_only_digits_that_were_there(name: str, value: str, expected: object) -> None:
    assert lost(name, value, places=1 if name == "decimal" else 2) == expected
    assert lost(name, value) == NOTHING  # what does not fit is refused then


def test_a_choice_loses_which_of_the_values_it_was_that_became_one() -> None:
    values = {"M": "Male", "F": "Female", "man": "Male", "x": "Other", "none of it": None}
    for value, expected in (("m", WHICH), ("man", WHICH), ("F", NOTHING), ("female", WHICH), ("none of it", ALL)):
        assert lost("choice", value, SEXES, values=values) == expected, value
    assert lost("choice", "Male", SEXES) == NOTHING
    assert lost("choice", "not listed", SEXES, values=values, default="Other") == ALL


def test_several_choices_lose_those_that_are_dropped() -> None:
    values = {"books": "Reading", "comics": "Reading", "naps": None}
    assert lost("choices", "sports", HOBBIES, values=values) == NOTHING
    assert lost("choices", "books; sports", HOBBIES, values=values) == WHICH
    assert lost("choices", "naps|sports", HOBBIES, values=values) == {"some of the values"}
    assert lost("choices", ["naps"], HOBBIES, values=values) == ALL
    assert lost("choices", ";", HOBBIES, values=values) == NOTHING
    assert lost("rows", "books; chess", values=values) == WHICH
    assert lost("rows", "chess; naps", values=values) == {"some of the values"}


def test_a_state_and_a_yes_lose_what_was_folded_into_them() -> None:
    states = {"gone": "inactive", "deceased": "inactive", "here": "active"}
    assert [lost("state", value, values=states) for value in ("gone", "here", "won")] == [WHICH, NOTHING, NOTHING]
    assert lost("state", "unheard of", values=states, default="active") == ALL
    assert [lost("boolean", value, true=["smoker", "ex"]) for value in ("Y", "EX", "no")] == [NOTHING, WHICH, NOTHING]
    assert lost("boolean", "smoker", true=["smoker"]) == NOTHING


def test_texts_lose_markup_and_where_parts_end() -> None:
    assert [lost("html_to_text", text) for text in ("a &amp; b", "<p>a</p>")] == [NOTHING, {"markup"}]
    assert [lost("text", entries) for entries in (["a", "b"], ["a; b", "c"], ["a; b"])] == [NOTHING, ENDS, NOTHING]
    assert [lost("join", "Ann", None, other) for other in ("Lee", "", "van Dyke")] == [NOTHING, NOTHING, ENDS]
    assert [lost("first_of", "a", None, other) for other in ("", "a", "b")] == [NOTHING, NOTHING, {"the other fields"}]
    entries = [{"code": "E11", "text": "Diabetes", "rank": ""}]
    assert lost("lines", entries, keys=["code", "text"]) == lost("lines", ["a", "b"]) == NOTHING
    assert lost("lines", entries, keys=["code"]) == {"other parts of an entry"}


def test_lengths_and_ends_are_made_of_times_that_they_do_not_tell() -> None:
    assert [lost("duration", text, round="up") for text in ("30", "30.5")] == [NOTHING, {"parts of a minute"}]
    assert lost("duration", "2026-11-29T10:00", None, "2026-11-29T10:30") == ALL
    assert [lost("end_time", "2026-11-29T10:00", None, length) for length in ("", "30")] == [NOTHING, ALL]


@pytest.mark.parametrize("name", ["constant", "redacted", "drug_schedule"])
def test_what_is_not_made_of_the_value_says_nothing_of_it(name: str) -> None:
    into = column("text")
    assert lost(name, "Oxycodone 5 mg", into, value="x") == ALL
    assert lost(name, "", into, value="x") == NOTHING
    assert lost(name, "unknown", into, value="x", none=["unknown"]) == NOTHING


def test_a_field_loses_what_none_of_its_columns_has() -> None:
    first, last = (lost("name_part", "Ann B. Lee, MD", part=part) for part in ("first", "last"))
    assert lost_by_all([first, last]) == {"middle part of the name", "suffix part of the name"}
    assert lost_by_all([ALL, frozenset(CLOCK)]) == CLOCK
    assert lost_by_all([ALL, NOTHING]) == NOTHING
    assert lost_by_all([ALL]) == ALL


def test_every_entry_of_the_registry_is_looked_at_here() -> None:
    """A new transform has to say what it loses: those that lose nothing are named."""
    never = {"email", "npi", "json_text", "integer", "datetime", "lookup", "row_owner"}
    assert {name for name, one in REGISTRY.items() if one.loses is None} == never
