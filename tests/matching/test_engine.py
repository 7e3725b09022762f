"""What the matcher makes of small schemas."""

from collections.abc import Iterable

import pytest

from mapping.matching.engine import propose
from mapping.matching.model import Column, Evidence, FieldProposal, Reference, Table
from mapping.matching.schema import BadSchema, read_schema


def table(name: str, columns: str, **more: object) -> Table:
    return Table(name, tuple(Column(*one.split(":", 1)) for one in columns.split()), **more)  # type: ignore[arg-type]


def homes(fields: Iterable[FieldProposal]) -> dict[str, str]:
    return {one.column: one.target_column for one in fields}


def test_every_field_is_answered_in_order() -> None:
    tables = [
        table("patients", "id:int fname:varchar(40) lname:varchar(40) zzz:text", objects=("patient",), main=True),
        table("visits", "id:int patient_id:int reason:text"),
    ]
    proposal = propose(tables)
    assert [one.source_field for one in proposal.fields] == [
        "patients.id", "patients.fname", "patients.lname", "patients.zzz",
        "visits.id", "visits.patient_id", "visits.reason",
    ]  # fmt: skip
    assert all(0 <= one.confidence <= 1 and one.reason for one in proposal.fields)
    assert propose(tables) == proposal


def test_tables_are_recognised_without_being_told() -> None:
    proposal = propose([
        table("tblKunden", "KundenID:int Vorname:varchar Nachname:varchar Geburtsdatum:date PLZ:varchar Ort:varchar"),
        table("Termine", "TerminID:int PatientID:int Beginn:datetime Dauer:int Status:varchar BehandlerID:int"),
        table("rx", "rx_id:int patient_id:int drug:varchar dose:varchar refills:int prescriber_id:int"),
        table("schema_migrations", "version:varchar"),
    ])  # fmt: skip
    assert [one.object for one in proposal.tables[:3]] == ["patient", "appointment", "prescription"]
    assert homes(proposal.fields)["version"] == "none"


def test_a_bare_name_is_the_part_that_its_neighbours_leave_out() -> None:
    def answer(columns: str) -> dict[str, str]:
        return homes(propose([table("patients", columns, objects=("patient",), main=True)]).fields)

    assert answer("nom:varchar prenom:varchar date_naissance:date ville:varchar")["nom"] == "lastname"
    assert answer("nombre:varchar apellidos:varchar fecha_nacimiento:date ciudad:varchar")["nombre"] == "firstname"
    assert answer("name:varchar dob:date city:varchar")["name"] == "firstname"
    assert answer("name:varchar first_name:varchar last_name:varchar")["name"] == "none"


def test_copies_of_other_records_are_left_out() -> None:
    proposal = propose([
        table("appointments", "patient_id:int patient_name:varchar patient_phone:varchar start_time:datetime",
              objects=("appointment",), main=True)
    ])  # fmt: skip
    assert homes(proposal.fields) == {
        "patient_id": "Patient", "patient_name": "none", "patient_phone": "none", "start_time": "ScheduledDate",
    }  # fmt: skip


def evidence(**more: object) -> Evidence:
    return Evidence(**{"filled": 100, "distinct": 90, "max_length": 30, **more})  # type: ignore[arg-type]


def test_values_tell_what_a_name_does_not() -> None:
    columns = (
        Column("c1", evidence=evidence(kind="text", patterns={"email": 1.0})),
        Column("first_name", evidence=evidence(kind="text")),
        Column("last_name", evidence=evidence(kind="text")),
        Column("dob", evidence=evidence(kind="date")),
    )
    found = homes(propose([Table("patients", columns, objects=("patient",), main=True)]).fields)
    assert found["c1"] == "emailaddress1"


def test_values_make_sure_of_a_name_that_is_only_like_it() -> None:
    def confidence(of: Column) -> float:
        others = (Column("first_name"), Column("last_name"), Column("dob"))
        return propose([Table("patients", (of, *others), objects=("patient",), main=True)]).fields[0].confidence

    assert confidence(Column("email_of_person")) < 0.9
    assert confidence(Column("email_of_person", evidence=evidence(kind="text", patterns={"email": 1.0}))) > 0.9


def test_columns_beyond_the_promise_are_opened_by_data() -> None:
    """From a schema alone nobody knows whether the clinic fills them."""
    names = ("id", "patient_id", "drug", "dose", "refills")
    empty = Table("prescriptions", tuple(Column(name) for name in names), objects=("prescription",), main=True)
    filled = Table(
        "prescriptions",
        tuple(Column(name, evidence=evidence(kind="integer" if name == "refills" else "text")) for name in names),
        objects=("prescription",),
        main=True,
    )
    assert homes(propose([empty]).fields)["refills"] == "none"
    assert homes(propose([filled]).fields)["refills"] == "Refills"


