"""Counts of columns and properties, and what they say about types."""

import gzip
from pathlib import Path
from typing import Any

import orjson
import pytest

from sources.inventory import PropertyProfile, field_values, merge_properties, property_inventory
from sources.patterns import merge_types, phi_of, type_of


def write(path: Path, records: list[dict[str, Any]]) -> Path:
    with gzip.open(path, "wb") as file:
        file.writelines(orjson.dumps(record) + b"\n" for record in records)
    return path


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("0", "integer"), ("-12", "integer"), ("02139", "text"), ("5149810972972521916", "text"), ("1.50", "decimal"),
        ("0.30000000000000004", "text"), ("49112.8710000001", "decimal"), ("49112.87100000001", "text"),
        ("1e5", "text"), ("2024-02-29", "date"), ("2024-13-01", "text"), ("2024-02-29T10:00:00Z", "datetime"),
        ("2024-02-29 10:00:00.123", "datetime"), ("Yes", "boolean"), ("x" * 501, "memo"),
        ("a\nb", "memo"), ("", "text"),
    ],
)  # fmt: skip
def test_types(text: str, kind: str) -> None:
    assert type_of(text) == kind


def test_types_merge_to_what_holds_all() -> None:
    assert merge_types([]) is None
    assert merge_types(["integer", "decimal"]) == "decimal"
    assert merge_types(["date", "datetime"]) == "datetime"
    assert merge_types(["integer", "date"]) == "text"
    assert merge_types(["integer", "memo"]) == "memo"


def test_phi_is_seen_in_values_and_in_names() -> None:
    assert phi_of("field7", ["ssn"]) == "ssn"
    assert phi_of("OWNER_NAME", []) == "name"
    assert phi_of("BIRTHDATE", []) == "date"
    assert phi_of("UTILIZATION", []) == "none"


def patients(path: Path, properties: list[dict[str, Any]]) -> dict[str, PropertyProfile]:
    return property_inventory(write(path, [{"_id": str(n), "properties": one} for n, one in enumerate(properties)]))


def test_properties_get_the_type_that_holds_all_their_values(tmp_path: Path) -> None:
    found = patients(
        tmp_path / "a",
        [
            {"RACE": race, "INCOME": str(n), "FIPS": "25013", "COST": f"{n}.5", "VIP": "yes", "NICK": f"nick {n}",
             "TAGS": ["a", "b"], "NOTE": "x\ny"}
            for n, race in enumerate(["white", "asian"] * 4)
        ],
    )  # fmt: skip
    assert {name: one.type for name, one in found.items()} == {
        "RACE": "choice", "INCOME": "integer", "FIPS": "text", "COST": "decimal", "VIP": "boolean", "NICK": "text",
        "TAGS": "choices", "NOTE": "memo",
    }  # fmt: skip
    assert found["RACE"].options == {"white": 4, "asian": 4}
    assert (found["TAGS"].values, found["TAGS"].patients, found["TAGS"].multi) == (16, 8, True)
    assert found["COST"].decimals == 1


def test_property_counts_merge_and_survive_json(tmp_path: Path) -> None:
    parts = [
        patients(tmp_path / str(n), [{"CODE": value}, {"CODE": None, "OTHER": ""}])
        for n, value in enumerate(["12", "012"])
    ]
    back = [
        {name: PropertyProfile.model_validate_json(one.model_dump_json()) for name, one in part.items()}
        for part in parts
    ]
    merged = merge_properties(back)
    assert list(merged) == ["CODE"]
    assert (merged["CODE"].values, merged["CODE"].patients, merged["CODE"].type) == (2, 2, "text")


def test_whole_numbers_too_long_for_an_integer_column_are_decimals(tmp_path: Path) -> None:
    found = patients(tmp_path / "a", [{"COUNT": "12345678901"}, {"COUNT": "1"}])
    assert (found["COUNT"].type, found["COUNT"].decimals) == ("decimal", 0)


def test_options_stop_being_listed_when_there_are_too_many(tmp_path: Path) -> None:
    found = patients(tmp_path / "a", [{"NAME": f"n{n}"} for n in range(500)])
    assert found["NAME"].options is None
    assert found["NAME"].type == "text"


def test_open_choices_get_their_options_from_records_that_are_not_excluded(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a", [{"kind": "new"}, {"kind": "new"}, {"kind": None}, {"kind": "old", "_excluded": "soft_deleted"}]
    )
    counts = field_values(path, ["kind"])["kind"]
    assert (counts.options, counts.values, counts.nulls) == ({"new": 2}, 2, 1)
