"""What became of derived rows is told with an object of the twelve, and the sums still hold."""

from collections import Counter

from activities.tally import FIGURES, _add, _properties, told
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


def test_what_a_paused_run_did_not_take_up_is_not_counted() -> None:
    """Neither as migrated nor as read: it has no disposition yet, and the sums still hold."""
    figures = {"records": 100, "properties": 30, "refused": 2, "ignored": 1}
    plan = {
        "read": 140,
        "fields_excepted": 0,
        "actions": {"create": figures, "unchanged": {"records": 30}, "orphan": {"records": 10}},
    }
    one = dict.fromkeys(FIGURES, 0)
    _add(one, plan, Counter())
    assert (one["read"], one["migrated"], one["excepted"]) == (40, 30, 10)
    assert sum(_properties(plan, Counter()).values()) == 0

    taken = {
        "taken": 60,
        "landed": 55,
        "excepted": 5,
        "properties": 3,
        "properties_refused": 1,
        "properties_ignored": 0,
    }
    taken |= {"taken_properties": 20, "taken_properties_refused": 2, "taken_properties_ignored": 1}
    _add(one, plan, Counter(taken))
    assert (one["read"], one["migrated"], one["excepted"]) == (100, 85, 15)
    assert _properties(plan, Counter(taken)) == Counter(migrated=20 - 3 - 1 - 1, excepted=1 + 3, excluded=1)
