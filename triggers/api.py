"""What every HTTP endpoint shares: JSON in and out, and refusals in one form.

Errors: ``{"error": {"code", "message", "next"}}``. No message holds a value of a record.
"""

import functools
import logging
import os
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import azure.functions as func
import orjson
from azure.core.exceptions import AzureError
from pydantic import BaseModel, ValidationError

from activities.errors import StepError
from ledger.migrations import GateClosed, NoMigration, NoRun
from ledger.storage import NotStored

log = logging.getLogger("carryover")
B = TypeVar("B", bound=BaseModel)

#: Statuses of refusals by code; every other StepError is a 409.
_STATUS = {"not_found": 404, "bad_request": 400, "block_too_large": 413, "wrong_digest": 422}


def answer(content: Any, status: int = 200) -> func.HttpResponse:
    """A JSON answer."""
    return func.HttpResponse(orjson.dumps(content, default=str), status_code=status, mimetype="application/json")


def refuse(status: int, code: str, message: str, next_step: str | None = "") -> func.HttpResponse:
    """A refusal in words."""
    return answer({"error": {"code": code, "message": message, "next": next_step or ""}}, status)


def body_of(request: func.HttpRequest, model: type[B]) -> B:
    """The request's JSON body as a model; a StepError names the fields that do not fit."""
    try:
        return model.model_validate_json(request.get_body() or b"{}")
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, one["loc"])) or "body" for one in error.errors())
        raise StepError("bad_request", f"The request does not fit: {fields}.", "See /api/openapi.json.") from None


def operator_of(request: func.HttpRequest, named: str | None = None) -> str:
    """Who asks: the signed-in user where the platform authenticates, else the name given.

    The platform removes a caller's own copy of the header only while its authentication is on.
    """
    signed_in = os.environ.get("WEBSITE_AUTH_ENABLED", "").lower() == "true"
    return (request.headers.get("x-ms-client-principal-name") if signed_in else None) or named or "operator"


def endpoint(
    handler: Callable[..., Awaitable[func.HttpResponse]],
) -> Callable[..., Awaitable[func.HttpResponse]]:
    """Wrap a handler so that each kind of trouble gets its status and words."""

    @functools.wraps(handler)
    async def run(*args: Any, **kwargs: Any) -> func.HttpResponse:
        try:
            return await handler(*args, **kwargs)
        except GateClosed as closed:
            return refuse(409, closed.refusal.code, closed.refusal.reason, closed.refusal.next)
        except StepError as error:
            value = error.value
            return refuse(_STATUS.get(value["code"], 409), value["code"], value["message"], value["next"])
        except (NoMigration, NoRun):
            return refuse(404, "not_found", "There is no such migration or run.", "GET /api/migrations lists them.")
        except NotStored:
            return refuse(404, "not_found", "That was not made yet.")
        except AzureError as error:
            log.error("storage failed: %s", type(error).__name__)
            return refuse(
                503, "storage_unreachable", "The storage account did not answer.", "Check AzureWebJobsStorage."
            )

    return run
