"""A changed row goes back to what it was, and what others did to it stays."""

from typing import Any

import pytest

from activities.restoring import as_before, columns_of, way_back

#: A row that was adopted: as it was, and what was written.
IMAGE: dict[str, Any] = {
    "@odata.etag": 'W/"1"', "lastname": "Johns", "suffix": "Jr.", "telephone1": None, "cms_sourcekey": None,
    "_parent_value": "p0", "_parent_value@Microsoft.Dynamics.CRM.lookuplogicalname": "account", "createdon": "2020",
    "statecode": 0,
}  # fmt: skip
AFTER = {"lastname": "Jones", "telephone1": "1", "cms_sourcekey": "s.patient.1", "createdon": "2010"}
WRITTEN = {**IMAGE, "lastname": "Jones", "telephone1": "1", "cms_sourcekey": "s.patient.1"}
BACK = {"lastname": "Johns", "telephone1": None, "cms_sourcekey": None}


def test_every_column_that_we_wrote_goes_back_and_no_other() -> None:
    assert way_back(IMAGE, WRITTEN, AFTER, force=False) == BACK
    assert way_back(IMAGE, {**WRITTEN, "suffix": "Sr."}, AFTER, force=False) == BACK


def test_what_is_back_already_is_not_written_again() -> None:
    assert way_back(IMAGE, IMAGE, AFTER, force=False) == {}
    assert way_back(IMAGE, {**IMAGE, "lastname": "Jones"}, AFTER, force=False) == {"lastname": "Johns"}


def test_a_column_that_others_changed_keeps_the_row_unless_forced() -> None:
    row = {**WRITTEN, "telephone1": "2"}
    assert way_back(IMAGE, row, AFTER, force=False) is None
    assert way_back(IMAGE, row, AFTER, force=True) == BACK


def test_a_column_that_we_cleared_comes_back() -> None:
    image = {"emailaddress1": "a@x.example"}
    assert way_back(image, {"emailaddress1": None}, {"emailaddress1": None}, force=False) == image
    assert way_back(image, {"emailaddress1": "b@x.example"}, {"emailaddress1": None}, force=False) is None


def test_a_column_of_the_second_pass_is_not_judged_by_the_first() -> None:
    """The first pass's image does not hold it; its own undo has put it back before."""
    after = {**AFTER, "_other_value": "p1"}
    assert way_back(IMAGE, {**WRITTEN, "_other_value": "p0"}, after, force=False) == BACK


@pytest.mark.parametrize("row", [WRITTEN, {**WRITTEN, "statecode": 1, "createdon": "2021"}])
def test_without_a_receipt_all_that_differs_is_ours(row: dict[str, Any]) -> None:
    """A run that was stopped between the write and the receipt leaves nothing behind."""
    assert way_back(IMAGE, row, None, force=False) == BACK


def test_the_proof_reads_what_stands_there() -> None:
    assert columns_of([IMAGE]) == {
        "lastname", "suffix", "telephone1", "cms_sourcekey", "_parent_value", "createdon", "statecode",
    }  # fmt: skip
    assert as_before(IMAGE, {**WRITTEN, **BACK}, BACK)
    assert not as_before(IMAGE, {**WRITTEN, **BACK, "lastname": "JOHNS"}, BACK)
    assert not as_before(IMAGE, None, BACK)
