"""Runs a folder of files through the whole of sources/, and the places of the shared data sets."""

import csv
import gzip
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest

from sources.discover import Detection, detect, list_files
from sources.profile import Profile
from sources.shaping import shape_bucket
from sources.staging import stage_file

ROOT = Path(__file__).parents[2]


def shared(name: str) -> Path:
    """A shared data set; the test is skipped when it is not there."""
    root = Path(os.environ.get("CARRYOVER_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not (root / name).is_dir():
        pytest.skip(f"shared data set {name} is not at {root}")
    return root / name


def lines(path: Path) -> list[dict[str, Any]]:
    """The records of a gzipped NDJSON file."""
    with gzip.open(path, "rb") as file:
        return [orjson.loads(line) for line in file]


def table(path: Path) -> list[dict[str, str]]:
    """A CSV file as the standard library reads it: the independent view of the same data."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@dataclass
class Shaped:
    """Everything a folder gave, over all buckets."""

    detection: Detection
    rows: dict[str, int] = field(default_factory=dict)
    records: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    accounts: dict[str, Counter[str]] = field(default_factory=dict)
    left_out: list[dict[str, Any]] = field(default_factory=list)

    def of(self, name: str) -> list[dict[str, Any]]:
        return self.records.get(name, [])

    def by_id(self, name: str) -> dict[str, dict[str, Any]]:
        return {record["_id"]: record for record in self.of(name)}


def shape_folder(
    source: Path, work: Path, buckets: int = 2, profile: str | Profile | None = None, secret: str = ""
) -> Shaped:
    """Detects, stages and shapes a folder; checks on the way that every raw row is accounted for once."""
    found = detect(list_files(source), profile)
    result = Shaped(found)
    raw = work / "raw"
    raw.mkdir(parents=True)
    for dataset, files in found.datasets.items():
        rows = 0
        for file in files:
            rows += stage_file(found.profile, dataset, file.path, raw, buckets, rows, secret).rows
        result.rows[dataset] = rows
    for bucket in [None, *range(buckets)]:
        shaped = shape_bucket(found.profile, raw, work / str(bucket), bucket, 128, secret)
        for name, (count, path) in shaped.objects.items():
            records = lines(path)
            assert len(records) == count
            result.records.setdefault(name, []).extend(records)
        for dataset, counts in shaped.accounts.items():
            result.accounts.setdefault(dataset, Counter()).update(counts)
        result.left_out += lines(shaped.left_out)
    for dataset in found.profile.datasets:
        accounted = sum(result.accounts.get(dataset, Counter()).values())
        assert accounted == result.rows.get(dataset, 0), dataset
    excluded = sum(n for counts in result.accounts.values() for a, n in counts.items() if a.startswith("excluded:"))
    assert excluded == len(result.left_out)
    return result
