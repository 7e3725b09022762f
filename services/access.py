"""What both doors need to call a service: the storage, who may come in, and the words for each kind of refusal."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from azure.core.exceptions import AzureError

from activities.errors import StepError
from activities.resources import storage
from ledger.migrations import GateClosed, NoMigration, NoRun
from ledger.storage import NotStored
from services.identity import ROLES_OF_STEPS, Person

__all__ = ["REFUSALS", "Need", "Refusal", "StepError", "admit", "need_of", "refusal_of", "storage"]

log = logging.getLogger("carryover")

#: What a service raises when it says no.
REFUSALS: Final = (GateClosed, StepError, NoMigration, NoRun, NotStored, AzureError)

#: Statuses of refusals by code; every other StepError is a 409.
_STATUS: Final = {
    "bad_request": 400, "not_signed_in": 401, "no_role": 403, "not_allowed": 403, "stale_form": 403, "not_found": 404,
    "block_too_large": 413, "wrong_digest": 422,
}  # fmt: skip

#: What a page or an endpoint asks of a person. ``work``: operator or approver.
Need = Literal["read", "operate", "approve", "work"]

_MEETS: Final[Mapping[Need, Callable[[Person], bool]]] = {
    "read": lambda person: person.may_read,
    "operate": lambda person: person.may_operate,
    "approve": lambda person: person.may_approve,
    "work": lambda person: person.may_operate or person.may_approve,
}
_WHO: Final[Mapping[Need, str]] = {
    "read": "viewer, operator or approver",
    "operate": "operator",
    "approve": "approver",
    "work": "operator or approver",
}


def admit(person: Person | None, need: Need) -> Person:
    """The person, when there is one who meets the need. Raises StepError."""
    if person is None:
        raise StepError("not_signed_in", "Nobody is signed in.", _SIGN_IN)
    if not person.may_read:
        words = f"{person.name} has none of the roles viewer, operator and approver."
        raise StepError("no_role", words, "Ask the administrator of the Carryover app in Entra for one.")
    if not _MEETS[need](person):
        raise StepError("not_allowed", f"That takes the role {_WHO[need]}.", "Ask somebody who has it.")
    return person


def need_of(step: str) -> Need:
    """What it takes to start a step."""
    return "approve" if ROLES_OF_STEPS.get(step) == "approver" else "operate"


_SIGN_IN: Final = (
    "In Azure: sign in at /.auth/login/aad. On your own machine: start the app with ./carryover local up, and open "
    "it at 127.0.0.1."
)


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
