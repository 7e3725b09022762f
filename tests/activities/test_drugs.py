"""Drugs that nobody knows the schedule of are listed for a person, each once, with how often it is prescribed."""

from pathlib import Path

from activities.drugs import EXAMPLES, unknown_drugs
from activities.mapped import as_row, write_index
from ledger.chunks import write_records
from mapping.record import MappedRecord
from reports.drugs import drugs_report
from tests.mapping.samples import RECORDS, compiled


def test_unknown_drugs_are_counted_over_all_buckets(tmp_path: Path) -> None:
    mapper = compiled(controlled="suppress")["prescription"]
    files: list[Path] = []
    for bucket, drugs in enumerate(
        (["foozabine 5 MG"] * 30 + ["Aspirin 81 MG"], ["Foozabine 5 mg ", "barmol", "Morphine"])
    ):
        records: list[MappedRecord] = [
            mapper({**RECORDS["prescription"], "_id": f"R{bucket}{number:03d}", "drug": drug, "code": ""})
            for number, drug in enumerate(drugs)
        ]
        chunk = tmp_path / f"b{bucket:04d}-00000.ndjson.gz"
        write_records(chunk, (as_row(one, chunk.stem, pos, "P1") for pos, one in enumerate(records)))
        files.append(tmp_path / f"b{bucket:04d}.parquet")
        write_index([chunk], files[-1])

    found = unknown_drugs(files)

    assert [(name.lower().strip(), prescriptions) for name, prescriptions, _ in found] == [
        ("foozabine 5 mg", 31),
        ("barmol", 1),
    ]
    assert found[0][2] == [f"R0{number:03d}" for number in range(EXAMPLES)]
    report = drugs_report("m-00000000", found)
    assert [fact.value for fact in report.facts] == ["2", "32"]
    assert report.tables[0].rows[1] == ["barmol", 1, "R1001"]
