"""A row without a receipt is ours if a log of ours says so, and nobody else's log does."""

from typing import Any

import pytest

from activities.made_before import made_before
from activities.rows import Op
from ledger import migrations
from ledger.audit import AuditLog, Intent, Outcome
from ledger.migrations import Run
from ledger.storage import Storage
from tests.dataverse.fake import row_ids
from tests.dataverse.samples import VISIT

IDS = row_ids(5)


@pytest.fixture
def job(migration: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The third run of a migration; the first was taken back, the second has failed."""

    async def list_runs(storage: Storage, id: str) -> list[Run]:
        def run(number: int, generation: int, **more: Any) -> Run:
            return Run(
                id=f"migrate-{number:04d}", migration=id, kind="migrate", number=number, generation=generation, **more
            )

        return [run(1, 0, undone_by="rollback-0002"), run(3, 1, state="failed"), run(4, 1)]

    monkeypatch.setattr(migrations, "list_runs", list_runs)
    return {"migration": migration, "run": "migrate-0004", "object": "visit", "generation": 1}


def ops(ids: list[str], person: str | None = None) -> list[Op]:
    return [Op(0, "create", id, f"c.visit.{id}", person or f"c.visit.{id}", VISIT, id, {}, {}) for id in ids]


async def write(storage: Storage, migration: str, place: str, ids: list[str], result: Any = None) -> None:
    log = await AuditLog.open(storage, migration, *place.split("/"))
    entries = await log.append_intents([Intent("create", id, f"c.visit.{id}", "Visit", id) for id in ids])
    if result:
        await log.append_outcomes([Outcome(entry.sequence, result, "code") for entry in entries])


async def test_what_an_earlier_run_may_have_made_is_ours(storage: Storage, job: dict[str, Any]) -> None:
    migration = job["migration"]
    await write(storage, migration, "migrate-0003/visit/00000", IDS[:1], "landed")
    await write(storage, migration, "migrate-0003/visit/00001", IDS[1:2])  # it died before the outcome
    await write(storage, migration, "migrate-0003/visit/00002", IDS[2:3], "failed")  # theirs: it was taken then, too
    await write(storage, migration, "migrate-0001/visit/00000", IDS[3:4], "landed")  # taken back: another generation
    await write(storage, migration, "migrate-0003/patient/00000", IDS[4:], "landed")
    await write(storage, migration, "migrate-0004/visit/00007", IDS)  # this attempt's own intents
    assert await made_before(storage, job, "00007", ops(IDS)) == set(IDS[:2])


async def test_a_row_that_records_share_may_be_another_object_s_or_chunk_s(
    storage: Storage, job: dict[str, Any]
) -> None:
    await write(storage, job["migration"], "migrate-0003/patient/00000", IDS[:1], "landed")
    await write(storage, job["migration"], "migrate-0004/visit/00006", IDS[1:2], "landed")
    await write(storage, job["migration"], "migrate-0004/visit/00007", IDS[:3])
    assert await made_before(storage, job, "00007", ops(IDS[:3], person="c.party.1")) == set(IDS[:2])
    assert await made_before(storage, job, "00007", ops(IDS[:3])) == set()
