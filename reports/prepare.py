"""Reports of the preparation: owners and preflight."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from reports.model import Fact, Report, Table, Tone


def owners_report(
    migration: str, people: Mapping[str, Sequence[dict[str, Any]]], fallback: str, usable: bool
) -> Report:
    """Who was matched with whom, and whose rows go where. ``people``: staff (``rows``), ``practitioners``, and
    ``strangers`` whom records name and the source does not list; each with rows, objects, decision and by."""
    rows, practitioners, strangers = people["rows"], people["practitioners"], people["strangers"]
    found = sum(1 for row in rows if row["disposition"] == "unchanged")
    open_cases = len(rows) - found
    return Report(
        "owners",
        "Owners",
        "Staff and practitioners of the clinic, the Dynamics users they were matched with, by e-mail, and what becomes of the "
        "rows that name them first. Nothing lands without an owner.",
        migration,
        [
            Fact("Staff", f"{len(rows):,}"),
            Fact("Found", f"{found:,}", "good" if found == len(rows) else "plain"),
            Fact(
                "Not usable", f"{open_cases:,}", "attention" if open_cases else "good", "their rows go to the next rule"
            ),
            Fact(
                "Fallback owner",
                fallback or "none",
                "good" if usable else "bad",
                "" if usable else "not found or disabled",
            ),
        ],
        [
            Table(
                "Staff and users",
                ["Staff", "Name", "E-mail", "Match", "Active in the source", "Disposition", *_SHARE, "Note"],
                [
                    [
                        *(row[key] for key in ("staff", "name", "email", "match", "active", "disposition")),
                        *_share(row),
                        row["reason"],
                    ]
                    for row in rows
                ],
                "Rows are the records that name a person before anybody else, by the owner rules of the map.",
                "The source has no staff: every row goes to the fallback owner.",
                marks={"excepted": "attention", **_MATCHES},
            ),
            Table(
                "Practitioners",
                ["Practitioner", "Name", "E-mail", "Staff", "Match", *_SHARE, "Note"],
                [
                    [
                        *(row[key] for key in ("practitioner", "name", "email", "staff", "match")),
                        *_share(row),
                        row["reason"],
                    ]
                    for row in practitioners
                ],
                "A practitioner's user is that of the staff member whom the source links.",
                "The source has no practitioners.",
                marks=_MATCHES,
            ),
            Table(
                "Named by records, and not in the source",
                ["As", "Id", *_SHARE],
                [[row["kind"], row["id"], *_share(row)] for row in strangers],
                empty="Everybody whom records name is there.",
            ),
        ],
    )


_SHARE: Final = ("Rows", "By object", "Decision", "Decided by")
_MATCHES: Final[Mapping[str, Tone]] = dict.fromkeys(("disabled", "ambiguous", "no_privilege", "none"), "attention")


def _share(row: Mapping[str, Any]) -> list[Any]:
    objects = ", ".join(f"{name} {rows:,}" for name, rows in sorted(row["objects"].items()))
    return [row["rows"], objects, row["decision"], row["by"]]


def preflight_report(migration: str, findings: Sequence[Any]) -> Report:
    """What the check of the target found; findings have code, severity, subject, message, fix."""
    errors = sum(1 for finding in findings if finding.severity == "error")
    warnings = sum(1 for finding in findings if finding.severity == "warning")
    return Report(
        "preflight",
        "Preflight",
        "Whether the target is ready for this map. Errors stop the migration before the first write.",
        migration,
        [
            Fact("Errors", f"{errors:,}", "bad" if errors else "good"),
            Fact("Warnings", f"{warnings:,}", "attention" if warnings else "good"),
        ],
        [
            Table(
                "Findings",
                ["Severity", "Code", "Subject", "What", "What to do"],
                [[f.severity, f.code, f.subject, f.message, f.fix] for f in findings],
                empty="Nothing was found.",
                marks={"error": "bad", "warning": "attention"},
            )
        ],
    )


def probes_report(migration: str, tables: Mapping[str, Any], lines: Sequence[str]) -> Report:
    """How the target behaves where nobody documents it; ``tables``: logical name to what was tried on it."""
    names = ("bulk", "bulk_ids", "strategy", "disabled_owner", "closed_on_create")
    stuck = sum(1 for one in tables.values() if one.strategy is None)
    return Report(
        "probes",
        "Probes",
        "What the target was seen to do on rows made for it and removed again. The load creates rows as it answered.",
        migration,
        [
            Fact("Tables tried", f"{len(tables):,}"),
            Fact("Without a way to create rows", f"{stuck:,}", "bad" if stuck else "good"),
        ],
        [
            Table(
                "By table",
                ["Table", "Bulk messages", "Ids of ours in bulk", "Rows created by", "Disabled owner",
                 "Closed on create", "Codes of refusals"],
                [
                    [name, *(str(getattr(one, key)) for key in names),
                     ", ".join(f"{trial}: {code}" for trial, code in sorted(one.codes.items()))]
                    for name, one in sorted(tables.items())
                ],
                empty="No table of the map is in the target yet.",
            ),
            Table("In words", ["What was seen"], [[line] for line in lines]),
        ],
    )  # fmt: skip
