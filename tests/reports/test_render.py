"""Reports in their three forms: what a person sees, what a spreadsheet and a program get."""

import csv
import io
import json
from datetime import UTC, datetime

from bs4 import BeautifulSoup, Tag

from reports.model import Fact, Report, Table
from reports.render import render

MADE = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


def page(*tables: Table, facts: tuple[Fact, ...] = ()) -> BeautifulSoup:
    """The page of a report with these tables."""
    report = Report("odd", "Odd", "What it is about.", "m-00000000", facts, tables)
    return BeautifulSoup(render(report, made=MADE)["html"], "html.parser")


def cells(soup: BeautifulSoup) -> list[Tag]:
    return list(soup.select("tbody td"))


def test_a_column_is_right_aligned_only_when_all_of_it_is_numbers() -> None:
    soup = page(Table("T", ["Flag", "Mixed", "Count"], [[True, 1, 1], [None, "x", None], [False, 2, 2500]]))
    assert [th.get("class") for th in soup.select("th")] == [None, None, ["n"]]
    assert [td.get_text() for td in cells(soup)] == ["yes", "1", "1", "", "x", "", "no", "2", "2,500"]


def test_what_stands_in_a_record_is_never_markup() -> None:
    soup = page(Table("T", ["Value"], [["<script>alert(1)</script>"]]))
    assert soup.script is None
    assert cells(soup)[0].get_text() == "<script>alert(1)</script>"


def test_marks_carry_a_sign_and_not_only_a_colour() -> None:
    table = Table("T", ["Verdict"], [["differs"], ["same"]], marks={"differs": "bad"})
    marked, plain = cells(page(table))
    assert (marked["class"], marked.get_text()) == (["bad"], "✗\u00a0differs")
    assert (plain.get("class"), plain.get_text()) == (None, "same")


def test_a_table_without_rows_says_so_in_words() -> None:
    soup = page(Table("T", ["A", "B"], [], empty="Nothing differs."))
    assert soup.table is None
    assert "Nothing differs." in soup.get_text()


def test_a_long_table_is_cut_in_the_page_alone() -> None:
    report = Report("odd", "Odd", "", "m-00000000", tables=[Table("T", ["N"], [[n] for n in range(1200)], shown=3)])
    forms = render(report, made=MADE)
    soup = BeautifulSoup(forms["html"], "html.parser")
    assert len(cells(soup)) == 3
    assert "The first 3 of 1,200 rows" in soup.get_text()
    assert len(json.loads(forms["json"])["tables"][0]["rows"]) == 1200
    assert len(forms["csv"].splitlines()) == 1201


def test_cells_of_the_csv_are_no_formulas() -> None:
    forms = render(Report("odd", "Odd", "", "m-00000000", tables=[Table("T", ["V"], [["=1+1"], [-3], [None]])]))
    text = forms["csv"].decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(text))) == [["V"], ["'=1+1"], ["-3"], [""]]


def test_facts_carry_their_sign() -> None:
    soup = page(facts=(Fact("Left", "7", "attention", "see below"), Fact("Owner", "somebody@clinic.example", "bad")))
    assert [dd.get_text() for dd in soup.select("dd")] == ["!\u00a07see below", "✗\u00a0somebody@clinic.example"]
    assert "long" in soup.select("dd")[1]["class"]
