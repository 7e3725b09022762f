"""The page of names says what the schema says."""

from mapping.catalog import build_schema, load_catalog
from mapping.describe import full_map, names_markdown


def test_every_table_and_column_of_the_catalog_is_on_the_page() -> None:
    page = names_markdown(build_schema(full_map()))
    for table in load_catalog().tables.values():
        section = page.split(f"\n## {table.name}\n")[1].split("\n## ")[0]
        for column in table.columns:
            assert f"\n| {column} | " in section, (table.name, column)


def test_names_types_and_options_are_written_out() -> None:
    page = names_markdown(build_schema(full_map("abc")))
    assert "| SourceMRN | abc_SourceMRN | abc_sourcemrn | text 100 | Medical record number |" in page
    assert "| gendercode | GenderCode | gendercode | choice: Male, Female | Gender |" in page
    assert "| Patient | abc_Patient | abc_patient | lookup to contact | Patient |" in page
    assert "schema name `abc_ClinicAppointment`, logical name `abc_clinicappointment`" in page
    assert page == names_markdown(build_schema(full_map("abc")))
