"""Reports of the scope: what the source holds, what will not be migrated, and the map to confirm."""

from collections.abc import Mapping
from typing import Any

from mapping.model import ClinicMap
from reports.model import Fact, Report, Table
from reports.warnings import PROFESSIONAL_TABLES, Seen, warnings_of


def scope_report(
    migration: str,
    profile: Any,
    source: Mapping[str, Any],
    seen: Seen,
    accounts: Mapping[str, Mapping[str, int]],
    datasets: Mapping[str, Any],
) -> Report:
    """Counts by object and dataset, columns with their PHI class, files nobody knows, and the warnings of this source."""
    records = seen.records
    total = sum(records.values())
    left_out = [
        [name, accounts.get(name, {}).get("rows", 0), one.out_of_scope]
        for name, one in profile.datasets.items()
        if one.out_of_scope
    ]
    columns = [
        [
            name,
            column.name,
            column.values,
            column.nulls,
            column.distinct,
            column.max_length,
            column.value_type or "",
            column.phi,
        ]
        for name, dataset in sorted(datasets.items())
        for column in dataset.columns.values()
    ]
    return Report(
        "scope",
        "Scope",
        f"What the upload holds, read as {profile.title}.",
        migration,
        [
            Fact("Records", f"{total:,}"),
            Fact(
                "Objects",
                f"{sum(1 for rows in records.values() if rows)} of 12",
                note="custom properties are counted with the map",
            ),
            Fact("Source files", f"{len(source['files']):,}", note=f"{source['documents']:,} documents"),
            Fact("Complexity", complexity(total, len(source["unknown_files"])), note="by volume and unknown files"),
            Fact(
                "Custom tables",
                f"{seen.custom_tables}",
                note=f"of {PROFESSIONAL_TABLES} that Sales Professional allows; plan: {seen.plan or 'not said'}",
            ),
        ],
        [
            Table(
                "Objects",
                ["Object", "Records"],
                [[name, rows] for name, rows in records.items() if rows or name != "custom_property"],
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
            Table("Not migrated", ["Dataset", "Rows", "Why"], left_out, empty="Every dataset feeds an object."),
            Table(
                "Columns",
                ["Dataset", "Column", "Filled", "Empty", "Different", "Longest", "Type", "Kind of PHI"],
                columns,
                "Counted on a sample: the first bucket of patients and the datasets that hang on none.",
            ),
            Table(
                "Files nobody knows",
                ["File", "Bytes"],
                [[one["name"], one["size"]] for one in source["unknown_files"]],
                empty="None.",
            ),
            Table(
                "What this source can do",
                ["Ability", "Answer"],
                _ABILITIES,
                "An upload of files: there is no API to ask.",
            ),
        ],
    )


_ABILITIES = [
    ["List", "yes"],
    ["Count", "yes"],
    ["Changed since", "no: contents are compared by hash"],
    ["Deletes", "yes, when a full export is uploaded again: what is missing is listed"],
    ["Ask the vendor for", "a full export on the day of cutover, and one a day later"],
]


def complexity(records: int, unknown: int) -> str:
    """A to D by volume and by files nobody knows; over two million records a migration is scoped individually."""
    if records > 2_000_000:
        return "D (scope individually)"
    grade = 0 if records <= 50_000 else 1 if records <= 500_000 else 2
    return "ABCD"[min(3, grade + (unknown > 5))]


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
