"""Files of any length in answers of a bounded one."""

import io
import zipfile

import pytest

from activities.keep import keep_report
from ledger import paths
from ledger.migrations import Migration
from ledger.storage import Storage
from reports.model import Report, Streamed, Table
from services import parts, reports
from services.access import StepError

#: Rows of the report.
MANY = 5000


@pytest.fixture
async def long(store: Storage, mapped: Migration) -> str:
    """A migration with a report of many rows, which are read anew each time."""
    rows = Streamed(lambda: ([number, f"R{number}"] for number in range(MANY)), MANY)
    tables = [Table("Few", ["A"], [["x"]]), Table("All", ["Number", "Id"], rows, "Each of them.")]
    await keep_report(store, Report("exceptions", "Long", "Many rows.", mapped.id, tables=tables, csv_table=1))
    return mapped.id


async def test_the_parts_of_a_report_are_the_report(store: Storage, long: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART", 16_384)
    whole = await store.get("reports", paths.report(long, "exceptions", "csv"))
    content, after, number = b"", "", 0
    while number == 0 or after:
        piece, kind, headers = await reports.report(store, long, "exceptions.csv", unmasked=False, after=after)
        assert len(piece) <= parts.PART
        content, after, number = content + piece, headers.get("x-continuation", ""), number + 1
    assert (content, kind) == (whole, "text/csv; charset=utf-8")
    assert number == -(-len(whole) // parts.PART)


async def test_what_is_too_long_for_one_answer_says_how_to_bring_it(
    store: Storage, long: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "WHOLE", 1000)
    with pytest.raises(StepError, match="too_long") as refused:
        await reports.report(store, long, "exceptions.csv", unmasked=False)
    assert refused.value.value["next"].startswith("./carryover report")
    with pytest.raises(StepError, match="too_long"):
        await reports.pack(store, long, unmasked=False)


async def test_the_zip_holds_each_form_as_it_is_kept(store: Storage, long: str) -> None:
    with zipfile.ZipFile(io.BytesIO(await reports.pack(store, long, unmasked=False))) as packed:
        for form in ("html", "csv", "json"):
            kept = await store.get("reports", paths.report(long, "exceptions", form))
            assert packed.read(f"reports/exceptions.{form}") == kept


async def test_a_page_gets_some_of_the_rows_and_how_many_there_are(store: Storage, long: str) -> None:
    some = await reports.report_data(store, long, "exceptions", 3)
    assert some is not None
    assert some["tables"] == {"Few": [{"A": "x"}], "All": [{"Number": n, "Id": f"R{n}"} for n in range(3)]}
    assert (some["counts"], some["table_notes"]["All"]) == ({"Few": 1, "All": MANY}, "Each of them.")
    every = await reports.report_data(store, long, "exceptions")
    assert every is not None
    assert len(every["tables"]["All"]) == MANY
    assert await reports.report_data(store, long, "diff") is None
