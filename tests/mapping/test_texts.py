"""Texts are kept or refused, never cut or prettified."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapping.transforms import REGISTRY, BadArgs
from mapping.transforms.texts import html_to_text, is_npi, split_name
from tests.mapping.support import column, refusal, run


@pytest.mark.parametrize("name", ["text", "identifier", "phone", "zip"])
def test_texts_are_trimmed_and_otherwise_untouched(name: str) -> None:
    assert run(name, "  00123-4 x ") == "00123-4 x"
    assert run(name, "   ") is None
    assert run(name, "(619) 555-7823 x251", into=column(max_length=50)) == "(619) 555-7823 x251"
    assert run(name, "María Luisa888") == "María Luisa888"


@pytest.mark.parametrize("name", ["text", "identifier", "phone", "zip", "email", "html_to_text"])
def test_over_length_is_refused_not_cut(name: str) -> None:
    text = "abcdefghij@x"
    assert run(name, text, into=column(max_length=12)) == text
    assert refusal(name, text, into=column(max_length=11)) == "too_long"


def test_length_is_counted_in_utf16_units() -> None:
    assert run("text", "😀😀", into=column(max_length=4)) == "😀😀"
    assert refusal("text", "😀😀", into=column(max_length=3)) == "too_long"


def test_control_characters_are_refused_but_not_line_ends() -> None:
    assert run("text", "one\r\n\ttwo") == "one\r\n\ttwo"
    for bad in ("a\x00b", "a\x1bb", "a\x85b", "a\ud800b"):
        assert refusal("text", bad) == "invalid_characters"


def test_numbers_and_lists_as_text() -> None:
    assert run("text", 12) == "12"
    assert run("text", True) == "true"
    assert run("text", ["a", "", " b "]) == "a; b"
    assert run("text", ["a", "b"], separator=", ") == "a, b"
    assert refusal("text", {"a": 1}) == "not_text"


def test_email() -> None:
    assert run("email", " Ann@Clinic.Test ") == "Ann@Clinic.Test"
    for bad in ("none", "a@b c", "a@@b", "Ann <a@b.test>"):
        assert refusal("email", bad) == "bad_email"


def test_npi() -> None:
    assert run("npi", "1234567893") == "1234567893"
    for bad in ("1234567890", "123456789", "12345678931", "123456789x", "１２３４５６７８９３"):
        assert refusal("npi", bad) == "bad_npi"


@given(st.integers(0, 999_999_999))
def test_exactly_one_check_digit_fits(stem: int) -> None:
    assert sum(is_npi(f"{stem:09}{digit}") for digit in range(10)) == 1


def test_join_and_first_of() -> None:
    assert run("join", ["Ann", None, " Lee "]) == "Ann Lee"
    assert run("join", ["a", "b"], separator=", ") == "a, b"
    assert run("join", [None, ""]) is None
    assert run("first_of", [None, " ", "b", "c"]) == "b"
    assert run("first_of", [None]) is None


def test_lines() -> None:
    assert run("lines", ["a", "", "b"]) == "a\nb"
    assert run("lines", '["a", "b"]') == "a\nb"
    entries = [{"code": "I10", "system": "ICD-10", "text": "Hypertension"}, {"code": "E11.9"}]
    assert run("lines", entries, keys=["system", "code", "text"]) == "ICD-10, I10, Hypertension\nE11.9"
    assert run("lines", "plain text") == "plain text"
    assert run("lines", []) is None


def test_json_text() -> None:
    assert run("json_text", {"a": [1]}) == '{\n  "a": [\n    1\n  ]\n}'
    assert run("json_text", '{"a":1}') == '{\n  "a": 1\n}'
    assert run("json_text", " plain ") == "plain"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("plain & simple", "plain & simple"),
        ("a &amp; b &lt;c&gt;", "a & b <c>"),
        ("<p>One</p><p>Two &amp; three<br>four</p>", "One\nTwo & three\nfour"),
        ("<ul><li>a</li><li>b</li></ul>", "- a\n- b"),
        ("<script>alert(1)</script><b>bold</b> text", "bold text"),
        ("<table><tr><td>a</td><td>b</td></tr></table>", "a b"),
        ("<p>open", "open"),
    ],
)
def test_html_to_text(html: str, text: str) -> None:
    assert html_to_text(html) == text


@given(st.text(st.characters(exclude_characters="<>&", exclude_categories=["Cs"])))
def test_text_without_markup_is_unchanged_by_html_to_text(text: str) -> None:
    assert html_to_text(text) == text


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Ann Lee", ("", "Ann", "", "Lee", "")),
        ("Dr. Ann B. Lee, MD", ("Dr.", "Ann", "B.", "Lee", "MD")),
        ("Lee, Ann B.", ("", "Ann", "B.", "Lee", "")),
        ("Van Dyke, Joe Jr.", ("", "Joe", "", "Van Dyke", "Jr.")),
        ("Lee Jr., Ann", ("", "Ann", "", "Lee", "Jr.")),
        ("O'Kon634", ("", "", "", "O'Kon634", "")),
        ("", ("", "", "", "", "")),
    ],
)
def test_names_in_one_cell(name: str, parts: tuple[str, ...]) -> None:
    assert tuple(split_name(name).values()) == parts
    labels = ("salutation", "first", "middle", "last", "suffix")
    assert tuple(run("name_part", name, part=label) or "" for label in labels) == parts


@given(st.lists(st.text("abcXYZ'-é ,.", min_size=0, max_size=8), max_size=5))
def test_no_part_of_a_name_is_lost(words: list[str]) -> None:
    name = " ".join(words)
    parts = " ".join(split_name(name).values())
    assert sorted(parts.split()) == sorted(name.replace(",", " ").split())


def test_name_part_wants_to_know_which() -> None:
    with pytest.raises(BadArgs):
        run("name_part", "Ann Lee", part="second")


def test_every_transform_says_what_it_does() -> None:
    for name, transform in REGISTRY.items():
        assert transform.name == name
        assert transform.doc.endswith(".")
        assert all(transform.args.values())
