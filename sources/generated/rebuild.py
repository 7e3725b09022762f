"""Datasets that the old system acts by: told from their names, listed to be rebuilt, never loaded."""

from typing import Final

from sources.profiling.names import words

#: Words of a dataset's name -> title, what to rebuild.
_REBUILD: Final = (
    ({"template", "availability", "slot", "working"}, "Schedule templates",
     "Working hours of each practitioner and place; enter them in the calendar that replaces the practice system's."),
    ({"recurring", "recurrence", "repeat", "series"}, "Recurring appointments",
     "The rule of each series. Occurrences that the source holds are migrated as single appointments; make the series anew "
     "for what comes after the last one."),
    ({"reminder", "notification"}, "Reminders",
     "Reminders are sent by the old system until it is switched off; set up the new ones, then stop the old."),
    ({"workflow", "rule", "automation", "trigger"}, "Workflow rules",
     "Each rule's trigger, condition and action, as a Power Automate flow or a rule of Dynamics."),
)  # fmt: skip


def to_rebuild(dataset: str) -> tuple[str, str] | None:
    """Title and what to rebuild, when a dataset's name says that it is of that kind."""
    said = set(words(dataset))
    return next(((title, what) for telling, title, what in _REBUILD if said & telling), None)
