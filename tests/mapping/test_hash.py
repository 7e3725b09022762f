"""The map's hash is what a person confirms."""

from mapping.hash import map_hash
from mapping.model import ClinicMap
from tests.mapping.samples import a_map


def _changed(**field: object) -> ClinicMap:
    clinic_map = a_map()
    one = clinic_map.objects["patient"].routes[0].fields[1]
    for name, value in field.items():
        setattr(one, name, value)
    return clinic_map


def test_wording_does_not_change_it() -> None:
    base = map_hash(a_map())
    assert map_hash(_changed(confidence=0.1, reason="because", status="confirmed", phi="none")) == base
    assert map_hash(a_map(out_of_scope={"allergies": "no table"})) == map_hash(
        a_map(out_of_scope={"allergies": "later"})
    )


def test_whatever_is_written_differently_changes_it() -> None:
    base = map_hash(a_map())
    changed = [
        _changed(column="nickname"),
        _changed(transform="identifier"),
        _changed(args={"none": ["-"]}),
        _changed(values={"a": "b"}),
        _changed(source="given"),
        _changed(status="ignored"),
        a_map(controlled="suppress"),
        a_map(system="other"),
        a_map(prefix="abc"),
        a_map(time_zone="UTC"),
        a_map(options={}),
        a_map(custom_columns=[]),
        a_map(out_of_scope={"allergies": "no table"}),
    ]
    hashes = {map_hash(one) for one in changed}
    assert base not in hashes
    assert len(hashes) == len(changed)


def test_it_survives_a_round_trip() -> None:
    clinic_map = a_map()
    again = ClinicMap.model_validate_json(clinic_map.model_dump_json())
    assert map_hash(again) == map_hash(clinic_map)


def test_ignored_fields_count_as_ignored_whatever_they_would_have_done() -> None:
    assert map_hash(_changed(status="ignored")) == map_hash(_changed(status="ignored", column=None, transform="date"))
