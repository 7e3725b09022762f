"""Which runs' writes are in the target, and which run's exceptions hold."""

from ledger.migrations import Run
from ledger.states import WRITING


def standing(runs: list[Run]) -> list[Run]:
    """Runs whose writes have not been taken back, newest first. A sample's own run writes only through its parts."""
    wrote = [run for run in runs if run.kind in WRITING and not run.undone_by and (run.kind != "sample" or run.parent)]
    return sorted(wrote, key=lambda run: run.number, reverse=True)


def last_load(runs: list[Run]) -> Run | None:
    """The latest run that loaded every record it could and was not taken back: what it lists as excepted holds now.

    A retry of chosen causes lists the others as they were, once it is done; until then the list it began from holds.
    After a rollback of all runs it is the latest of those.
    """
    loads = [
        run for run in runs if run.kind in ("migrate", "delta", "retry") and not (run.partial and run.state != "done")
    ]
    return max(loads, key=lambda run: (run.undone_by is None, run.number), default=None)
