"""Value maps: what is known is answered, what has no option on purpose is None, numbers are never guessed."""

import pytest

from mapping.catalog import load_catalog
from mapping.matching.lexicon import load
from mapping.matching.values import answers


@pytest.mark.parametrize(
    ("column", "value", "label"),
    [
        ("contact.gendercode", "weiblich", "Female"),
        ("contact.gendercode", "Masculino", "Male"),
        ("contact.gendercode", "Non-Binary", None),
        ("contact.familystatuscode", "Separated", None),
        ("contact.MaritalStatus", "separated", "Separated"),
        ("ClinicAppointment.Status", "CheckedIn", "Arrived"),
        ("ClinicAppointment.Status", "no_show", "No-show"),
        ("ClinicAppointment.Status", "Cancelled <24h", "Cancelled"),
        ("ClinicPrescription.DEASchedule", "CII", "II"),
        ("ClinicInsurance.Relationship", "Cónyuge", "Spouse"),
    ],
)
def test_known_words(column: str, value: str, label: str | None) -> None:
    found = answers(column.split(".")[0], column.split(".")[1], [value])
    assert found is not None and found.values == {value: label}


def test_numbers_are_not_guessed() -> None:
    found = answers("contact", "gendercode", ["0", "1", "2"])
    assert found is not None and found.values == {} and found.unanswered == ("0", "1", "2")


def test_a_text_column_has_no_value_map() -> None:
    assert answers("contact", "lastname", ["x"]) is None


def test_every_option_of_the_lexicon_is_one_of_the_column() -> None:
    for name, options in load("values.yaml").items():
        column = load_catalog().column(*name.split("."))
        assert column is not None, name
        assert {label for label in options if label is not None} <= set(column.options), name
