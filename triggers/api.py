"""What every HTTP endpoint shares: who may come in, JSON in and out, and refusals in one form.

Errors: ``{"error": {"code", "message", "next"}}``. No message holds a value of a record.
"""

import functools
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import azure.functions as func
import orjson
from pydantic import BaseModel, ValidationError

from services.access import REFUSALS, Need, StepError, admit, refusal_of
from services.identity import Person, person_of
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


def caller(request: func.HttpRequest) -> Person | None:
    """Who asks, where the platform signs people in. Elsewhere nobody is known, and the function key authorizes."""
    return person_of(request.headers, request.url) if settings().app_service_auth else None


def operator_of(request: func.HttpRequest, named: str | None = None) -> str:
    """The name for the record: the signed-in person's, else the name given."""
    person = caller(request)
    return (person.name if person else None) or named or "operator"


def require(request: func.HttpRequest, need: Need) -> None:
    """Raise StepError for a signed-in person who may not, and for nobody where somebody must be signed in."""
    if settings().app_service_auth:
        admit(caller(request), need)


def role_of(request: func.HttpRequest) -> str:
    """In which role they ask: their own where the platform authenticates; else whoever has the app's key is its operator."""
    person = caller(request)
    return person.role if person else "operator"


def allows(request: func.HttpRequest, need: Need) -> bool:
    """Whether who asks meets a need."""
    try:
        require(request, need)
    except StepError:
        return False
    return True


Handler = Callable[..., Awaitable[func.HttpResponse]]


def endpoint(need: Need | None) -> Callable[[Handler], Handler]:
    """Wrap a handler: who may not is refused before anything is looked at; each kind of trouble has its status and words.

    ``need`` None: for anybody, since it says nothing about any migration.
    """

    def wrap(handler: Handler) -> Handler:
        @functools.wraps(handler)
        async def run(req: func.HttpRequest, *args: Any, **kwargs: Any) -> func.HttpResponse:
            try:
                if need is not None:
                    require(req, need)
                return await handler(req, *args, **kwargs)
            except REFUSALS as error:
                no = refusal_of(error)
                return refuse(no.status, no.code, no.message, no.next)

        return run

    return wrap
