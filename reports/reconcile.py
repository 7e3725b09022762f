"""Reports of the full run and its verification: reconciliation, exceptions, manual uploads."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from reports import drugs
from reports.model import Fact, Report, Streamed, Table
from reports.warnings import ODD

#: What to do about an exception, by its code. Mending the source is followed by a new upload and a delta.
FIXES: Final[Mapping[str, str]] = {
    # of a record
    "missing_id": "Give the record an id in the source, then run a delta.",
    "duplicate_id": "Two records share an id: correct the source, or leave out the copy.",
    "missing_patient": "Name the patient in the source, or leave the record behind.",
    "missing_parent": "Bring the record it belongs to first, or correct the reference; then retry.",
    "missing_value": "Fill the field in the source: the row cannot be written without it.",
    "no_owner": "Name a fallback owner in the settings, then retry.",
    "no_route": "Give the map a table for such records.",
    "rerouted": "Roll back the run that wrote it, then run again.",
    "gone_from_target": "Somebody deleted the row in the target: decide whether it should come back.",
    "conflict": "Somebody changed the row meanwhile: retry.",
    "id_taken": "Another migration of the same system made the row: roll it back, or name this system otherwise.",
    "lost_reply": "The target did not answer, and may or may not have done it: retry.",
    # of a staff member
    "no_user": "Have a user made with this e-mail, or correct it in the source, then prepare again; else the fallback owner stands in.",
    "disabled_user": "Enable the user, then prepare again; else the fallback owner stands in.",
    "ambiguous_user": "Leave one user with this e-mail, then prepare again; else the fallback owner stands in.",
    "no_privilege": "Give the user a role that reads these tables, then prepare again; else the fallback owner stands in.",
    # of a document
    "no_file": "Find the file in the old system and upload it by hand.",
    "missing_file": "Add the file to the upload, or upload it by hand.",
    "zero_bytes": "Find the file in the old system, or leave it out.",
    "too_large": "Raise the limit in the target, or upload it by hand.",
    "blocked_type": "Have the type allowed in the target, or upload it by hand.",
    # of a field
    "unknown_value": "Add the value to the field's value map.",
    "unmapped_property": "Give the property a column in the map, or mark it as ignored.",
    "too_long": "Give the column a greater length, or shorten the text in the source.",
    "too_many_options": "Dataverse takes at most 150 values: map the field to text.",
    "not_number": "Correct the value in the source, or map the field to text.",
    "not_whole": "Correct the value in the source, or map the field to a decimal column.",
    "not_boolean": "Name the words for yes and no in the transform's arguments.",
    "not_duration": "Correct the value in the source, or name its unit in the transform's arguments.",
    "out_of_range": "Correct the value in the source: the column cannot hold it.",
    "too_precise": "Allow rounding in the transform's arguments, or map the field to text.",
    "bad_date": "Correct the date in the source, or name its format in the transform's arguments.",
    "ambiguous_date": "Name the date's format in the transform's arguments.",
    "before_1753": "Dataverse keeps no earlier date: correct the source, or map the field to text.",
    "ambiguous_time": "Say in the transform's arguments which of the two hours is meant (fold).",
    "no_such_time": "Say in the transform's arguments what to do with an hour that was skipped (gap).",
    "bad_email": "Correct the address in the source.",
    "bad_npi": "Correct the number in the source: its check digit is wrong.",
    "invalid_characters": "Remove the control characters in the source.",
    "shared_row": "The same person is in the source twice with different values: decide which is right.",
    "create_only": "Nothing: a creation time is set once, with the row.",
    "held_back": "Nothing, if the first record of the same person may keep the column; else correct the source.",
}
#: And about one that has a code of the target's.
UNKNOWN_FIX: Final = "Read the message; mend it in the source, the map or the target, then retry."
_UPLOAD = ("no_file", "missing_file", "zero_bytes", "too_large", "blocked_type")


def plugins(bypassed: Mapping[str, bool]) -> Fact:
    """Whether the target's custom plug-ins and flows ran on our writes; ``bypassed``: by run that stands."""
    without = [run for run, left_out in bypassed.items() if left_out]
    if not without:
        return Fact("Plug-ins and flows", "ran", note="the target's own, on every row that was written")
    some = "" if len(without) == len(bypassed) else f"in {', '.join(without)} only; "
    return Fact("Plug-ins and flows", "left out", "attention", f"{some}CARRYOVER_BYPASS_LOGIC")


