"""Reports that end a step: diff, delta, rollback."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from reports.model import Fact, Report, Table, Tone

#: Verdicts of the diff, those that need an eye first, and what each means.
_VERDICTS: Final[Mapping[str, str]] = {
    "differs": "The target holds something else than was written. Find out why before signing.",
    "refused": "The value does not fit its column and was not written. Look whether the map can take it.",
    "changed by transform": "Written in the target's form, such as a date in UTC or the label of a choice.",
    "left to the target": "The source has no value; the column keeps its default, or what another record wrote.",
    "not migrated": "The map leaves this field out.",
    "same": "The target holds what the source held.",
}
_MARKS: Final[Mapping[str, Tone]] = {"differs": "bad", "refused": "attention"}
#: What a sample has to prove before anything else is read, by the name its rows carry.
PROOFS: Final[Mapping[str, str]] = {
    "mrn": "Medical record numbers preserved",
    "time": "Appointment dates and times equal in clinic time",
    "practitioner": "Practitioner lookups resolved",
    "insurance": "Insurance linked to the right patient",
}
#: Verdicts that prove: the value that was written stands in the target.
_PROVED: Final = ("same", "changed by transform")


def diff_report(
    migration: str,
    rows: Sequence[Mapping[str, Any]],
    chosen: Mapping[str, Any],
    rehearsal: Mapping[str, int],
    findings: Sequence[Mapping[str, Any]],
) -> Report:
    """Every source field of every sampled record, with the value read back and a verdict."""
    verdicts = Counter(row["verdict"] for row in rows)
    order = {verdict: number for number, verdict in enumerate(_VERDICTS)}
    ordered = sorted(rows, key=lambda row: (order[row["verdict"]], row["object"], row["source_id"]))
    columns = ["object", "source_id", "field", "source", "transform", "column", "value", "verdict"]
    return Report(
        "diff",
        "Sample: field by field",
        "What every field of the sampled records was in the source, and what stands in the target now.",
        migration,
        [
            Fact("Patients", f"{chosen['patients']:,}", note="with all that hangs on them"),
            Fact("Fields compared", f"{len(rows):,}"),
            Fact("Differ", f"{verdicts['differs']:,}", "bad" if verdicts["differs"] or findings else "good"),
            Fact("Refused", f"{verdicts['refused']:,}", "attention" if verdicts["refused"] else "good", "each listed"),
            Fact("Rehearsed undo", f"{rehearsal.get('deleted', 0):,}", "good", "rows deleted and proved gone"),
        ],
        [
            *_proofs(ordered),
            Table(
                "By verdict",
                ["Verdict", "Fields", "What it means"],
                [[verdict, verdicts[verdict], words] for verdict, words in _VERDICTS.items()],
                marks=_MARKS,
            ),
            Table(
                "Fields",
                ["Object", "Source id", "Field", "In the source", "Transform", "Column", "In the target", "Verdict"],
                [[_plain(row[column]) for column in columns] for row in ordered],
                "Those that need an eye come first.",
                shown=1000,
                marks=_MARKS,
            ),
            Table(
                "Variety",
                ["Object", "Kinds in the data", "In the sample", "Not in the sample"],
                _variety(chosen["covered"], chosen["not_covered"]),
                "Filled columns, values of choices, owner rules and refusals. The patients were chosen to show as many as "
                "100 patients can.",
            ),
            Table(
                "Not in the sample",
                ["Kind"],
                [[kind] for kind in chosen["not_covered"]],
                empty="Every kind that the data holds is in the sample.",
            ),
        ],
        csv_table=3,
        data={"covered": list(chosen["covered"]), "not_covered": list(chosen["not_covered"])},
    )


def _proofs(rows: Sequence[Mapping[str, Any]]) -> list[Table]:
    """The four proofs, n of n each, and the fields at which one fails."""
    asked = [row for row in rows if row["proof"] and row["source"] not in (None, "")]
    failed = [row for row in asked if row["verdict"] not in _PROVED]
    of, lacking = Counter(row["proof"] for row in asked), Counter(row["proof"] for row in failed)
    return [
        Table(
            "Four proofs",
            ["Proof", "Proved", "Of", "Verdict"],
            [
                [words, of[key] - lacking[key], of[key],
                 "not proved" if lacking[key] else "proved" if of[key] else "nothing to prove"]
                for key, words in PROOFS.items()
            ],
            "Every value of the sample that the source holds, against what was read back.",
            marks={"proved": "good", "not proved": "bad", "nothing to prove": "attention"},
        ),
        Table(
            "Not proved",
            ["Proof", "Object", "Source id", "Field", "Verdict"],
            [[PROOFS[row["proof"]], *(row[key] for key in ("object", "source_id", "field", "verdict"))] for row in failed],
            empty="Nothing: every proof holds.",
            marks=_MARKS,
        ),
    ]  # fmt: skip


def _variety(covered: Sequence[str], missing: Sequence[str]) -> list[list[Any]]:
    """Kinds by object; a kind's first word names the object."""
    seen, unseen = (Counter(kind.split(" ")[0] for kind in kinds) for kinds in (covered, missing))
    return [[name, seen[name] + unseen[name], seen[name], unseen[name]] for name in sorted({*seen, *unseen})]


def _plain(value: Any) -> Any:
    return ", ".join(str(one) for one in value) if isinstance(value, list) else value


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
    counts: Mapping[str, Mapping[str, int]],
    totals: Mapping[str, int],
    listed: Sequence[Mapping[str, Any]],
    behind: Sequence[Mapping[str, Any]],
    solution: Mapping[str, Any] | None = None,
) -> Report:
    """What was undone, what was left and why, and what stays behind all the same: ``behind``, rows that it had to make.

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
                [
                    [one[key] for key in ("object", "source_id", "table", "row_id", "why", "who", "when")]
                    for one in listed
                ],
                empty="Nothing was left behind.",
            ),
            Table(
                "Made by the rollback",
                ["Object", "Source id", "Table", "Row", "Why"],
                [[one[key] for key in ("object", "source_id", "table", "row_id", "why")] for one in behind],
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
