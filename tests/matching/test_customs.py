"""A column for what the target has none for: type and length, from the declaration or from statistics."""

import pytest

from mapping.matching.customs import custom_for
from mapping.matching.model import Column, Evidence


@pytest.mark.parametrize(
    ("declared", "type", "length"),
    [
        ("varchar(80)", "text", 200),
        ("text", "memo", 500),
        ("int", "integer", None),
        ("decimal(8,2)", "decimal", None),
        ("date", "date", None),
        ("timestamp", "datetime", None),
        ("bool", "boolean", None),
    ],
)
def test_from_a_declaration(declared: str, type: str, length: int | None) -> None:
    made = custom_for("contact", Column("extra", declared), frozenset()).column
    assert (made.type, made.max_length) == (type, length)


def seen(**more: object) -> Evidence:
    return Evidence(**{"filled": 100, "distinct": 80, "max_length": 20, "kind": "text", **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("evidence", "type", "junction"),
    [
        (seen(), "text", False),
        (seen(max_length=9000), "memo", False),
        (seen(kind="integer"), "integer", False),
        (seen(kind="decimal", decimals=3, max_length=9), "decimal", False),
        (seen(kind="decimal", decimals=14), "text", False),
        (seen(distinct=2, values={"a": 60, "b": 40}), "choice", False),
        (seen(filled=3, distinct=3, values={"a": 1, "b": 1, "c": 1}), "text", False),
        (seen(separator=";", distinct=3, values={"a;b": 60, "b": 30, "c;a": 10}), "choices", False),
        (seen(separator=";", values={f"v{n};w{n}": 1 for n in range(90)}), "memo", True),
        (seen(kind="choices"), "memo", True),
    ],
)
def test_from_statistics(evidence: Evidence, type: str, junction: bool) -> None:
    made = custom_for("contact", Column("extra", "varchar(10)", evidence=evidence), frozenset())
    assert (made.column.type, made.junction) == (type, junction)


def test_names_do_not_collide() -> None:
    assert custom_for("contact", Column("shoe size", "int"), {"shoesize"}).column.name == "ShoeSize2"