def reconciliation_report(
    migration: str,
    objects: Mapping[str, Mapping[str, int]],
    findings: Sequence[Mapping[str, Any]],
    made: Sequence[Sequence[Any]] = (),
    bypassed: Mapping[str, bool] | None = None,
) -> Report:
    """Dispositions and compared fields by object, and every finding by class. ``made``: rows that the map makes from parts of
    records: what they are, the object they are told with, rows that landed and that did not, fields verified and differing."""
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
            Fact("Records excepted", f"{excepted:,}", "attention" if excepted else "good", "see the exceptions report"),
            Fact("Findings", f"{len(findings):,}", "bad" if findings else "good"),
            plugins(bypassed or {}),
        ],
        [
            Table(
                "By object",
                ["Object", *(column.replace("_", " ").capitalize() for column in columns)],
                [[name, *(one[column] for column in columns)] for name, one in objects.items()],
                "Read is the sum of the next five columns. Staff are matched with users and claims leave as files: they have no "
                "fields to read back.",
            ),
            *_made_tables(made),
            Table("Findings by class", ["Class", "Findings"], sorted(classes.items()), empty="Nothing differs."),
            Table(
                "Findings",
                ["Object", "Source id", "Column", "Class"],
                Streamed(
                    lambda: ([f["object"], f["source_id"], f["column"], f["class"]] for f in findings), len(findings)
                ),
                empty="Nothing differs.",
            ),
        ],
        data={"objects": {name: dict(one) for name, one in objects.items()}},
    )


def _made_tables(made: Sequence[Sequence[Any]]) -> list[Table]:
    if not made:
        return []
    columns = ["Rows", "Told with", "In the target", "Not landed", "Fields verified", "Fields that differ"]
    note = (
        "Rows that the map makes from a part of a record. They are no records of their own: their fields are counted with the "
        "object named here, and one that did not land is listed among the exceptions."
    )
    return [Table("Rows made from records", columns, made, note)]


_ROWS: Final = "made from a part of a record, such as a note: told with the record"


def exceptions_report(migration: str, rows: Iterable[Any], unknown_drugs: int) -> Report:
    """Records and fields that could not go, grouped by cause with one example and the fix. ``rows`` are read several times."""
    causes = Counter[tuple[str, str, str]]()
    examples: dict[tuple[str, str, str], Any] = {}
    for row in rows:
        cause = (row.object, row.kind, row.code)
        causes[cause] += 1
        examples.setdefault(cause, row)
    summary = [
        [*cause, count, examples[cause].message, FIXES.get(cause[2], ""), examples[cause].source_id]
        for cause, count in causes.most_common()
    ]
    kinds = Counter[str]()
    for (_, kind, _), count in causes.items():
        kinds[kind] += count
    return Report(
        "exceptions",
        "Exceptions",
        "What did not land as mapped, and why. Nothing is dropped silently.",
        migration,
        [
            Fact("Records", f"{kinds['record']:,}", "attention" if kinds["record"] else "good", "counted as excepted"),
            Fact("Fields", f"{kinds['field']:,}", note="left empty; their records are in the target"),
            *([Fact("Rows", f"{kinds['row']:,}", note=_ROWS)] if kinds["row"] else []),
            drugs.fact(unknown_drugs),
        ],
        [
            Table(
                "By cause",
                ["Object", "Of a", "Code", "Count", "What", "What to do", "Example"],
                summary,
                empty="Nothing was excepted.",
                marks={"record": "attention"},
            ),
            Table(
                "All",
                ["Object", "Source id", "Field", "Code", "What", "Cause"],
                Streamed(
                    lambda: ([r.object, r.source_id, r.field, r.code, r.message, r.cause] for r in rows), causes.total()
                ),
                empty="Nothing was excepted.",
            ),
        ],
        csv_table=1,
    )


def manual_upload_report(
    migration: str, rows: Sequence[Any], papers: Mapping[str, Mapping[str, Any]], odd: Mapping[str, Sequence[Any]]
) -> Report:
    """Documents that must be uploaded by hand, with a place to tick them off, and those that a person should look at.

    ``odd``: ``no_index``, files that no record names; ``odd``, pairs of a document's id and what is odd about it.
    """
    listed = [row for row in rows if row.object == "document" and row.field is None]
    there = {row.source_id for row in listed}
    look = [["☐", id, what, ODD.get(what, what)] for id, what in odd["odd"] if id not in there]
    look += [["☐", name, "no_index", ODD["no_index"]] for name in odd["no_index"]]
    return Report(
        "manual-upload",
        "Manual uploads",
        "Documents that could not go by themselves: upload them by hand and tick them off.",
        migration,
        [
            Fact("Documents", f"{len(listed):,}", "attention" if listed else "good"),
            Fact("To look at", f"{len(look):,}", "attention" if look else "good"),
            Fact("Files in the upload", f"{len(papers):,}"),
        ],
        [
            Table(
                "To upload",
                ["Done", "Document", "Reason", "What", "What to do"],
                [
                    ["☐", row.source_id, row.code, row.message, FIXES.get(row.code, "")]
                    for row in sorted(listed, key=lambda row: (row.code not in _UPLOAD, row.code))
                ],
                empty="Every document arrived.",
            ),
            Table(
                "To look at",
                ["Done", "Document or file", "Reason", "What"],
                look,
                "Documents that went as they are, and files that no record names: file those by hand.",
                empty="Every file has its record, extension and type.",
                values=("Document or file",),
            ),
        ],
    )
