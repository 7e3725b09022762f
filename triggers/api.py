"""What every HTTP endpoint shares: JSON in and out, and refusals in one form.

Errors: ``{"error": {"code", "message", "next"}}``. No message holds a value of a record.
"""

import functools
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import azure.functions as func
import orjson
from pydantic import BaseModel, ValidationError

from services.access import REFUSALS, StepError, refusal_of
from services.identity import person_of
from settings import settings

B = TypeVar("B", bound=BaseModel)


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
    """Who asks: the signed-in person where the platform authenticates, else the name given."""
    person = person_of(request.headers, request.url)
    return (person.name if person and settings().app_service_auth else None) or named or "operator"


def endpoint(
    handler: Callable[..., Awaitable[func.HttpResponse]],
) -> Callable[..., Awaitable[func.HttpResponse]]:
    """Wrap a handler so that each kind of trouble gets its status and words."""

    @functools.wraps(handler)
    async def run(*args: Any, **kwargs: Any) -> func.HttpResponse:
        try:
            return await handler(*args, **kwargs)
        except REFUSALS as error:
            no = refusal_of(error)
            return refuse(no.status, no.code, no.message, no.next)

    return run
