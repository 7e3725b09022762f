"""What became of derived rows is told with an object of the twelve, and the sums still hold."""

from activities.tally import FIGURES, told
from ledger.exceptions import ExceptionRow
from mapping.objects import OBJECTS


def lost(object: str, id: str, code: str = "0x80040265", field: str | None = None) -> ExceptionRow:
    return ExceptionRow(object, id, field, code, "")


def test_what_did_not_land_is_a_field_of_its_parent_or_a_property() -> None:
    objects = {name: dict.fromkeys(FIGURES, 0) for name in OBJECTS}
    objects["custom_property"].update(read=10, migrated=8, excepted=2)
    exceptions = [
        lost("encounter", "E1"),  # a record's own exception is counted elsewhere
        lost("encounter_note", "E2"),
        lost("encounter_note", "E1", "missing_parent"),  # its encounter is the exception
        lost("carrier", "acme"),
        lost("property_value", "P1.Hobbies.0a"),
        lost("property_value", "P1.Hobbies.0b"),
        lost("property_value", "P1.Sports.0a"),
    ]
    told(objects, {"encounter_note", "carrier", "property_value"}, exceptions)
    assert objects["encounter"]["fields_excepted"] == 1
    assert objects["insurance"]["fields_excepted"] == 1
    assert objects["custom_property"] == dict.fromkeys(FIGURES, 0) | {"read": 10, "migrated": 6, "excepted": 4}
