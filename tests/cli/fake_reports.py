"""The reports of the fake app that commands read as JSON, with what a test plants in them."""

from typing import Any

#: Table of a report -> its columns.
COLUMNS = {
    "What changed since the last source": ("What", "Where", "Before", "Now", "What follows"),
    "Warnings": ("Warning", "State", "What"),
    "Findings": ("Severity", "Code", "Subject", "What", "What to do"),
    "By object": ("Object", "Create", "Adopt", "Change", "Unchanged", "Excepted", "Excluded"),
    "By verdict": ("Verdict", "Fields"),
    "Fields": (
        "Object",
        "Source id",
        "Field",
        "In the source",
        "Transform",
        "Column",
        "In the target",
        "Verdict",
        "Reason",
    ),
}


def compared(object: str, id: str, field: str) -> tuple[str, ...]:
    """A field of the diff that was refused."""
    return (object, id, field, "xxx", "choice", f"cms_{field}", "", "refused", "unknown_choice")


class FakeReports:
    """Rows of the reports' tables."""

    def __init__(self) -> None:
        self.drift: list[tuple[str, ...]] = []  #: what changed since the last source
        self.warnings = [("no_public_api", "applies", "An upload."), ("request_limits", "checked in plan", "Few.")]
        self.findings_before: list[tuple[str, ...]] = []  #: of the target's check
        self.planned: list[tuple[Any, ...]] = [("patient", 100, 0, 0, 0, 0, 0)]
        self.compared: list[tuple[str, ...]] = [compared("patient", "p1", "first_name")]

    def tables(self, report: str) -> list[dict[str, Any]]:
        """The tables of a report."""
        made: dict[str, dict[str, list[tuple[Any, ...]]]] = {
            "scope": {"What changed since the last source": [*self.drift], "Warnings": [*self.warnings]},
            "preflight": {"Findings": [*self.findings_before]},
            "forecast": {"By object": [*self.planned]},
            "diff": {"By verdict": [("equal", 1)], "Fields": [*self.compared]},
        }
        return [
            {"title": title, "rows": [dict(zip(COLUMNS[title], row, strict=True)) for row in rows]}
            for title, rows in made.get(report, {}).items()
        ]
