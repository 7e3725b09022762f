"""What both doors need to call a service: the storage, and the words for each kind of refusal."""

import logging
from dataclasses import dataclass
from typing import Final

from azure.core.exceptions import AzureError

from activities.errors import StepError
from activities.resources import storage
from ledger.migrations import GateClosed, NoMigration, NoRun
from ledger.storage import NotStored

__all__ = ["REFUSALS", "Refusal", "StepError", "refusal_of", "storage"]

log = logging.getLogger("carryover")

#: What a service raises when it says no.
REFUSALS: Final = (GateClosed, StepError, NoMigration, NoRun, NotStored, AzureError)

#: Statuses of refusals by code; every other StepError is a 409.
_STATUS: Final = {"not_found": 404, "bad_request": 400, "block_too_large": 413, "wrong_digest": 422}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal in words, with its HTTP status. No part holds a value of a record."""

    status: int
    code: str
    message: str
    next: str


def refusal_of(error: Exception) -> Refusal:
    """The refusal that one of REFUSALS stands for."""
    match error:
        case GateClosed():
            return Refusal(409, error.refusal.code, error.refusal.reason, error.refusal.next or "")
        case StepError():
            value = error.value
            return Refusal(_STATUS.get(value["code"], 409), value["code"], value["message"], value["next"])
        case NoMigration() | NoRun():
            return Refusal(404, "not_found", "There is no such migration or run.", "GET /api/migrations lists them.")
        case NotStored():
            return Refusal(404, "not_found", "That was not made yet.", "")
        case _:
            log.error("storage failed: %s", type(error).__name__)
            words = "The storage account did not answer."
            return Refusal(503, "storage_unreachable", words, "Check AzureWebJobsStorage.")
