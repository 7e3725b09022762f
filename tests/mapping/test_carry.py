"""A source read again: people's changes stay, the new reading's additions come in."""

import pytest

from mapping.carry import carried, only_grown
from mapping.catalog import build_schema
from mapping.hash import map_hash
from mapping.model import ClinicMap, CustomColumn, FieldMap, ObjectMap, Route
from mapping.validate import problems


def a_map(*fields: FieldMap, table: str = "contact", length: int = 100) -> ClinicMap:
    column = CustomColumn(table="contact", name="Hobby", type="text", max_length=length)
    patient = ObjectMap(routes=[Route(table=table, fields=list(fields))])
    return ClinicMap(system="clinic", profile="p", objects={"patient": patient}, custom_columns=[column])


def of(one: ClinicMap) -> list[tuple[str, str | None, str]]:
    return [(field.source, field.column, field.status) for field in one.objects["patient"].routes[0].fields]


LAST = a_map(FieldMap(source="last", column="lastname"), FieldMap(source="nick", column="nickname"))


def test_untouched_fields_are_as_proposed_now_and_new_ones_come_in() -> None:
    proposal = a_map(
        FieldMap(source="last", column="lastname", confidence=0.5),
        FieldMap(source="nick", column="middlename"),
        FieldMap(source="new", column="suffix"),
    )
    made = carried(LAST, LAST, proposal)
    assert of(made) == [
        ("last", "lastname", "proposed"),
        ("nick", "middlename", "proposed"),
        ("new", "suffix", "proposed"),
    ]
    assert made == proposal


def test_what_people_changed_stays() -> None:
    ignored = FieldMap(source="nick", status="ignored", reason="not used", by="Ada")
    current = a_map(FieldMap(source="last", column="lastname"), ignored).model_copy(update={"controlled": "redact"})
    made = carried(
        current, LAST, a_map(*LAST.objects["patient"].routes[0].fields, FieldMap(source="new", column="suffix"))
    )
    assert of(made) == [("last", "lastname", "proposed"), ("nick", None, "ignored"), ("new", "suffix", "proposed")]
    assert made.controlled == "redact"


def test_what_people_changed_goes_with_a_field_that_records_have_no_more() -> None:
    decided = FieldMap(source="nick", column="nickname", status="confirmed", by="Ada")
    pets = FieldMap(source="properties.Pets", status="ignored", reason="not used", by="Ada")
    last = a_map(*LAST.objects["patient"].routes[0].fields, FieldMap(source="properties.Pets", column="Hobby"))
    current = a_map(FieldMap(source="last", column="lastname"), decided, pets)
    made = carried(current, last, a_map(FieldMap(source="last", column="lastname")))
    assert [source for source, _, _ in of(made)] == ["last", "properties.Pets"]


def test_another_table_that_people_chose_stays() -> None:
    current = a_map(FieldMap(source="last", column="name"), table="account")
    assert carried(current, LAST, LAST).objects["patient"].routes == current.objects["patient"].routes


def test_columns_only_grow() -> None:
    made = carried(a_map(length=200), a_map(length=200), a_map(length=50))
    assert [one.max_length for one in made.custom_columns] == [200]
    assert [one.max_length for one in carried(a_map(length=50), a_map(length=50), a_map(length=80)).custom_columns] == [
        80
    ]


def test_a_source_of_two_columns_is_two_fields() -> None:
    last = a_map(FieldMap(source="tel", column="telephone1"), FieldMap(source="tel", column="telephone2"))
    current = a_map(FieldMap(source="tel", column="telephone1"), FieldMap(source="tel", column="telephone3"))
    assert [column for _, column, _ in of(carried(current, last, last))] == ["telephone1", "telephone3"]


def test_match_rules_stay() -> None:
    current = LAST.model_copy(deep=True)
    current.objects["patient"].match = [["emailaddress1"]]
    made = carried(
        current, LAST, a_map(*LAST.objects["patient"].routes[0].fields, FieldMap(source="new", column="suffix"))
    )
    assert made.objects["patient"].match == [["emailaddress1"]] and len(of(made)) == 3


def test_reasons_why_datasets_stay_out_are_kept_as_long_as_the_source_has_them() -> None:
    def out(**reasons: str) -> ClinicMap:
        return LAST.model_copy(update={"out_of_scope": reasons})

    said = out(recalls="Not wanted.", allergies="Ours.", orders="Old.", tests="Not wanted.")
    last = out(recalls="", allergies="no table", orders="", tests="")
    made = carried(said, last, out(recalls="", allergies="no table", visits="", tests="In the archive."))
    assert made.out_of_scope == {
        "recalls": "Not wanted.", "allergies": "Ours.", "visits": "", "tests": "In the archive."
    }  # fmt: skip


def of_type(kind: str, transform: str, **more: object) -> ClinicMap:
    """A patient's map with one custom property."""
    column = CustomColumn.model_validate({"table": "contact", "name": "Pets", "type": kind, **more})
    field = FieldMap(source="properties.Pets", column="Pets", transform=transform)
    patient = ObjectMap(routes=[Route(table="contact", fields=[FieldMap(source="last", column="lastname"), field])])
    return ClinicMap(system="clinic", profile="p", objects={"patient": patient}, custom_columns=[column])


@pytest.mark.parametrize(
    ("was", "reads", "kind", "transform"),
    [
        (("integer", "integer"), ("decimal", "decimal"), "decimal", "decimal"),
        (("text", "text"), ("integer", "integer"), "text", "text"),
        (("integer", "integer"), ("date", "date"), "text", "text"),
        (("choice", "choice"), ("choices", "choices"), "choices", "choices"),
        (("choices", "choices"), ("text", "text"), "memo", "text"),
    ],
)
def test_the_type_of_a_column_widens_with_the_values_and_never_narrows(
    was: tuple[str, str], reads: tuple[str, str], kind: str, transform: str
) -> None:
    before, reading = of_type(*was, options=["Cat"]), of_type(*reads, options=["Cat", "Dog"])
    made = carried(before, before, reading)
    assert made.custom_columns[0].type == kind
    assert made.objects["patient"].routes[0].fields[1].transform == transform
    assert not [one for one in problems(made, build_schema(made)) if one.field == "properties.Pets"]
    assert carried(made, reading, reading) == made  # and stays so


def test_a_type_that_a_person_chose_stays() -> None:
    assert (
        carried(of_type("memo", "text"), of_type("integer", "integer"), of_type("text", "text")).custom_columns[0].type
        == "memo"
    )


def test_what_only_grows_asks_nobody() -> None:
    before = of_type("choice", "choice", options=["Cat"])
    longer = CustomColumn(table="contact", name="SourceMRN", type="text", max_length=500)
    grown = before.model_copy(
        update={
            "custom_columns": [before.custom_columns[0].model_copy(update={"options": ["Cat", "Dog"]}), longer],
            "options": {"ClinicAppointment.Room": ["1", "2"]},
        }
    )
    assert map_hash(grown) != map_hash(before) and only_grown(before, grown)
    assert only_grown(grown.model_copy(update={"out_of_scope": {"recalls": "Not wanted."}}), grown)
    assert not only_grown(before, grown.model_copy(update={"out_of_scope": {"recalls": ""}}))
    assert not only_grown(before, of_type("text", "text"))
    field = FieldMap(source="new", column="suffix")
    assert not only_grown(LAST, a_map(*LAST.objects["patient"].routes[0].fields, field))
    assert not only_grown(LAST, a_map(*LAST.objects["patient"].routes[0].fields[:1]))