def test_a_field_in_use_without_a_home_becomes_a_column() -> None:
    columns = (
        Column("id", evidence=evidence(kind="integer", distinct=100)),
        Column("last_name", evidence=evidence(kind="text")),
        Column("shoe_brand", evidence=evidence(kind="text", distinct=3, values={"red": 50, "blue": 30, "tan": 20})),
    )
    field = propose([Table("patients", columns, objects=("patient",), main=True)]).fields[2]
    assert (field.target_table, field.target_column) == ("contact", "custom:ShoeBrand")
    assert field.custom is not None and field.custom.type == "choice" and field.custom.options == ["blue", "red", "tan"]
    assert all("red" not in one.reason for one in [field])


def test_a_choice_gets_its_value_map() -> None:
    columns = (
        Column("last_name", evidence=evidence(kind="text")),
        Column("sex", evidence=evidence(kind="text", distinct=3, values={"F": 50, "M": 49, "ZZ": 1})),
    )
    field = propose([Table("patients", columns, objects=("patient",), main=True)]).fields[1]
    assert field.target_column == "gendercode"
    assert field.values == {"F": "Female", "M": "Male"} and field.unanswered == ("ZZ",)


def test_a_reference_speaks_for_the_link() -> None:
    columns = (
        Column("who", "integer", reference=Reference("patients")),
        Column("attending", "integer", reference=Reference("doctors")),
        Column("start", "datetime"),
    )
    found = homes(propose([Table("appointments", columns, objects=("appointment",), main=True)]).fields)
    assert found["attending"] == "Practitioner"


def test_a_field_that_no_word_tells_of_is_never_sure() -> None:
    table_ = table("patients", "id:int first_name:varchar last_name:varchar qzx:varchar wombat:varchar",
                   objects=("patient",), main=True)  # fmt: skip
    sure = {one.column: one.confidence > 0.9 for one in propose([table_]).fields}
    assert sure["first_name"] and sure["last_name"]
    assert not sure["qzx"] and not sure["wombat"]


def test_a_doubtful_table_makes_doubtful_homes() -> None:
    """People in a table beside the patients may be the patients' own data, or somebody else's."""
    columns = "patient_id:int name:varchar city:varchar phone:varchar email:varchar relation:varchar"
    patients = table("patients", "id:int first_name:varchar last_name:varchar", objects=("patient",), main=True)
    beside, known = (
        propose([patients, table(name, columns, objects=("patient",))]).fields[-4]
        for name in ("patient_others", "patient_addresses")
    )
    assert beside.target_column == known.target_column == "address1_city"
    assert beside.confidence < known.confidence


@pytest.mark.parametrize(
    ("document", "where"),
    [
        (None, "A schema has"),
        ({}, "A schema has"),
        ({"tables": []}, "A schema has"),
        ({"tables": [{"name": "t"}]}, "see t"),
        ({"tables": [{"name": "t", "fields": ["id", {"type": "int"}]}]}, "Field 2 of t"),
        ({"objects": {"pet": {}}}, "pet is no object"),
        ({"objects": {"patient": "patients"}}, "patient is"),
        ({"objects": {"patient": None}}, "No object has a table"),
    ],
)
def test_what_is_no_schema_is_refused_with_words(document: object, where: str) -> None:
    with pytest.raises(BadSchema, match=where):
        read_schema(document)


def test_every_field_of_an_odd_schema_is_answered() -> None:
    odd = ["ID", "id", {"name": "Id", "type": None}, "", "名前", {"name": "sex", "options": {"M": "Male"}, "type": 7}]
    tables = read_schema({"tables": [{"table": "患者", "key": 5, "fields": odd}, {"table": "empty", "fields": []}]})
    assert [one.column for one in propose(tables).fields] == ["ID", "id", "Id", "", "名前", "sex"]
    unnamed = read_schema({"objects": {"patient": {"table": None, "fields": ["id"]}, "staff": {"table": None}}})
    assert [one.source_field for one in propose(unnamed).fields] == ["patient.id"]


def test_schemas_without_objects_are_read() -> None:
    tables = read_schema({"tables": {"patients": ["id", {"name": "dob", "type": "date"}]}})
    assert [column.type for column in tables[0].columns] == ["", "date"]
