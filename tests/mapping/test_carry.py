"""A source read again: people's changes stay, the new reading's additions come in."""

from mapping.carry import carried
from mapping.model import ClinicMap, CustomColumn, FieldMap, ObjectMap, Route


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

    said = out(recalls="Not wanted.", allergies="Ours.", orders="Old.")
    last = out(recalls="", allergies="no table", orders="")
    made = carried(said, last, out(recalls="", allergies="no table", visits=""))
    assert made.out_of_scope == {"recalls": "Not wanted.", "allergies": "Ours.", "visits": ""}
