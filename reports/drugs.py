"""Drugs that the table of DEA schedules does not know, for a person to look at."""

from collections.abc import Sequence

from reports.model import Fact, Report, Table


def drugs_report(migration: str, drugs: Sequence[tuple[str, int, Sequence[str]]]) -> Report:
    """Each drug as the source names it, how many prescriptions are of it, and ids of some."""
    rows = [[name, prescriptions, ", ".join(ids)] for name, prescriptions, ids in drugs]
    return Report(
        "drugs",
        "Drugs to look at",
        "Medications that are not in the table of DEA schedules. They are migrated as Unknown, whatever is decided about "
        "controlled substances: look whether one of them is controlled.",
        migration,
        [fact(len(rows)), Fact("Prescriptions", f"{sum(prescriptions for _, prescriptions, _ in drugs):,}")],
        [
            Table(
                "Drugs",
                ["Drug", "Prescriptions", "For example"],
                rows,
                "As the source names them, with the code where it gives one. For a controlled one, state its schedule in a field "
                "of the source that the map puts into DEASchedule, or mend its name; then read the source again.",
                "The table of schedules knows every medication.",
                values=("Drug",),
            )
        ],
    )


def fact(drugs: int) -> Fact:
    """How many there are, for this report and those that point at it."""
    note = "not in the table of DEA schedules; the report drugs lists them"
    return Fact("Drugs to look at", f"{drugs:,}", "attention" if drugs else "good", note)
