"""How an activity says no: a value for people, never an exception that carries a record."""

from typing import Any


class StepError(Exception):
    """The step cannot go on. ``message`` says what is wrong and where (by id), ``next`` what to do."""

    def __init__(self, code: str, message: str, next_step: str = "") -> None:
        super().__init__(code)
        self.value = {"code": code, "message": message, "next": next_step}


def as_value(error: StepError) -> dict[str, Any]:
    """The error as an activity's result."""
    return {"error": error.value}
