"""The schema of a migration: names, options, lookups and lengths as the map wants them."""

from mapping.catalog import build_schema
from mapping.model import ClinicMap, CustomColumn, ObjectMap, Route
from mapping.objects import ObjectName


def _map(tables: dict[ObjectName, list[str]], **more: object) -> ClinicMap:
    objects = {name: ObjectMap(routes=[Route(table=t, fields=[]) for t in routes]) for name, routes in tables.items()}
    return ClinicMap.model_validate({"system": "demo", "profile": "p", "objects": objects, **more})


def test_names_carry_the_prefix_only_where_they_are_ours() -> None:
    schema = build_schema(_map({"patient": ["contact"], "appointment": ["ClinicAppointment"]}, prefix="abc"))
    table = schema.table("ClinicAppointment")
    assert (table.logical, table.schema_name, table.set_name, table.id_column, table.name_column, table.key_column) == (
        "abc_clinicappointment", "abc_ClinicAppointment", "abc_clinicappointments", "abc_clinicappointmentid",
        "abc_name", "abc_sourcekey",
    )  # fmt: skip
    contact = schema.table("contact")
    assert (contact.logical, contact.set_name, contact.id_column, contact.name_column, contact.key_column) == (
        "contact", "contacts", "contactid", "fullname", "abc_sourcekey",
    )  # fmt: skip
    assert contact.columns["firstname"].logical == "firstname"
    assert contact.columns["SourceMRN"].schema_name == "abc_SourceMRN"
    assert contact.columns["SourceMRN"].logical == "abc_sourcemrn"


def test_only_the_tables_of_the_routes_and_what_they_lean_on() -> None:
    schema = build_schema(_map({"insurance": ["ClinicInsurance"]}))
    assert set(schema.tables) == {"contact", "account", "ClinicInsurance"}
    assert (
        "Encounter"
        not in build_schema(_map({"prescription": ["ClinicPrescription"]})).table("ClinicPrescription").columns
    ), "a lookup to a table that is not there would not import"


def test_lookups_follow_where_the_map_sends_their_object() -> None:
    schema = build_schema(
        _map({"location": ["ClinicLocation"], "appointment": ["task"], "encounter": ["ClinicEncounter"]})
    )
    columns = schema.table("ClinicEncounter").columns
    assert columns["Location"].nav == {"cms_cliniclocation": "cms_LocationClinicLocation"}
    assert columns["Appointment"].nav == {"task": "cms_AppointmentTask"}
    assert columns["Patient"].nav == {"contact": "cms_Patient"}
    assert columns["Patient"].read_name == "_cms_patient_value"


def test_standard_lookups_bind_by_dataverses_names() -> None:
    schema = build_schema(_map({"document": ["annotation"], "encounter": ["ClinicEncounter"], "appointment": ["task"]}))
    note = schema.table("annotation")
    assert note.key_column is None
    assert not any(column.custom for column in note.columns.values())
    assert note.columns["objectid"].nav["contact"] == "objectid_contact"
    assert note.columns["objectid"].nav["cms_clinicencounter"] == "objectid_cms_clinicencounter"
    assert schema.table("task").columns["regardingobjectid"].nav["contact"] == "regardingobjectid_contact_task"
    assert schema.table("contact").columns["ownerid"].nav == {"systemuser": "ownerid", "team": "ownerid"}


def test_options_are_numbered_by_position_and_the_inventory_only_appends() -> None:
    before = build_schema(
        _map({"appointment": ["ClinicAppointment"]}, options={"ClinicAppointment.AppointmentType": ["Exam"]})
    )
    after = build_schema(
        _map(
            {"appointment": ["ClinicAppointment"]},
            options={"ClinicAppointment.AppointmentType": ["Exam", "Cleaning"], "ClinicAppointment.Status": ["Draft"]},
        )
    )
    columns = after.table("ClinicAppointment").columns
    assert before.table("ClinicAppointment").columns["AppointmentType"].options == {"Exam": 100_000_000}
    assert columns["AppointmentType"].options == {"Exam": 100_000_000, "Cleaning": 100_000_001}
    assert columns["Status"].options["Scheduled"] == 100_000_000
    assert columns["Status"].options["Draft"] == 100_000_008
    assert after.table("contact").columns["gendercode"].options == {"Male": 1, "Female": 2}


def test_custom_columns_are_added_and_raise_lengths_but_never_shorten() -> None:
    custom = [
        CustomColumn(table="contact", name="Hobby", type="choices", options=["Chess", "Go"], label="Hobby"),
        CustomColumn(table="contact", name="SourceMRN", type="text", max_length=300),
        CustomColumn(table="contact", name="NPI", type="text", max_length=3),
        CustomColumn(table="contact", name="Story", type="text", max_length=9_000),
    ]
    columns = build_schema(_map({"patient": ["contact"]}, custom_columns=custom)).table("contact").columns
    assert columns["Hobby"].options == {"Chess": 100_000_000, "Go": 100_000_001}
    assert columns["Hobby"].logical == "cms_hobby"
    assert columns["SourceMRN"].max_length == 300
    assert columns["NPI"].max_length == 10
    assert (columns["Story"].type, columns["Story"].max_length) == ("memo", 9_000)
