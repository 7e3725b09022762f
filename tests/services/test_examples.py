"""Examples of a field, shown beside its map."""

import shutil
from pathlib import Path
from typing import Any, cast

from ledger.chunks import write_records
from ledger.migrations import Migration
from ledger.storage import Storage
from mapping.model import ClinicMap, FieldMap, ObjectMap, Route
from mapping.trim import MARK
from services import source

MIGRATION = Migration(id="m-00000001", system="clinic", snapshot=1)
RARE = FieldMap(source="nick", column="nickname")
MAP = ClinicMap(
    system="clinic", profile="p", objects={"patient": ObjectMap(routes=[Route(table="contact", fields=[RARE])])}
)


class Buckets:
    """A storage with one shaped file a bucket; counts what is read."""

    def __init__(self, folder: Path, *buckets: list[dict[str, Any]]) -> None:
        self.folder, self.read = folder, 0
        self.count = len(buckets)
        for number, records in enumerate(buckets):
            write_records(folder / f"b{number:04d}", records)

    async def names(self, container: str, prefix: str) -> list[str]:
        return [f"b{number:04d}" for number in range(self.count)]

    async def download(self, container: str, name: str, path: Path) -> None:
        self.read += 1
        shutil.copy(self.folder / name, path)


async def look(buckets: Buckets) -> list[source.Example]:
    return await source.examples(cast("Storage", buckets), MIGRATION, MAP, "patient", "contact", RARE)


async def test_a_field_that_few_records_have_is_looked_for_in_further_buckets(tmp_path: Path) -> None:
    empty = [{"_id": str(number)} for number in range(50)]
    buckets = Buckets(
        tmp_path, empty, [{"nick": " Al "}, {"nick": MARK}], empty, [{"nick": "Bo"}, {"nick": "Cy"}], empty
    )
    assert await look(buckets) == [(" Al ", "Al"), ("Bo", "Bo"), ("Cy", "Cy")]
    assert buckets.read == 4  # there were enough


async def test_the_search_ends(tmp_path: Path) -> None:
    buckets = Buckets(tmp_path, *([{"_id": "1"}] for _ in range(40)))
    assert await look(buckets) == []
    assert buckets.read == 16
