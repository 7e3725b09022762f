"""How a command ends: the exit codes, and the errors that carry one."""

from typing import Final

DONE: Final = 0
FAILED: Final = 1
MISUSE: Final = 2
REFUSED: Final = 3
WITH_EXCEPTIONS: Final = 4
INTERRUPTED: Final = 130

EXIT_CODES: Final = {
    DONE: "done",
    FAILED: "failed",
    MISUSE: "misuse",
    REFUSED: "refused by a gate",
    WITH_EXCEPTIONS: "done with exceptions",
    INTERRUPTED: "interrupted, can be resumed",
}


class CliError(Exception):
    """A command that did not do what was asked. ``next`` says what to try; ``exit_code`` is one of the above."""

    def __init__(self, message: str, *, exit_code: int = FAILED, code: str = "failed", next: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code
        self.code = code
        self.next = next


def misuse(message: str, next: str = "") -> CliError:
    """The command was typed wrong: exit code 2."""
    return CliError(message, exit_code=MISUSE, code="misuse", next=next)


def refused(message: str, next: str = "") -> CliError:
    """A gate is shut, or a person said no: exit code 3."""
    return CliError(message, exit_code=REFUSED, code="refused", next=next)


def interrupted(message: str, next: str = "", *, code: str = "interrupted") -> CliError:
    """Stopped on the way, and able to go on: exit code 130. ``code`` tells what the app itself paused or stopped."""
    return CliError(message, exit_code=INTERRUPTED, code=code, next=next)


class ApiError(CliError):
    """The app's own refusal: ``{"error": {"code", "message", "next"}}`` with the HTTP status it came with."""

    def __init__(self, status: int, code: str, message: str, next: str = "") -> None:
        super().__init__(message, exit_code=_exit_code(status), code=code, next=next)
        self.status = status


def _exit_code(status: int) -> int:
    match status:
        case 409:
            return REFUSED
        case 400 | 404 | 405 | 413 | 415 | 422:
            return MISUSE
        case _:
            return FAILED
