"""The figures as a table for people and as a document for programs."""

from typing import Any, Final

from rich.console import Console
from rich.table import Table

from benchmarks.load.measure import Load

#: The share of the ceiling that Carryover means to reach.
TARGET: Final = 0.9


def ratio(one: Load, other: Load) -> float:
    """How many times as fast one load was as the other."""
    return one.sustained / other.sustained


def document(loads: list[Load], other: Load) -> dict[str, Any]:
    """The figures as JSON: rows a second, seconds, shares. ``other`` is what all are compared with."""
    service = other.service
    return {
        "service_ms_per_row": service.service_ms,
        "limits": service.faults()["limits"],
        "target_share": TARGET,
        "loads": [
            {
                "name": one.name,
                "users": one.service.users,
                "window_seconds": one.service.window,
                "rows": one.rows,
                "seconds": round(one.seconds, 2),
                "windows": [round(rows, 1) for rows in one.windows],
                "rows_per_second": round(one.sustained, 1),
                "ceiling": round(one.ceiling, 1),
                "share": round(one.share, 3),
                "rows_a_request": round(one.rows_a_request, 1),
                "requests_under_way": round(one.under_way, 2),
                "throttled": one.throttled,
                "failed": one.failed,
                "lost": one.lost,
                "doubled": one.doubled,
                "ratio": round(ratio(one, other), 2),
            }
            for one in loads
        ],
    }


def show(console: Console, loads: list[Load], other: Load) -> None:
    """One line a load."""
    made = Table(
        title=f"{other.service.service_ms:g} ms a row, under the service protection limits",
        caption=f"share: of the ceiling, window by window; {TARGET:.0%} is the aim. under way: requests at once.",
    )
    made.add_column("who")
    for heading in (
        "rows", "seconds", "whole windows", "rows/s", "ceiling", "share", "under way", "throttled", "lost", "doubled",
        f"times {other.name.removesuffix(' client')}",
    ):  # fmt: skip
        made.add_column(heading, justify="right")
    for one in loads:
        made.add_row(
            one.name,
            f"{one.rows:,}",
            f"{one.seconds:.0f}",
            f"{len(one.windows)} of {one.service.window:g} s",
            f"{one.sustained:,.0f}",
            f"{one.ceiling:,.0f}",
            f"{one.share:.0%}",
            f"{one.under_way:.1f}",
            f"{one.throttled}",
            f"{one.lost}",
            f"{one.doubled}",
            f"{ratio(one, other):.1f}",
        )
    console.print(made)
