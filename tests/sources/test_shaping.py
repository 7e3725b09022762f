"""Staging and shaping on small made-up profiles: numbering, buckets, and an account that must come out even."""

from pathlib import Path
from typing import Any

import pytest

from sources.errors import BadProfile, BadRow, BadSource
from sources.hashing import keyed
from sources.profile import Profile, load_profile, parse_profile
from sources.shaping import ShapedBucket, shape_bucket
from sources.staging import StagedFile, bucket_of, parse_part_name, stage_file
from tests.sources.helpers import lines

PROFILE = """
name: small
title: Small
detect: {{people: [id]}}
datasets:
  people:
    files: [people.csv]
    bucket: id
    columns: {{town: city}}
    optional: [name]
    withheld: [secret]
    account: {account}
  places:
    files: [places.csv]
    required: [code]
    optional: [name]
    account: SELECT _row, 'merged:patient' AS account FROM places
  boxes: {{files: [boxes.csv], out_of_scope: nothing to do with people}}
objects:
  patient: {patient}
  location: {{global: true, sql: "SELECT code AS _id, name FROM places"}}
"""
FED = "SELECT _row, 'fed:patient' AS account FROM people"
PLAIN = "SELECT id AS _id, id AS _patient, name, city, _extra AS rest, length(name) AS letters FROM people"


def small(account: str = FED, patient: str = PLAIN) -> Profile:
    return parse_profile(PROFILE.format(account=f'"{account}"', patient=f'"{patient}"'), "small")


def stage(profile: Profile, folder: Path, dataset: str, text: str, buckets: int = 2, first: int = 0) -> StagedFile:
    path = folder / f"{dataset}-{first}.csv"
    path.write_text(text)
    return stage_file(profile, dataset, path, folder / "raw", buckets, first)


def shape(profile: Profile, folder: Path, bucket: int | None, memory_mb: int = 64) -> ShapedBucket:
    return shape_bucket(profile, folder / "raw", folder / f"shaped-{bucket}", bucket, memory_mb)


def test_rows_are_numbered_spread_and_keep_what_is_undeclared(tmp_path: Path) -> None:
    profile = small()
    first = stage(profile, tmp_path, "people", "ID,name,Town,pet,secret\n1,Ann,Bath,cat,x\n2,,Ely,,y\n")
    second = stage(profile, tmp_path, "people", "id,city\n3,York\n", first=2)
    assert (first.rows, second.rows, second.first_row) == (2, 1, 2)
    assert first.columns == ("ID", "name", "Town", "pet", "secret")
    assert first.undeclared == ("pet",)
    staged = {row["_row"]: row for one in (first, second) for path in one.parts.values() for row in lines(path)}
    assert staged == {
        0: {"_row": 0, "id": "1", "name": "Ann", "city": "Bath", "_extra": '{"pet":"cat"}'},
        1: {"_row": 1, "id": "2", "city": "Ely"},
        2: {"_row": 2, "id": "3", "city": "York"},
    }
    for bucket, path in first.parts.items():
        assert parse_part_name(path.name)[:3] == ("people", str(bucket), 2)
        assert all(bucket_of(row["id"], 2) == bucket for row in lines(path))


def test_staging_again_gives_the_same_bytes(tmp_path: Path) -> None:
    text = "id,name\n" + "".join(f"{n},n{n}\n" for n in range(500))
    contents = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        folder.mkdir()
        contents.append([path.read_bytes() for path in stage(small(), folder, "people", text).parts.values()])
    assert contents[0] == contents[1]


def test_a_broken_row_leaves_nothing_staged(tmp_path: Path) -> None:
    with pytest.raises(BadRow):
        stage(small(), tmp_path, "people", "id,name\n1,Ann\n2,Bob,x\n")
    assert list((tmp_path / "raw").iterdir()) == []


def test_a_missing_column_is_refused_and_a_missing_file_is_an_empty_view(tmp_path: Path) -> None:
    with pytest.raises(BadSource, match="lacks the column code"):
        stage(small(), tmp_path, "places", "name\nBath\n")
    stage(small(), tmp_path, "people", "id\n1\n", buckets=1)
    assert shape(small(), tmp_path, None).objects["location"][0] == 0


