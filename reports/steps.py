"""Reports that end a step: delta, rollback."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from reports.model import Fact, Report, Streamed, Table


def delta_report(
    migration: str, run: str, plans: Mapping[str, Mapping[str, Any]], drift: Mapping[str, int] | None = None
) -> Report:
    """What changed in the source since the last pickup. ``drift``: custom properties the map does not know -> patients."""
    rows: list[list[Any]] = []
    gone: list[list[Any]] = []
    for name, plan in plans.items():
        one = {
            action: plan["actions"].get(action, {}).get("records", 0)
            for action in ("create", "adopt", "update", "join", "unchanged")
        }
        rows.append(
            [name, one["create"] + one["adopt"], one["update"] + one["join"], one["unchanged"], len(plan["gone"])]
        )
        gone += [[name, source_id] for source_id in plan["gone"]]
    new, changed = sum(row[1] for row in rows), sum(row[2] for row in rows)
    return Report(
        "delta",
        "Delta",
        f"What was picked up by {run}.",
        migration,
        [
            Fact("New", f"{new:,}"),
            Fact("Changed", f"{changed:,}"),
            Fact(
                "Gone from the source",
                f"{len(gone):,}",
                "attention" if gone else "good",
                "left in the target for a person to decide",
            ),
            Fact("New custom properties", f"{len(drift or {}):,}", "attention" if drift else "good"),
        ],
        [
            Table("By object", ["Object", "New", "Changed", "Unchanged", "Gone"], rows),
            Table(
                "Gone",
                ["Object", "Source id"],
                gone,
                "Their rows stay in the target: nothing is deleted without a person.",
            ),
            Table(
                "Custom properties that the map does not know",
                ["Property", "Patients"],
                sorted((drift or {}).items()),
                "Their values are excepted (custom_fields_vary). To bring them, roll back, scope again and confirm the new map.",
                empty="None.",
            ),
        ],
    )


_SCHEMA_STAYS: Final = "Tables and columns of the solution stay; a rollback with --remove-solution removes them, too."
_SCHEMA_REMOVED: Final = "The solution's publisher, and the tables and columns that are listed below as staying."


def rollback_report(
    migration: str,
    run: str,
    by: str,
    undone: Sequence[str],
    counts: Mapping[str, Mapping[str, int]],
    totals: Mapping[str, int],
    listed: Sequence[Mapping[str, Any]],
    behind: Sequence[Mapping[str, Any]],
    solution: Mapping[str, Any] | None = None,
) -> Report:
    """What the rollback ``run`` undid, for whom, what was left and why, and what stays behind all the same: ``undone``, the runs;
    ``behind``, rows that it had to make.

    ``solution``: ``{"removed": names, "kept": {name: why}}`` of tables and columns, when they were to be removed, too.
    """
    removed, kept = (solution["removed"], solution["kept"]) if solution else ([], {})
    return Report(
        "rollback",
        "Rollback",
        "What was taken back, read back afterwards, and what was left to people.",
        migration,
        [
            Fact("Deleted", f"{totals['deleted']:,}", "good", "created by the migration, proved gone"),
            Fact("Restored", f"{totals['restored']:,}", "good", "not created by the migration, and as before"),
            Fact("Kept", f"{totals['kept']:,}", "attention" if totals["kept"] else "good", "changed by others since"),
            Fact(
                "Left", f"{totals['left']:,}", "attention" if totals["left"] else "good", "rows of others hang on them"
            ),
            Fact("Undone by", by, note=f"{run}: {', '.join(undone) or 'no run as a whole'}"),
        ],
        [
            Table(
                "By object",
                ["Object", "Deleted", "Restored", "Kept", "Left", "Not there any more"],
                [
                    [name, *(one.get(key, 0) for key in ("deleted", "restored", "kept", "left", "absent"))]
                    for name, one in counts.items()
                ],
                "A row that one run created and a later one changed is restored first and then deleted: it counts in both.",
            ),
            Table(
                "Kept and left",
                ["Object", "Source id", "Table", "Row", "Why", "Who", "When"],
                _lines(listed, "object", "source_id", "table", "row_id", "why", "who", "when"),
                empty="Nothing was left behind.",
            ),
            Table(
                "Made by the rollback",
                ["Object", "Source id", "Table", "Row", "Why"],
                _lines(behind, "object", "source_id", "table", "row_id", "why"),
                "What was as before could be had only with these rows; they stay.",
                empty="Nothing.",
            ),
            Table(
                "What a rollback does not reach",
                ["Where", "What stays"],
                [
                    [
                        "Recycle bin",
                        "Deleted rows stay there for up to 30 days where the environment has it switched on.",
                    ],
                    ["Dataverse auditing", "Its log keeps the history of audited tables."],
                    ["Schema", _SCHEMA_REMOVED if solution else _SCHEMA_STAYS],
                ],
            ),
            *(
                [
                    Table(
                        "Tables and columns",
                        ["Table or column", "What", "Why"],
                        [
                            *([name, "stays", why] for name, why in kept.items()),
                            *([name, "removed", ""] for name in removed),
                        ],
                    )
                ]
                if solution
                else []
            ),
        ],
        csv_table=1,
    )


def _lines(records: Sequence[Mapping[str, Any]], *keys: str) -> Streamed[list[Any]]:
    """The rows of a table of records, of which there may be very many."""
    return Streamed(lambda: ([one[key] for key in keys] for one in records), len(records))
