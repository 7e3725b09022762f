"""Reports of the full run and its verification: reconciliation, exceptions, manual uploads."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from reports.model import Fact, Report, Table

#: What to do about an exception, by its code.
FIXES = {
    "missing_id": "Give the record an id in the source, then run a delta.",
    "duplicate_id": "Two records share an id: correct the source, or leave out the copy.",
    "missing_parent": "Bring the record it belongs to first; then retry.",
    "missing_file": "Add the file to the upload, or upload it by hand.",
    "too_large": "Raise the limit or upload it by hand (manual-upload report).",
    "blocked_type": "Have the type allowed in the target, or upload it by hand.",
    "zero_bytes": "Find the file in the old system, or leave it out.",
    "unknown_value": "Add the value to the field's value map.",
    "too_long": "Give the column a greater length or shorten the text in the source.",
    "shared_row": "The same person is in the source twice with different values: decide which is right.",
    "rerouted": "Roll back the run that wrote it, then run again.",
}
_UPLOAD = ("no_file", "missing_file", "zero_bytes", "too_large", "blocked_type")


def reconciliation_report(
    migration: str, objects: Mapping[str, Mapping[str, int]], findings: Sequence[Mapping[str, Any]], most: int
) -> Report:
    """Dispositions and compared fields by object, and every finding by class."""
    verified = sum(one["fields_verified"] for one in objects.values())
    differing = sum(one["fields_differing"] for one in objects.values())
    excepted = sum(one["excepted"] for one in objects.values())
    columns = [
        "read",
        "migrated",
        "unchanged",
        "exported",
        "excepted",
        "excluded",
        "fields_verified",
        "fields_differing",
        "fields_excepted",
    ]
    classes = Counter(str(finding["class"]) for finding in findings)
    return Report(
        "reconciliation",
        "Reconciliation",
        "Every field of every migrated record, read back from the target and compared with the source.",
        migration,
        [
            Fact("Fields verified", f"{verified:,}", "good" if verified else "attention"),
            Fact("Fields that differ", f"{differing:,}", "bad" if differing else "good"),
            Fact("Records excepted", f"{excepted:,}", "attention" if excepted else "good", "each with its reason"),
            Fact("Findings", f"{len(findings):,}", "bad" if findings else "good"),
        ],
        [
            Table(
                "By object",
                ["Object", *(column.replace("_", " ").capitalize() for column in columns)],
                [[name, *(one[column] for column in columns)] for name, one in objects.items()],
                "Read is the sum of the five dispositions. Staff are matched and claims are exported, so they have no fields to read back.",
            ),
            Table("Findings by class", ["Class", "Findings"], sorted(classes.items()), empty="Nothing differs."),
            Table(
                "Findings",
                ["Object", "Source id", "Column", "Class"],
                [[f["object"], f["source_id"], f["column"], f["class"]] for f in findings[:most]],
                empty="Nothing differs.",
            ),
        ],
        data={"objects": {name: dict(one) for name, one in objects.items()}},
    )


def exceptions_report(migration: str, rows: Sequence[Any]) -> Report:
    """Records and fields that could not go, grouped by cause with one example and the fix."""
    groups: dict[tuple[str, str, str], list[Any]] = {}
    for row in rows:
        groups.setdefault((row.object, "field" if row.field else "record", row.code), []).append(row)
    summary = [
        [key[0], key[1], key[2], len(some), some[0].message, FIXES.get(key[2], ""), some[0].source_id]
        for key, some in sorted(groups.items(), key=lambda item: -len(item[1]))
    ]
    records = sum(1 for row in rows if row.field is None)
    return Report(
        "exceptions",
        "Exceptions",
        "What did not land as mapped, and why. Nothing is dropped silently.",
        migration,
        [
            Fact("Records", f"{records:,}", "attention" if records else "good"),
            Fact("Fields", f"{len(rows) - records:,}"),
        ],
        [
            Table("By cause", ["Object", "Of a", "Code", "Count", "What", "What to do", "Example"], summary),
            Table(
                "All",
                ["Object", "Source id", "Field", "Code", "What", "Cause"],
                [[r.object, r.source_id, r.field, r.code, r.message, r.cause] for r in rows],
            ),
        ],
        csv_table=1,
    )


def manual_upload_report(migration: str, rows: Sequence[Any], papers: Mapping[str, Mapping[str, Any]]) -> Report:
    """Documents that must be uploaded by hand, with a place to tick them off."""
    listed = [row for row in rows if row.object == "document" and row.field is None]
    return Report(
        "manual-upload",
        "Manual uploads",
        "Documents that could not go by themselves: upload them by hand and tick them off.",
        migration,
        [
            Fact("Documents", f"{len(listed):,}", "attention" if listed else "good"),
            Fact("Files in the upload", f"{len(papers):,}"),
        ],
        [
            Table(
                "To upload",
                ["Document", "Reason", "What", "Done"],
                [[row.source_id, row.code, row.message, "☐" if row.code in _UPLOAD else ""] for row in listed],
                empty="Every document arrived.",
            )
        ],
    )
