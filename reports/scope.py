"""Reports of the scope: what the source holds, what it takes, what will not be migrated, and the map to confirm."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from mapping.model import ClinicMap
from reports.estimates import Size, complexity, estimates, grades, scoping
from reports.model import Fact, Report, Table
from reports.warnings import PROFESSIONAL_TABLES, Seen, price_at_renewal, warnings_of


def scope_report(
    migration: str,
    profile: Any,
    source: Mapping[str, Any],
    seen: Seen,
    accounts: Mapping[str, Mapping[str, int]],
    profiled: Mapping[str, Any],
    size: Size | None = None,
    found: Mapping[str, Any] | None = None,
    out_of_scope: Mapping[str, str] | None = None,
    drift: Sequence[Sequence[str]] = (),
) -> Report:
    """What the source holds, how hard it is, what it takes, what stays behind, and the warnings.

    Args:
        accounts: dataset -> rows, fed, merged, excluded.
        profiled: dataset -> what profiling found (``sources.profiling.model.DatasetDocument``).
        size: what the estimates need; from the records alone when None.
        found: ``properties``, custom patient property -> its counts (``sources.inventory.PropertyProfile``), and
            ``measures``, object -> what its records measure (``activities.measures``).
        drift: what changed since the source before (``mapping.drift.Drift``).
        out_of_scope: the map's datasets that feed nothing, with the reason; "" while nobody has given one.
    """
    records = seen.records
    properties: Mapping[str, Any] = (found or {}).get("properties", {})
    measures: Mapping[str, Mapping[str, Any]] = (found or {}).get("measures", {})
    size = size or Size(records=records, daily=seen.daily)
    grade, hours = complexity(size)
    price = price_at_renewal(seen.plan, seen.seats, seen.renewal)
    total_bytes = sum(one.get("size", 0) for one in source["files"])
    return Report(
        "scope",
        "Scope",
        f"What the upload holds, read as {profile.title}.",
        migration,
        [
            Fact("Records", f"{size.total:,}"),
            Fact(
                "Objects",
                f"{sum(1 for rows in records.values() if rows)} of 12",
                note="custom properties are counted with the map",
            ),
            Fact(
                "Source files",
                f"{len(source['files']):,}",
                note=f"{total_bytes:,} bytes; {source['documents']:,} documents",
            ),
            Fact("Complexity", grade, tone="attention" if grade in "CD" else "plain", note=hours),
            Fact(
                "Custom tables",
                f"{seen.custom_tables}",
                note=f"of {PROFESSIONAL_TABLES} that Sales Professional allows; plan: {(seen.plan or 'not said').replace('_', ' ')}",
            ),
        ],
        [
            Table(
                "Objects",
                ["Object", "Records", "From", "To", "Empty %", "Duplicate ids", "Missing ids"],
                [
                    [name, rows, *_measured(measures.get(name))]
                    for name, rows in records.items()
                    if rows or name != "custom_property"
                ],
                "From and to: the visit, the start of the coverage, and the like; else when the source made the record. Empty: "
                "cells of mapped fields without a value, of records that are not left out.",
            ),
            drift_table("What changed since the last source", drift, "Nothing; or this is the first source.", BEFORE),
            Table(
                "Complexity",
                ["What", "Measured", "Grade", "Thresholds"],
                [list(row) for row in grades(size)],
                f"The worst of the four counts. Thresholds as of {scoping().stated}.",
                marks={"C": "attention", "D": "attention"},
            ),
            Table(
                "Estimates",
                ["What", "From, to", "Assumption"],
                [list(row) for row in estimates(size)] + [["Licences", price[0], price[1]]],
                "Before anything was tried. The sample measures; the forecast replaces these figures.",
            ),
            Table(
                "Warnings",
                ["Warning", "State", "What"],
                warnings_of(seen),
                "The ten things that go wrong in such migrations. docs/reference/warnings.md explains each.",
                marks={"applies": "attention", "not said": "attention"},
            ),
            Table(
                "Datasets",
                ["Dataset", "Rows", "Fed", "Merged", "Left out"],
                [[name, one["rows"], one["fed"], one["merged"], one["excluded"]] for name, one in accounts.items()],
                "Every raw row feeds a record, is merged into one, or is left out with a reason.",
            ),
            Table("Keys and files", _KEY_COLUMNS, _keys(accounts, profiled), _SAMPLED),
            Table(
                "Not migrated",
                ["Dataset", "Rows", "Why", "Said by"],
                _left_out(profile, accounts, out_of_scope or {}),
                "A dataset that feeds nothing needs a reason before the map is confirmed.",
                empty="Every dataset feeds an object.",
                marks={NOBODY: "attention"},
            ),
            Table("Columns", _COLUMNS, _columns(profiled), _SAMPLED),
            Table(
                "Custom patient properties",
                ["Property", "Patients", "Values", "Different", "Type", "Longest"],
                [
                    [
                        name,
                        one.patients,
                        one.values,
                        len(one.options) if one.options is not None else None,
                        one.type,
                        one.max_length,
                    ]
                    for name, one in sorted(properties.items())
                ],
                "Over all patients. Each becomes a column of this clinic.",
                empty="None.",
            ),
            Table(
                "Ids that are health information",
                ["Dataset or object", "What", "State"],
                _delicate_ids(profile, measures),
                "Ids stand in the log, in exceptions and in keys, where no health information may be.",
                empty="None was found.",
                marks={"shown": "bad", "hashed": "good"},
            ),
            Table(
                "Files nobody knows",
                ["File", "Bytes", "Trouble"],
                [[one["name"], one["size"], one.get("problem", "")] for one in source["unknown_files"]],
                "Files that no dataset takes and that hold no records, or whose records cannot be read. Billing among them "
                "is exported as it is.",
                empty="None.",
                values=("File",),
            ),
            Table(
                "What this source can do",
                ["Ability", "Answer"],
                _ABILITIES,
                "An upload of files: there is no API to ask.",
            ),
        ],
    )


_SAMPLED = (
    "Of a large dataset every n-th row is looked at, evenly over its files: the column Looked at says how many. Counts, "
    "duplicates and keys are those of the rows looked at."
)
_KEY_COLUMNS = ["Dataset", "Files", "Bytes", "Rows read", "Looked at", "Key", "Duplicate ids", "Missing ids"]
_COLUMNS = [
    "Dataset", "Column", "Filled", "Empty", "Empty %", "Different", "Shortest", "Longest", "Type", "Patterns", "Refers to",
    "Kind of PHI",
]  # fmt: skip


#: What is to be done about a change in the source, before records are migrated and after.
BEFORE: Final = (
    "A mapped field that is new, gone or goes another way needs a new confirmation; what only grows does not."
)
AFTERWARDS: Final = "The map stands: what it has no place for is excepted. To bring it, roll back and scope again."


def drift_table(title: str, drift: Sequence[Sequence[str]], empty: str, note: str) -> Table:
    """What changed in the source, a line each."""
    return Table(
        title,
        ["What", "Where", "Before", "Now", "What follows"],
        drift,
        note,
        empty=empty,
        marks={"mapped field": "attention"},
    )


#: Who gave the reason why a dataset is out of scope, while none is given.
NOBODY: Final = "nobody yet"


def _left_out(
    profile: Any, accounts: Mapping[str, Mapping[str, int]], out_of_scope: Mapping[str, str]
) -> list[list[Any]]:
    """What is not migrated: out of scope, and to be rebuilt."""
    rows = [
        [name, accounts.get(name, {}).get("rows", 0), *_why(profile.datasets.get(name), profile.title, why)]
        for name, why in out_of_scope.items()
    ]
    for name, one in profile.rebuild.items():
        rows.append([name, accounts.get(name, {}).get("rows", 0), f"To rebuild. {one.what_to_rebuild}", profile.title])
    return rows


def _why(dataset: Any, title: str, why: str) -> tuple[str, str]:
    """The reason, and who gave it; what is known of the dataset instead while nobody has."""
    if not why.strip():
        return getattr(dataset, "unplaced", None) or f"It is no dataset of {title}.", NOBODY
    return why, title if dataset and dataset.out_of_scope == why else "a person"


def _measured(one: Mapping[str, Any] | None) -> list[Any]:
    """First and last day, share of empty cells, ids that are there twice or not at all."""
    if one is None:
        return [None] * 5
    empty = round(100 * (1 - one["filled"] / one["cells"]), 1) if one["cells"] else None
    return [one["first"], one["last"], empty, one["duplicates"], one["without_id"]]


def _delicate_ids(profile: Any, measures: Mapping[str, Mapping[str, Any]]) -> list[list[Any]]:
    """Columns that are hashed, and objects whose ids look like what should be."""
    rows: list[list[Any]] = [
        [name, f"{', '.join(one.hashed)}: a keyed hash stands in its place wherever it is an id", "hashed"]
        for name, one in profile.datasets.items()
        if one.hashed
    ]
    for name, one in measures.items():
        if not one["like_ssn"]:
            continue
        words = (
            f"{one['like_ssn']:,} records have an id that looks like a social security number: name its column, and every column that "
            "refers to it, as hashed in the profile, then scope again"
        )
        rows.append([name, words, "shown"])
    return rows


def _keys(accounts: Mapping[str, Mapping[str, int]], profiled: Mapping[str, Any]) -> list[list[Any]]:
    return [
        [
            name,
            len(one.files),
            sum(file.size for file in one.files),
            one.sample.rows if one.sample.whole else accounts.get(name, {}).get("rows", one.sample.rows),
            one.sample.looked_at,
            " + ".join(one.key) or "none",
            one.duplicates,
            one.missing,
        ]
        for name, one in sorted(profiled.items())
    ]


def _columns(profiled: Mapping[str, Any]) -> list[list[Any]]:
    return [
        [
            name,
            field.name,
            field.filled,
            field.empty,
            round(100 * field.empty / max(field.filled + field.empty, 1), 1),
            field.distinct,
            field.min_length,
            field.max_length,
            _type(field),
            _patterns(field),
            _refers(field),
            field.phi,
        ]
        for name, one in sorted(profiled.items())
        for field in one.fields
    ]


def _type(field: Any) -> str:
    if field.nested:
        return f"JSON ({field.nested})"
    return (field.type or "") + (f", parted by {field.separator}" if field.separator else "")


def _patterns(field: Any) -> str:
    found = [name.replace("_", " ") for name in field.usual]
    if field.dates:
        listed = ", ".join(name.replace("_", " ") for name in field.dates)
        found.append(f"dates: {listed}" + (" (day and month cannot be told apart)" if field.ambiguous else ""))
    return "; ".join(found)


def _refers(field: Any) -> str:
    one = field.reference
    if one is None:
        return ""
    return f"{one.dataset}.{one.column}, {one.share:.0%}" + (", several in a cell" if one.each else "")


#: Things out of list, count, changed since and deletes that an upload of files cannot do.
UPLOAD_CANNOT = 1
_ABILITIES = [
    ["List", "yes"],
    ["Count", "yes"],
    ["Changed since", "no: contents are compared by hash"],
    ["Deletes", "yes, when a full export is uploaded again: what is missing is listed"],
    ["Ask the vendor for", "a full export on the day of cutover, and one a day later"],
]


def rebuild_report(migration: str, profile: Any, accounts: Mapping[str, Mapping[str, int]]) -> Report:
    """What is detected and never loaded, with counts and what to rebuild."""
    rows = [
        [one.title, accounts.get(name, {}).get("rows", 0), one.what_to_rebuild] for name, one in profile.rebuild.items()
    ]
    return Report(
        "rebuild-inventory",
        "To rebuild",
        "What the old system does by itself and no migration carries over: rebuild it in the new one.",
        migration,
        [Fact("Kinds", f"{len(rows):,}")],
        [Table("Inventory", ["What", "Rows", "What to rebuild"], rows, empty="Nothing of this kind was found.")],
    )


def map_report(migration: str, proposal: ClinicMap) -> Report:
    """The map to confirm: every source field, its column, and why."""
    rows = [
        [
            name,
            field.source,
            route.table,
            field.column or "",
            field.transform,
            field.phi,
            field.status,
            f"{field.confidence:.2f}",
            field.reason,
        ]
        for name, one in proposal.objects.items()
        for route in one.routes
        for field in route.fields
    ]
    ignored = sum(1 for row in rows if row[6] == "ignored")
    return Report(
        "map",
        "The map",
        "Which source field lands in which column. No record moves before a person confirms it.",
        migration,
        [
            Fact("Fields", f"{len(rows):,}"),
            Fact("Migrated", f"{len(rows) - ignored:,}"),
            Fact("Ignored", f"{ignored:,}", note="each with its reason"),
        ],
        [
            Table(
                "Fields",
                ["Object", "Field", "Table", "Column", "Transform", "Kind of PHI", "Status", "Confidence", "Reason"],
                rows,
                shown=2000,
                marks={"ignored": "attention"},
            )
        ],
    )