def test_all_values_are_text_and_records_come_in_order_of_their_ids(tmp_path: Path) -> None:
    profile = small()
    stage(profile, tmp_path, "people", "id,name,city,pet\n2,Bob,York,\n1,Ann,02139,cat\n,,,dog\n", buckets=1)
    shaped = shape(profile, tmp_path, 0)
    records = lines(shaped.objects["patient"][1])
    assert [record["_id"] for record in records] == [None, "1", "2"]
    assert records[1] == {
        "_id": "1",
        "_patient": "1",
        "name": "Ann",
        "city": "02139",
        "rest": '{"pet":"cat"}',
        "letters": "3",
    }
    again = shape_bucket(profile, tmp_path / "raw", tmp_path / "again", 0, 64)
    assert again.objects["patient"][1].read_bytes() == shaped.objects["patient"][1].read_bytes()


def test_a_hashed_column_is_a_hash_and_its_value_has_another_name(tmp_path: Path) -> None:
    text = PROFILE.replace("withheld: [secret]", "withheld: [secret]\n    hashed: [ID]")
    patient = "SELECT id AS _id, id AS _patient, plain_ID AS number, keyed(' ' || plain_id) = id AS same FROM people"
    profile = parse_profile(text.format(account=f'"{FED}"', patient=f'"{patient}"'), "small")
    (tmp_path / "people.csv").write_text("id,name\n123-45-6789,Ann\n987-65-4321,Bo\n")
    stage_file(profile, "people", tmp_path / "people.csv", tmp_path / "raw", 2, 0, "5e")
    shaped = [shape_bucket(profile, tmp_path / "raw", tmp_path / str(n), n, 64, "5e") for n in range(2)]
    records = {one["number"]: one for part in shaped for one in lines(part.objects["patient"][1])}
    assert {number: one["_id"] for number, one in records.items()} == {
        number: keyed("5e", number) for number in ("123-45-6789", "987-65-4321")
    }
    assert {one["same"] for one in records.values()} == {"true"}
    assert keyed("5e", "123-45-6789") != keyed("5f", "123-45-6789")


def test_global_objects_and_broadcast_accounts_come_once(tmp_path: Path) -> None:
    profile = small()
    stage(profile, tmp_path, "people", "id\n1\n2\n3\n")
    stage(profile, tmp_path, "places", "code\nx\ny\n")
    stage(profile, tmp_path, "boxes", "size\n1\n2\n")
    once = shape(profile, tmp_path, None)
    assert list(once.objects) == ["location"]
    assert once.accounts == {"places": {"merged:patient": 2}, "boxes": {"excluded:out_of_scope": 2}}
    assert [row["_row"] for row in lines(once.left_out)] == [0, 1]
    counts = [shape(profile, tmp_path, bucket) for bucket in range(2)]
    assert [list(one.objects) for one in counts] == [["patient"], ["patient"]]
    assert sum(one.objects["patient"][0] for one in counts) == 3
    assert sum(one.accounts["people"].get("fed:patient", 0) for one in counts) == 3


@pytest.mark.parametrize(
    "account",
    [
        "SELECT _row, 'fed:patient' AS account FROM people WHERE id <> '1'",
        "SELECT _row, 'fed:patient' AS account FROM people, range(2)",
        "SELECT _row + 1 AS _row, 'fed:patient' AS account FROM people",
        "SELECT 0 AS _row, 'fed:patient' AS account FROM people",
    ],
    ids=["a row left out", "rows twice", "other rows", "one row for all"],
)
def test_an_account_that_does_not_come_out_even_is_refused(tmp_path: Path, account: str) -> None:
    profile = small(account=account)
    stage(profile, tmp_path, "people", "id\n1\n2\n", buckets=1)
    with pytest.raises(BadProfile, match="account of people: 2 raw rows"):
        shape(profile, tmp_path, 0)


