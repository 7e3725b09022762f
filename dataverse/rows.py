"""Everything that reads or writes rows, by one name."""

from dataverse.changes import Change, change_rows
from dataverse.closings import Closing, close_opportunities, closes_of
from dataverse.creates import create_rows
from dataverse.outcomes import CONFLICT, FOUND, LOST, TAKEN, RowOutcome
from dataverse.reads import existing_ids, read_rows
from dataverse.states import set_state, state_values

__all__ = [
    "CONFLICT",
    "FOUND",
    "LOST",
    "TAKEN",
    "Change",
    "Closing",
    "RowOutcome",
    "change_rows",
    "close_opportunities",
    "closes_of",
    "create_rows",
    "existing_ids",
    "read_rows",
    "set_state",
    "state_values",
]
