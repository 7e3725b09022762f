"""The fence around every activity: known trouble becomes a value, unknown trouble is named by place, never by text.

An exception's text may quote a record, and Durable Functions would keep it in its history: so none leaves here.
"""

import functools
import logging
import traceback
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from azure.core.exceptions import AzureError

from activities import jobs
from activities.allowance import spent_value
from activities.errors import StepError, as_value
from activities.resources import storage
from activities.room import room
from dataverse.budget import BudgetSpent
from dataverse.errors import AuthRefused, DataverseError, Unavailable
from dataverse.install import InstallFailed
from ledger.audit import AuditRace
from ledger.lease import LeaseHeld, LeaseLost
from sources.errors import SourceError

log = logging.getLogger("carryover")
_UNREACHABLE = "Check DATAVERSE_URL and the network, then start the step again: finished work is kept."
_UNAVAILABLE = {
    507: "The environment's storage is full: free or add capacity in the Power Platform admin center, then start the step "
    "again: finished work is kept.",
}
#: How long a piece of work is left to the worker that is at it, before it is asked for again.
BUSY: Final = timedelta(seconds=30)
#: Times that a chunk is begun again in one activity.
AGAIN: Final = 3
Activity = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


def guarded(activity: Activity) -> Callable[[Any], Awaitable[Any]]:
    """Wrap an activity so that it always returns: its result, or ``{"error": {code, message, next}}``.

    Nothing of a run begins once a rollback took over or a person stopped it.
    """

    @functools.wraps(activity)
    async def run(payload: dict) -> dict:  # type: ignore[type-arg]
        try:
            if "epoch" in payload:  # the end of a run is recorded whoever took over
                await jobs.fence(await storage(), payload)
            async with room(activity.__name__):
                return await _work(activity, payload)
        except StepError as error:
            return as_value(error)
        except BudgetSpent as error:
            return spent_value(error.until)
        except SourceError as error:
            return as_value(
                StepError("bad_source", str(error), "Mend or remove the file, upload again, and scope again.")
            )
        except Unavailable as error:
            answered = "could not do it" if error.status else "did not answer"
            return as_value(
                StepError(
                    "dataverse_unavailable" if error.status else "dataverse_unreachable",
                    f"Dataverse {answered}: {error}",
                    _UNAVAILABLE.get(error.status, _UNREACHABLE),
                )
            )
        except AuthRefused as error:
            return as_value(
                StepError(
                    "auth_refused",
                    f"Dataverse does not let the app in: {error}",
                    "Set DATAVERSE_TENANT_ID, DATAVERSE_CLIENT_ID and DATAVERSE_CLIENT_SECRET (or "
                    "DATAVERSE_CERTIFICATE_PATH, or DATAVERSE_MANAGED_IDENTITY), and have the application user made.",
                )
            )
        except InstallFailed as error:
            return as_value(
                StepError(
                    "solution_refused",
                    str(error),
                    "Where a column is there already with another type, give the map's column another name or that type, or have "
                    "the old one removed; then confirm and prepare again.",
                )
            )
        except DataverseError as error:
            return as_value(StepError("dataverse_refused", str(error), "See the code in Dataverse's documentation."))
        except LeaseHeld:
            return _busy_value(datetime.now(UTC) + BUSY)
        except (LeaseLost, AuditRace):
            return as_value(
                StepError(
                    "lease_lost",
                    "The lease on a chunk was lost again and again: the storage or the app stands still at times.",
                    "Start the step again: nothing was doubled.",
                )
            )
        except Exception as error:
            fault = _place(activity.__name__, error)
            log.error("activity failed: %s", fault)
            kind = "storage_unreachable" if isinstance(error, AzureError) else "internal"
            return as_value(StepError(kind, fault, "Start the step again; if it fails again, report this place."))

    # The worker reads the annotations of what it calls: the wrapper's, not the wrapped function's.
    run.__annotations__ = {"payload": dict, "return": dict}
    del run.__wrapped__
    return run


def _busy_value(until: datetime) -> dict[str, Any]:
    """What an activity returns whose work another worker is at: its orchestration calls it again then."""
    return {
        "error": {
            "code": "busy",
            "message": "Another worker is at this piece of work.",
            "next": "Nothing needs to be done: the run goes on by itself.",
            "until": until.isoformat(),
        }
    }


async def _work(activity: Activity, payload: dict[str, Any]) -> dict[str, Any]:
    """Do it, and again when the chunk's lease was lost: its log says what was done, or another worker's result is there.

    A lease is lost without any fault when the storage or this instance stood still for half a minute.
    """
    for _ in range(AGAIN):
        try:
            return await activity(payload)
        except (LeaseLost, AuditRace):  # a race for the log means the same
            log.warning("%s lost its lease and begins again", activity.__name__)
    return await activity(payload)


def _place(name: str, error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    trail = " < ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames[-4:]))
    return f"{name}: {type(error).__name__} at {trail}"