@pytest.mark.parametrize("text", ["fed:nobody", "lost", "merged:patients", "excluded:No"])
def test_an_account_of_another_form_is_refused(tmp_path: Path, text: str) -> None:
    profile = small(account=f"SELECT _row, '{text}' AS account FROM people")
    stage(profile, tmp_path, "people", "id\n1\n", buckets=1)
    with pytest.raises(BadProfile, match="account of people"):
        shape(profile, tmp_path, 0)


def test_records_of_another_bucket_are_refused(tmp_path: Path) -> None:
    sql = "SELECT code AS _id, code AS _patient FROM places"
    for patient, fits in ((sql, False), (f"{sql} WHERE in_bucket(code)", True)):
        profile = small(patient=patient)
        folder = tmp_path / str(fits)
        folder.mkdir()
        stage(profile, folder, "places", "code\n" + "".join(f"{n}\n" for n in range(20)))
        if fits:
            assert sum(shape(profile, folder, bucket).objects["patient"][0] for bucket in range(2)) == 20
        else:
            with pytest.raises(BadProfile, match="another bucket"):
                shape(profile, folder, 0)


def test_errors_of_sql_never_quote_values(tmp_path: Path) -> None:
    profile = small(patient="SELECT id AS _id, id AS _patient, name::INTEGER AS n FROM people")
    stage(profile, tmp_path, "people", "id,name\n1,Secretname\n", buckets=1)
    with pytest.raises(BadProfile) as caught:
        shape(profile, tmp_path, 0)
    assert "Secretname" not in str(caught.value)
    assert caught.value.__suppress_context__
    with pytest.raises(BadProfile, match="nosuch"):
        shape(small(patient="SELECT nosuch AS _id FROM people"), tmp_path, 0)


def test_sql_reads_no_other_file(tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("a\n1\n")
    sql = f"SELECT a AS _id, a AS _patient FROM read_csv('{tmp_path / 'other.csv'}')"
    stage(small(), tmp_path, "people", "id\n1\n", buckets=1)
    with pytest.raises(BadProfile, match="Permission"):
        shape(small(patient=sql), tmp_path, 0)


def test_parts_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    stage(small(), tmp_path, "people", "id\n1\n", buckets=2)
    stage(small(), tmp_path, "people", "id\n2\n", buckets=3, first=1)
    with pytest.raises(BadSource, match="different numbers of buckets"):
        shape(small(), tmp_path, 0)


def test_more_rows_than_memory_are_shaped(tmp_path: Path) -> None:
    filling = "x" * 2000
    profile = small()
    stage(profile, tmp_path, "people", "id,name\n" + "".join(f"{n},{filling}{n}\n" for n in range(60_000)), buckets=1)
    shaped = shape(profile, tmp_path, 0, memory_mb=64)
    assert shaped.objects["patient"][0] == 60_000
    ids = [record["_id"] for record in lines(shaped.objects["patient"][1])]
    assert ids == sorted(str(n) for n in range(60_000))
    assert [path.name for path in (tmp_path / "shaped-0").iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"detect": {"nobody": ["x"]}}, "nobody is not a dataset"),
        ({"datasets": {"people": {"files": ["a"]}}}, "needs account SQL"),
        ({"map": {"claim": {"routes": []}}}, "which no SQL shapes"),
        ({"map": {"patient": {"routes": [{"table": "contact", "felds": []}]}}}, r"map of patient: routes\.0"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
def test_a_profile_that_does_not_fit_says_where(change: dict[str, Any], message: str) -> None:
    import yaml

    plain = yaml.safe_load(PROFILE.format(account=f'"{FED}"', patient=f'"{PLAIN}"')) | change
    with pytest.raises(BadProfile, match=message):
        parse_profile(yaml.safe_dump(plain), "test")


def test_an_unknown_profile_names_the_known_ones() -> None:
    with pytest.raises(BadProfile, match=r"known: .*synthea"):
        load_profile("nothing")
    with pytest.raises(BadProfile):
        load_profile("../profile")
