"""What is added up when many chunks have come to their end."""

from pathlib import Path
from typing import cast
from uuid import UUID

from activities import jobs
from activities.rollback import count_undone
from activities.undoing import Undone
from ledger.audit import Head
from ledger.chunks import write_records
from ledger.storage import Storage

JOB = {"migration": "m-00000001", "run": "migrate-0001"}


class Names:
    """A storage that knows blobs by name only."""

    def __init__(self) -> None:
        self.blobs: set[str] = set()

    async def put(self, container: str, name: str, data: bytes) -> bool:
        self.blobs.add(name)
        return True

    async def names(self, container: str, prefix: str) -> list[str]:
        return sorted(name for name in self.blobs if name.startswith(prefix))


async def test_chunks_that_ended_are_read_from_names_alone() -> None:
    """One listing tells how far a run is and where every chain of its log ends."""
    store = cast("Storage", Names())
    head = Head("ab" * 32, 12)
    await jobs.ended(store, JOB, "patient", "00000", done=10, excepted=1, head=head)
    await jobs.ended(store, JOB, "patient", "state-00000", done=3, excepted=0, head=Head("cd" * 32, 0))
    await jobs.ended(store, JOB, "patient", "verify-00000", done=9, excepted=0)

    found = await jobs.all_ended(store, JOB["migration"], JOB["run"])

    assert found == [
        jobs.Ended("patient", "00000", 10, 1, head),
        jobs.Ended("patient", "state-00000", 3, 0, None),
        jobs.Ended("patient", "verify-00000", 9, 0, None),
    ]
    assert await jobs.all_ended(store, JOB["migration"], "migrate-0002") == []


def test_a_row_that_several_runs_wrote_is_counted_once(tmp_path: Path) -> None:
    """A row restored and then deleted is deleted; one that was kept was not left as well."""
    twice, back, kept, lying = (str(UUID(int=number)) for number in range(4))
    first = Undone(restored=[twice, back], listed=[{"row_id": kept, "why": "changed by others"}])
    second = Undone(
        deleted=[twice, *(str(UUID(int=number)) for number in range(10, 20))],
        restored=[back],
        listed=[{"row_id": row, "why": "a row of task that is not ours points at it"} for row in (kept, lying)],
    )
    for number, one in enumerate((first, second)):
        write_records(tmp_path / f"patient-{number}.ndjson.gz", one.rows())

    assert count_undone(tmp_path) == {"restored": 1, "kept": 1, "left": 1}


def test_nothing_undone(tmp_path: Path) -> None:
    """A rollback of runs that wrote nothing."""
    assert count_undone(tmp_path) == {"restored": 0, "kept": 0, "left": 0}
    write_records(tmp_path / "patient-0.ndjson.gz", Undone().rows())
    assert count_undone(tmp_path) == {"restored": 0, "kept": 0, "left": 0}
