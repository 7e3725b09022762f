"""Background jobs of the service: a solution import that is asked for now and done a little later.

A job waits until somebody looks at ``asyncoperations`` or ``importjobs``: by default the first look finds it in
progress, and before the second one it is done.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from local.dataverse.faults.trigger import Waiting
from local.dataverse.session import Session

if TYPE_CHECKING:
    from local.dataverse.environment import Environment

_WATCHED: Final = frozenset({"asyncoperation", "importjob"})


@dataclass(slots=True)
class Job:
    """``work`` does it and stores the outcome in the asyncoperation of that id."""

    identity: str
    work: Callable[[Session], None]
    waiting: Waiting


@dataclass(slots=True)
class Jobs:
    running: list[Job] = field(default_factory=list)

    def polled(self, environment: "Environment", session: Session, table: str) -> None:
        """Somebody reads the job tables: waiting jobs move one step."""
        if table not in _WATCHED or not self.running:
            return
        operations = environment.catalog.tables["asyncoperation"]
        for job in list(self.running):
            with environment.store.transaction():
                if job.waiting.look(environment.faults.clock()):
                    self.running.remove(job)
                    job.work(session)
                else:
                    environment.store.update(operations, job.identity, {"statecode": 2, "statuscode": 20})
