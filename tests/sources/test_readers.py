"""Files as strangers write them: encodings, delimiters, line ends, broken rows."""

import datetime
import json
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest

from sources.errors import BadRow, BadSource
from sources.readers import header, kind_of, open_rows

SECRET = "Zoë O'Kon634"


def rows(path: Path) -> list[dict[str, Any]]:
    return list(open_rows(path, kind_of(path)))


def put(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "latin-1"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    path = put(tmp_path, "a.csv", f"Id,NAME\r\n1,{SECRET}\r\n".encode(encoding))
    assert rows(path) == [{"Id": "1", "NAME": SECRET}]
    assert header(path) == ["Id", "NAME"]


def test_bytes_that_windows_leaves_undefined_are_read_as_latin_1(tmp_path: Path) -> None:
    assert rows(put(tmp_path, "a.csv", b"a\n\x81\xe9\n")) == [{"a": "\x81é"}]


def test_a_character_over_a_block_boundary_is_still_utf_8(tmp_path: Path) -> None:
    filling = "x" * ((1 << 20) - 3)
    path = put(tmp_path, "a.csv", f"a\n{filling}é\n")
    assert rows(path)[0]["a"] == filling + "é"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_delimiters_quotes_and_line_ends(tmp_path: Path, delimiter: str, end: str) -> None:
    text = end.join(
        [delimiter.join(["zip", "note", "empty"]), delimiter.join(["02139", '"two\nlines, ""quoted"""', ""]), "", ""]
    )
    assert rows(put(tmp_path, "a.csv", text)) == [{"zip": "02139", "note": 'two\nlines, "quoted"', "empty": None}]


def test_tsv_has_tabs_even_when_the_header_holds_commas(tmp_path: Path) -> None:
    assert rows(put(tmp_path, "a.tsv", "a,b,c\td\n1\t2\n")) == [{"a,b,c": "1", "d": "2"}]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f'a,b\n1,2\n"x\ny",2\n1,{SECRET},3\n', 5),
        (f"a,b\n1,2\n{SECRET}\n", 3),
        (f'a,b\n1,"{SECRET}\n2,3\n', 2),
        (f'a,b\n1,"{SECRET}"x\n', 2),
    ],
    ids=["too many", "too few", "open quote", "text after quote"],
)
def test_a_broken_row_is_named_by_file_and_line_without_its_content(tmp_path: Path, text: str, line: int) -> None:
    with pytest.raises(BadRow) as caught:
        rows(put(tmp_path, "broken.csv", text))
    assert (caught.value.file, caught.value.line) == ("broken.csv", line)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("text", ["a,A\n1,2\n", b"a,b\n1,\x002\n"], ids=["column twice", "binary"])
def test_files_that_cannot_be_read_at_all(tmp_path: Path, text: str | bytes) -> None:
    with pytest.raises(BadSource):
        rows(put(tmp_path, "a.csv", text))


def test_unnamed_columns_are_numbered_and_empty_files_have_no_rows(tmp_path: Path) -> None:
    assert rows(put(tmp_path, "a.csv", "a,,b\n1,2,3\n")) == [{"a": "1", "column_2": "2", "b": "3"}]
    assert rows(put(tmp_path, "b.csv", "")) == []
    assert header(tmp_path / "b.csv") == []


@pytest.mark.parametrize("form", ["{}", '{{"total": 2, "patients": {}, "next": null}}', "\n {} \n"])
def test_json_lists_bare_and_wrapped(tmp_path: Path, form: str) -> None:
    records = (
        '[{"id": 514810972972521916, "cost": 1.50, "on": true, "none": null, "name": "", "tags": ["a", 1]}, {"id": 2}]'
    )
    path = put(tmp_path, "a.json", form.format(records))
    first = {"id": "514810972972521916", "cost": "1.50", "on": "true", "none": None, "name": None, "tags": ["a", "1"]}
    assert rows(path) == [first, {"id": "2"}]
    assert header(path) == ["id", "cost", "on", "none", "name", "tags"]


def test_json_larger_than_a_block_is_read_in_pieces(tmp_path: Path) -> None:
    records = [{"id": str(n), "text": "é" * 997} for n in range(2000)]
    path = put(tmp_path, "a.json", json.dumps(records, ensure_ascii=False, indent=1))
    assert rows(path) == records


def test_a_single_object_is_one_row_and_an_empty_list_none(tmp_path: Path) -> None:
    assert rows(put(tmp_path, "a.json", '{"id": 1, "name": "x"}')) == [{"id": "1", "name": "x"}]
    assert rows(put(tmp_path, "b.json", "[ ]")) == []


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("a.json", f'[{{"a": 1}},\n{{"a": "{SECRET}" "b"}}]', 2),
        ("a.json", f'[{{"a": "{SECRET}"}}', 1),
        ("a.json", '[{"a": 1}]\n[]', 2),
        ("a.json", "[1, 2]", 1),
        ("a.ndjson", f'{{"a": 1}}\n\n{{"a": "{SECRET}"\n', 3),
        ("a.ndjson", f'["{SECRET}"]\n', 1),
    ],
)
def test_broken_json_is_named_by_line_without_its_content(tmp_path: Path, name: str, text: str, line: int) -> None:
    with pytest.raises(BadRow) as caught:
        rows(put(tmp_path, name, text))
    assert caught.value.line == line
    assert SECRET not in str(caught.value)


def test_several_lists_in_one_json_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSource, match="several lists"):
        rows(put(tmp_path, "a.json", '{"a": [{"x": 1}], "b": [{"x": 2}]}'))


def test_ndjson_keeps_nested_values(tmp_path: Path) -> None:
    path = put(tmp_path, "a.ndjson", '{"id": "1", "name": {"first": "A", "n": 1}}\n\n{"id": 2}\n')
    assert rows(path) == [{"id": "1", "name": {"first": "A", "n": "1"}}, {"id": "2"}]


def test_a_workbook_reads_as_people_see_it(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["zip", "day", "moment", "amount", "count", "on", "text"])
    sheet.append([2139, datetime.date(2024, 2, 29), datetime.datetime(2024, 2, 29, 13, 5), 1.5, 7, True, "02139"])
    sheet["A2"].number_format = "00000"
    sheet.append([None] * 7)
    sheet.append(["x"])
    book.create_sheet("empty")
    book.save(tmp_path / "a.xlsx")
    first, second = rows(tmp_path / "a.xlsx")
    assert list(first.values()) == ["02139", "2024-02-29", "2024-02-29T13:05:00", "1.5", "7", "true", "02139"]
    assert second == dict.fromkeys(first) | {"zip": "x"}


def test_a_workbook_with_two_filled_sheets_is_refused(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for sheet in (book.active, book.create_sheet("second")):
        assert sheet is not None
        sheet.append(["a"])
    book.save(tmp_path / "a.xlsx")
    with pytest.raises(BadSource, match="2 sheets"):
        rows(tmp_path / "a.xlsx")
    with pytest.raises(BadSource, match="not an Excel workbook"):
        rows(put(tmp_path, "b.xlsx", "no workbook"))


def test_parquet_comes_out_as_text(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    records = "SELECT '02139' AS zip, 1.50::DECIMAL(5,2) AS cost, NULL AS none, {a: 1} AS nested"
    duckdb.execute(f"COPY ({records}) TO '{path}' (FORMAT parquet)")
    assert rows(path) == [{"zip": "02139", "cost": "1.50", "none": None, "nested": {"a": "1"}}]
    with pytest.raises(BadSource):
        rows(put(tmp_path, "b.parquet", "no parquet"))
