"""Names are legal everywhere and cannot climb."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import paths


@pytest.mark.parametrize(
    "text", ["", "a/b", "a\\b", "a#b", "a?b", "a|b", "..", "a..b", ".hidden", "a\nb", "a b", "x" * 121]
)
def test_illegal_parts_are_refused_without_being_repeated(text: str) -> None:
    """The message never holds the text: it may have come from a record."""
    with pytest.raises(ValueError, match="name part") as refused:
        paths.part(text)
    assert len(text) < 3 or text not in str(refused.value)


@given(st.text(max_size=200))
def test_whatever_passes_is_a_legal_table_key(text: str) -> None:
    """No / \\ # ? or control characters, and four parts stay under the 1 KiB of a key."""
    try:
        key = paths.partition(text, text, text, text)
    except ValueError:
        return
    assert not re.search(r"[/\\#?\x00-\x1f\x7f-\x9f]", key)
    assert len(key.encode("utf-16-le")) <= 1024


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../x", "a/../b", "a//b", "a/./b", "a\\b", "a/b/", "a\x00b"])
def test_uploads_cannot_leave_their_folder(path: str) -> None:
    """Names come from zips and browsers."""
    with pytest.raises(ValueError, match="file path"):
        paths.file_id(path)


def test_uploads_keep_the_names_that_clinics_use() -> None:
    """Spaces and accents are fine in a path, and none of it is in the blob's name."""
    name = paths.drop_file("m-00000001", paths.file_id("Docs 2024/José (1).pdf"))

    assert re.fullmatch(r"m-00000001/[0-9a-f]{64}", name)


def test_a_migrations_range_holds_its_partitions_only() -> None:
    """Neither a longer id nor a longer run id falls into the range."""
    first, beyond = paths.partition_range("m-1", "migrate-0001")

    assert first <= paths.partition("m-1", "migrate-0001", "patient", "00000") < beyond
    assert not first <= paths.partition("m-1", "migrate-00010", "patient", "00000") < beyond
    assert not first <= paths.partition("m-10", "migrate-0001", "patient", "00000") < beyond


def test_names_sort_as_numbers_do() -> None:
    """Chunks and row keys are padded."""
    assert sorted([paths.chunk(10), paths.chunk(9)]) == ["00009", "00010"]
    assert paths.row_key(7) == "00000007"
