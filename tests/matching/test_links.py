"""Columns called as another table's key refer to it, whatever that key is called."""

from mapping.matching.engine import propose
from mapping.matching.links import linked
from mapping.matching.model import Column, Reference, Table
from mapping.matching.tokens import Reader


def table(name: str, columns: str, object: str, *, main: bool = True) -> Table:
    return Table(name, tuple(Column(one) for one in columns.split()), (object,), main)  # type: ignore[arg-type]


PEOPLE = table("demographic", "demographic_no last_name first_name", "patient")
WARDS = table("WARD", "WRD_ID_A WRD_NAME", "location")


def references(of: Table, *others: Table) -> dict[str, str]:
    (made, *_) = linked([of, *others], Reader())
    return {one.name: one.reference.table for one in made.columns if one.reference is not None}


def test_the_name_of_a_key_tells_whose_it_is() -> None:
    visits = table("visits", "id demographicNo VST_WRD_ID_A wrd_id_a_2 weird_no", "appointment")
    assert references(visits, PEOPLE, WARDS) == {
        "demographicNo": "demographic", "VST_WRD_ID_A": "WARD", "wrd_id_a_2": "WARD",
    }  # fmt: skip


def test_a_key_of_two_tables_belongs_to_the_one_that_is_called_so() -> None:
    notes = table("demographic_extra", "demographic_no notes", "patient", main=False)
    assert references(notes, PEOPLE) == {"demographic_no": "demographic"}
    assert references(PEOPLE, notes) == {}


def test_a_table_that_begins_with_a_link_does_not_own_it() -> None:
    patients, phones = (
        table("patients", "id name", "patient"),
        table("phones", "patient_id number", "patient", main=False),
    )
    assert references(table("visits", "id patient_id", "appointment"), patients, phones) == {}


def test_what_the_schema_declares_is_left_alone() -> None:
    visits = Table("visits", (Column("demographic_no", reference=Reference("doctors")),), ("appointment",), main=True)
    assert references(visits, PEOPLE) == {"demographic_no": "doctors"}


def test_links_lead_to_lookups() -> None:
    visits = table("visits", "id demographic_no VST_WRD_ID_A VST_DATE", "appointment")
    found = {one.column: one.target_column for one in propose([PEOPLE, WARDS, visits]).fields if one.table == "visits"}
    assert found["demographic_no"] == "Patient" and found["VST_WRD_ID_A"] == "Location"
