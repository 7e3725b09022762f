"""Which runs' writes are in the target."""

from ledger.migrations import Run
from ledger.states import WRITING


def standing(runs: list[Run]) -> list[Run]:
    """Runs whose writes have not been taken back, newest first. A sample's own run writes only through its parts."""
    wrote = [run for run in runs if run.kind in WRITING and not run.undone_by and (run.kind != "sample" or run.parent)]
    return sorted(wrote, key=lambda run: run.number, reverse=True)
