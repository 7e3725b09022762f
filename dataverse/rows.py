"""Everything that reads or writes rows, by one name."""

from dataverse.changes import Change, change_rows
from dataverse.creates import create_rows
from dataverse.outcomes import CONFLICT, FOUND, LOST, RowOutcome
from dataverse.reads import existing_ids, read_rows
from dataverse.states import Closing, close_opportunity, closes_of, set_state, state_values

__all__ = [
    "CONFLICT",
    "FOUND",
    "LOST",
    "Change",
    "Closing",
    "RowOutcome",
    "change_rows",
    "close_opportunity",
    "closes_of",
    "create_rows",
    "existing_ids",
    "read_rows",
    "set_state",
    "state_values",
]
