"""What became of derived rows is told with an object of the twelve, and the sums still hold."""

from collections import Counter

from activities.tally import FIGURES, Told, _add, _properties, staff_counts, staff_exceptions
from ledger.exceptions import ExceptionRow
from mapping.objects import OBJECTS
from reports.reconcile import FIXES


def lost(object: str, id: str, code: str = "0x80040265", field: str | None = None) -> ExceptionRow:
    return ExceptionRow(object, id, field, code, "")


def test_what_did_not_land_is_a_field_of_its_parent_or_a_property() -> None:
    objects = {name: dict.fromkeys(FIGURES, 0) for name in OBJECTS}
    objects["custom_property"].update(read=10, migrated=8, excepted=2)
    exceptions = [
        lost("encounter_note", "E2"),
        lost("encounter_note", "E1", "missing_parent"),  # its encounter is the exception
        lost("carrier", "acme"),
        lost("property_value", "P1.Hobbies.0a"),
        lost("property_value", "P1.Hobbies.0b"),
        lost("property_value", "P1.Sports.0a"),
    ]
    told = Told(objects)
    for row in exceptions:
        told.take(row)
    told.excepted()
    assert objects["encounter"]["fields_excepted"] == 1
    assert objects["insurance"]["fields_excepted"] == 1
    assert objects["custom_property"] == dict.fromkeys(FIGURES, 0) | {"read": 10, "migrated": 6, "excepted": 4}


def test_what_a_paused_run_did_not_take_up_is_not_counted() -> None:
    """Neither as migrated nor as read: it has no disposition yet, and the sums still hold. What the plan has refused is
    listed, and so it is counted."""
    figures = {"records": 100, "properties": 30, "refused": 2, "ignored": 1}
    plan = {
        "read": 140,
        "fields_excepted": 0,
        "actions": {"create": figures, "unchanged": {"records": 30}, "orphan": {"records": 10}},
    }
    one = dict.fromkeys(FIGURES, 0)
    _add(one, plan, Counter())
    assert (one["read"], one["migrated"], one["excepted"]) == (40, 30, 10)
    assert +_properties(plan, Counter()) == Counter(excepted=2)

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


def test_a_retry_of_chosen_causes_counts_what_it_holds_back_and_not_what_it_leaves() -> None:
    """What was excepted still is, with its custom properties; what no run has come to has no disposition yet."""
    plan = {
        "read": 60,
        "fields_excepted": 4,
        "actions": {
            "create": {"records": 5, "properties": 5, "refused": 0, "ignored": 0},
            "held": {"records": 10, "properties": 7, "refused": 2, "ignored": 0},
            "left": {"records": 15, "properties": 6, "refused": 1, "ignored": 0},
            "unchanged": {"records": 30, "properties": 9, "refused": 0, "ignored": 0},
        },
    }
    loaded = Counter(taken=5, landed=4, excepted=1, taken_properties=5, properties=1)
    one = dict.fromkeys(FIGURES, 0)
    _add(one, plan, loaded)
    assert (one["read"], one["migrated"], one["excepted"], one["fields_excepted"]) == (45, 34, 11, 4)
    assert +_properties(plan, loaded) == Counter(migrated=9 + 5 - 1, excepted=7 + 1 + 1)


def test_a_property_of_lost_values_is_listed_once_and_not_again_when_the_map_refused_it() -> None:
    objects = {name: dict.fromkeys(FIGURES, 0) for name in OBJECTS}
    objects["custom_property"].update(read=3, migrated=2, excepted=1)
    exceptions = [
        lost("property_value", "P1.Hobbies.0a"),
        lost("property_value", "P1.Hobbies.0b"),
        lost("property_value", "P1.Sports.0a"),
    ]
    told = Told(objects)
    for row in exceptions:
        told.take(row)
    told.known([lost("custom_property", "P1.Sports", "unknown_value")])
    listed = told.excepted()
    assert [(one.object, one.source_id, one.field, one.code) for one in listed] == [
        ("custom_property", "P1.Hobbies", None, "0x80040265")
    ]
    assert objects["custom_property"]["excepted"] == 2


def test_staff_are_listed_as_often_as_they_are_counted() -> None:
    def person(id: str, match: str, disposition: str) -> dict[str, str]:
        return {"staff": id, "match": match, "disposition": disposition, "reason": "Words."}

    people = [
        person("1", "found", "unchanged"),
        person("2", "disabled", "excepted"),
        person("3", "none", "excepted"),
        person("4", "found", "excluded"),
    ]
    assert staff_counts(people) == {"read": 4, "unchanged": 1, "excluded": 1, "excepted": 2}
    assert [(one.source_id, one.code) for one in staff_exceptions(people)] == [("2", "disabled_user"), ("3", "no_user")]
    assert all(one.code in FIXES and one.message for one in staff_exceptions(people))
