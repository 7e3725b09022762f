"""Reports in their three forms: what a person sees, what a spreadsheet and a program get."""

import csv
import io
import json
import os
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from lxml import etree, html

from reports import render as forms
from reports.model import Fact, Report, Streamed, Table
from reports.render import render, write

MADE = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


def page(*tables: Table, facts: tuple[Fact, ...] = ()) -> etree._Element:
    """The page of a report with these tables."""
    report = Report("odd", "Odd", "What it is about.", "m-00000000", facts, tables)
    return read(render(report, "html", made=MADE))


def read(page: bytes) -> etree._Element:
    return html.fromstring(page.decode())


def elements(page: etree._Element, name: str) -> list[etree._Element]:
    return list(page.iter(name))


def text(element: etree._Element) -> str:
    """All text of an element, blanks as they are."""
    return "".join(str(piece) for piece in element.itertext())


def test_a_column_is_right_aligned_only_when_all_of_it_is_numbers() -> None:
    shown = page(Table("T", ["Flag", "Mixed", "Count"], [[True, 1, 1], [None, "x", None], [False, 2, 2500]]))
    assert [th.get("class") for th in elements(shown, "th")] == [None, None, "n"]
    assert [text(td) for td in elements(shown, "td")] == ["yes", "1", "1", "", "x", "", "no", "2", "2,500"]


def test_what_stands_in_a_record_is_never_markup() -> None:
    shown = page(Table("T", ["Value"], [["<script>alert(1)</script>"]]))
    assert elements(shown, "script") == []
    assert text(elements(shown, "td")[0]) == "<script>alert(1)</script>"


def test_marks_carry_a_sign_and_not_only_a_colour() -> None:
    table = Table("T", ["Verdict"], [["differs"], ["same"]], marks={"differs": "bad"})
    marked, plain = elements(page(table), "td")
    assert (marked.get("class"), text(marked)) == ("bad", "✗\u00a0differs")
    assert (plain.get("class"), text(plain)) == (None, "same")


def test_a_table_without_rows_says_so_in_words() -> None:
    shown = page(Table("T", ["A", "B"], [], empty="Nothing differs."))
    assert elements(shown, "table") == []
    assert "Nothing differs." in text(shown)


def test_a_long_table_is_cut_in_the_page_alone() -> None:
    report = Report("odd", "Odd", "", "m-00000000", tables=[Table("T", ["N"], [[n] for n in range(1200)], shown=3)])
    shown = read(render(report, "html"))
    assert len(elements(shown, "td")) == 3
    assert "The first 3 of 1,200 rows" in text(shown)
    assert len(json.loads(render(report, "json"))["tables"][0]["rows"]) == 1200
    assert len(render(report, "csv").splitlines()) == 1201


def test_cells_of_the_csv_are_no_formulas() -> None:
    report = Report("odd", "Odd", "", "m-00000000", tables=[Table("T", ["V"], [["=1+1"], [-3], [None]])])
    content = render(report, "csv").decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(content))) == [["V"], ["'=1+1"], ["-3"], [""]]


def test_facts_carry_their_sign() -> None:
    shown = page(facts=(Fact("Left", "7", "attention", "see below"), Fact("Owner", "somebody@clinic.example", "bad")))
    assert [text(dd) for dd in elements(shown, "dd")] == ["!\u00a07see below", "✗\u00a0somebody@clinic.example"]
    assert (elements(shown, "dd")[1].get("class") or "").split() == ["bad", "long"]


def test_the_json_is_read_as_it_was_written() -> None:
    """Also what looks like the lines that the tables begin with."""
    odd: list[list[Any]] = [[',"rows":['], [',"tables":['], ["]}"], ["{"], ["two\nlines"], [None]]
    tables = [Table("None", ["V"], []), Table("Odd", ["V"], odd, "A note.")]
    content = render(Report("odd", "Odd", "", "m-00000000", [Fact("Left", "7")], tables), "json", made=MADE)
    found = forms.read(content.splitlines(keepends=True))
    assert found.pop("counts") == {"None": 0, "Odd": 6}
    assert found == json.loads(content)
    assert [row["V"] for row in found["tables"][1]["rows"]] == [row[0] for row in odd]


@pytest.mark.parametrize("form", forms.FORMS)
def test_rows_are_never_held_however_many_there_are(form: str) -> None:
    """Thirty megabytes of rows."""

    def rows() -> Iterator[list[str]]:
        for number in range(30_000):
            yield [f"{number:01000d}"]

    report = Report("odd", "Odd", "", "m-00000000", tables=[Table("T", ["V"], Streamed(rows, 30_000))])
    tracemalloc.start()
    try:
        with Path(os.devnull).open("wb") as out:
            write(report, form, out)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8_000_000
