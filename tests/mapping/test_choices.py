"""Choices: an explicit answer for every value."""

import pytest

from mapping.transforms import BadArgs
from tests.mapping.support import column, refusal, run

GENDER = column("choice", options={"Male": 1, "Female": 2})
HOBBIES = column("choices", options={"Chess": 100_000_000, "Go": 100_000_001, "Poker": 100_000_002})


def test_through_the_value_map() -> None:
    values = {"M": "Male", "F": "Female", "X": None}
    assert run("choice", " m ", into=GENDER, values=values) == 1
    assert run("choice", "F", into=GENDER, values=values) == 2
    assert run("choice", "X", into=GENDER, values=values) is None
    assert run("choice", "female", into=GENDER, values=values) == 2
    assert refusal("choice", "U", into=GENDER, values=values) == "unknown_value"


def test_without_a_value_map_the_labels_are_the_values() -> None:
    assert run("choice", " MALE ", into=GENDER) == 1
    assert refusal("choice", "M", into=GENDER) == "unknown_value"


def test_a_default_and_an_option_for_empty_are_explicit() -> None:
    assert run("choice", "U", into=GENDER, default="Female") == 2
    assert run("choice", "", into=GENDER) is None
    assert run("choice", None, into=GENDER, empty="Male") == 1
    assert run("choice", "", into=GENDER, values={"": "Male"}) == 1


def test_a_label_that_is_no_option_does_not_compile() -> None:
    for more in ({"values": {"M": "Man"}}, {"default": "Man"}, {"empty": "Man"}):
        with pytest.raises(BadArgs):
            run("choice", "M", into=GENDER, **more)


def test_choices_from_lists_and_text() -> None:
    assert run("choices", ["Poker", "chess", "Chess"], into=HOBBIES) == "100000000,100000002"
    assert run("choices", "Go; Chess", into=HOBBIES) == "100000000,100000001"
    assert run("choices", "Go|Poker", into=HOBBIES) == "100000001,100000002"
    assert run("choices", "Go, Poker", into=HOBBIES, separator=",") == "100000001,100000002"
    assert run("choices", '["Go"]', into=HOBBIES) == "100000001"
    assert run("choices", [], into=HOBBIES) is None
    assert run("choices", None, into=HOBBIES) is None
    assert run("choices", [], into=HOBBIES, empty="Go") == "100000001"
    assert refusal("choices", ["Go", "Golf"], into=HOBBIES) == "unknown_value"


def test_more_than_dataverse_lets_select_is_refused() -> None:
    many = column("choices", options={str(n): 100_000_000 + n for n in range(151)})
    assert refusal("choices", [str(n) for n in range(151)], into=many) == "too_many_options"


def test_states() -> None:
    values = {"A": "active", "I": "inactive", "W": "won", "-": None}
    assert run("state", "I", values=values) == "inactive"
    assert run("state", "w", values=values) == "won"
    assert run("state", "A", values=values) is None
    assert run("state", "-", values=values) is None
    assert run("state", "") is None
    assert run("state", "Completed") == "completed"
    assert refusal("state", "frozen") == "unknown_value"
    assert run("state", "frozen", default="inactive") == "inactive"
    with pytest.raises(BadArgs):
        run("state", "I", values={"I": "asleep"})


def test_drug_schedule_as_option_and_as_text() -> None:
    labels = ("None", "I", "II", "III", "IV", "V", "Unknown")
    into = column("choice", options={label: n for n, label in enumerate(labels)})
    assert run("drug_schedule", ["Morphine 5 MG"], into=into) == 2
    assert run("drug_schedule", ["foozabine"], into=into) == 6
    assert run("drug_schedule", [None, "1234"], into=into) == 6
    assert run("drug_schedule", [None, None], into=into) is None
    assert run("drug_schedule", ["Aspirin"], into=column()) == "None"


def test_constants() -> None:
    assert run("constant", None, into=GENDER, value="Male") == 1
    assert run("constant", "x", into=HOBBIES, value=["Go", "Chess"]) == "100000000,100000001"
    assert run("constant", None, into=column(), value="fixed") == "fixed"
    with pytest.raises(BadArgs):
        run("constant", None, into=GENDER, value="Man")
    with pytest.raises(BadArgs):
        run("constant", None, into=column())
