"""What a column takes, refuses and gives back."""

from typing import Any

import pytest

from tests.simulator.conftest import Dataverse, code

GOOD: list[tuple[str, Any, Any]] = [
    ("cms_name", "", None),
    ("cms_name", "\U0001f600" * 50, "\U0001f600" * 50),
    ("cms_notes", "two\nlines\ttabbed", "two\nlines\ttabbed"),
    ("cms_visitdate", "1753-01-01", "1753-01-01"),
    ("cms_startedon", "2024-05-01T10:00:00.987Z", "2024-05-01T10:00:00Z"),
    ("cms_startedon", "2024-05-01T10:00:00+02:00", "2024-05-01T08:00:00Z"),
    ("cms_startedon", "2024-05-01T10:00:00", "2024-05-01T10:00:00Z"),
    ("cms_minutes", 0, 0),
    ("cms_weight", 70.456, 70.46),
    ("cms_weight", 70, 70.0),
    ("cms_closed", True, True),
    ("cms_closed", None, None),
    ("cms_kind", 100000001, 100000001),
    ("cms_topics", "100000002,100000000", "100000002,100000000"),
    ("cms_topics", "", None),
]

BAD: list[tuple[str, Any, str]] = [
    ("cms_name", "x" * 101, "0x80044331"),
    ("cms_name", "\U0001f600" * 51, "0x80044331"),
    ("cms_name", 5, "0x80048d19"),
    ("cms_name", "bell\x07", "0x80040278"),
    ("cms_visitdate", "1752-12-31", "0x80040239"),
    ("cms_visitdate", "2024-02-30", "0x80048d19"),
    ("cms_visitdate", "2024-05-01T00:00:00Z", "0x80048d19"),
    ("cms_startedon", "1752-12-31T23:59:59Z", "0x80040239"),
    ("cms_startedon", "yesterday", "0x80048d19"),
    ("cms_minutes", 1441, "0x8004432f"),
    ("cms_minutes", 1.5, "0x80048d19"),
    ("cms_minutes", True, "0x80048d19"),
    ("cms_minutes", "30", "0x80048d19"),
    ("cms_weight", 1000.5, "0x80044330"),
    ("cms_closed", 1, "0x80048d19"),
    ("cms_kind", 5, "0x8004431a"),
    ("cms_kind", "100000000", "0x80048d19"),
    ("cms_topics", "100000000,5", "0x8004431a"),
    ("cms_topics", [100000000], "0x80048d19"),
    ("cms_visitid", "not-an-id", "0x80048d19"),
    ("cms_unknown", "x", "0x80048d19"),
    ("CMS_NAME", "x", "0x80048d19"),
]


async def test_values_come_back_as_stored(dv: Dataverse) -> None:
    await dv.ready()
    for column, given, expected in GOOD:
        row = await dv.row(f"cms_visits({await dv.create('cms_visits', **{column: given})})")
        assert row[column] == expected, column


async def test_values_that_do_not_fit_are_refused_and_leave_nothing(dv: Dataverse) -> None:
    await dv.ready()
    for column, given, expected in BAD:
        assert code(await dv.api.post("cms_visits", json={column: given})) == (400, expected), (column, given)
    assert (await dv.row("cms_visits"))["value"] == []


async def test_defaults_are_set_only_when_the_column_is_absent(dv: Dataverse) -> None:
    await dv.ready()
    row = await dv.row(f"cms_visits({await dv.create('cms_visits', cms_name='x')})")
    assert row["cms_closed"] is False
    assert row["cms_kind"] is None


async def test_a_column_exists_only_after_the_import(dv: Dataverse) -> None:
    assert code(await dv.api.post("contacts", json={"cms_sourcemrn": "1"})) == (400, "0x80048d19")
    assert (await dv.api.post("cms_visits", json={})).status_code == 404
    await dv.ready()
    assert (await dv.api.post("contacts", json={"cms_sourcemrn": "1"})).status_code == 204


@pytest.mark.parametrize("body", ["", "[1]", "{", '"x"'])
async def test_a_body_must_be_an_object(dv: Dataverse, body: str) -> None:
    response = await dv.api.post("contacts", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code in (204, 400)
    assert (response.status_code == 204) == (body == "")


async def test_annotations_in_a_payload_are_let_through(dv: Dataverse) -> None:
    body = {"@odata.type": "Microsoft.Dynamics.CRM.contact", "lastname": "Lee", "lastname@odata.type": "Edm.String"}
    assert (await dv.api.post("contacts", json=body)).status_code == 204
    assert code(await dv.api.post("contacts", json={"nothing@odata.type": "Edm.String"})) == (400, "0x80048d19")


async def test_composed_columns_of_a_contact(dv: Dataverse) -> None:
    identity = await dv.create(
        "contacts", lastname="Lee", address1_line1="1 Main St", address1_city="Bath", address1_stateorprovince="ME"
    )
    row = await dv.row(f"contacts({identity})")
    assert row["address1_composite"] == "1 Main St\r\nBath, ME"
    await dv.api.patch(f"contacts({identity})", json={"address1_postalcode": "04530"})
    assert (await dv.row(f"contacts({identity})"))["address1_composite"] == "1 Main St\r\nBath, ME 04530"
