"""What every profile that ships must keep: its SQL binds without files, and its map answers for every field."""

from pathlib import Path

import pytest

from mapping.catalog.load import load_catalog
from mapping.model import FieldMap
from mapping.review import left_behind
from sources.profile import PROFILES, Profile, load_profile
from sources.shaping import shape_bucket
from tests.sources.helpers import Shaped, shape_folder, shared

NAMES = sorted(path.stem for path in PROFILES.glob("*.yaml"))


@pytest.fixture(params=NAMES)
def profile(request: pytest.FixtureRequest) -> Profile:
    return load_profile(request.param)


def test_sql_runs_over_no_files_at_all(profile: Profile, tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    for bucket in (None, 0):
        shaped = shape_bucket(profile, tmp_path / "raw", tmp_path / str(bucket), bucket, 64)
        assert {rows for rows, _ in shaped.objects.values()} <= {0}
        assert not any(shaped.accounts.values())


def test_the_map_names_columns_that_exist_and_reasons_for_what_is_ignored(profile: Profile) -> None:
    catalog = load_catalog()
    for plain in profile.map.values():
        for route in plain["routes"]:
            for field in route["fields"]:
                if field.get("column"):
                    assert catalog.column(route["table"], field["column"]), field
                elif field.get("transform") != "state":
                    assert field["status"] == "ignored" and field["reason"].endswith("."), field
                assert not left_behind(FieldMap.model_validate(field)), field


@pytest.mark.parametrize("name", ["synthea-csv-claims", "gnuhealth"])
def test_every_shaped_field_is_mapped_or_ignored(name: str, tmp_path: Path) -> None:
    shaped: Shaped = shape_folder(shared(name), tmp_path, buckets=1)
    for object_name, records in shaped.records.items():
        if object_name == "claim" or not records:  # claims are exported as they are
            continue
        there = {key for key in records[0] if not key.startswith("_")} - {"properties"}
        routes = shaped.detection.profile.map[object_name]["routes"]  # type: ignore[index]  # a key of objects
        assert {field["source"] for route in routes for field in route["fields"]} == there, object_name
