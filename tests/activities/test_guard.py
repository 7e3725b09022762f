"""The fence around activities: what is tried again, and what becomes a value."""

from typing import Any

import pytest

from activities.guard import AGAIN, guarded
from ledger.audit import AuditRace
from ledger.lease import LeaseLost

LOST = [LeaseLost("the lease on 7 is lost"), AuditRace("another writer is appending to 7")]


@pytest.mark.parametrize("lost", LOST)
async def test_a_chunk_whose_lease_was_lost_is_begun_again(lost: Exception) -> None:
    """Its log knows what was done, so nothing is done twice."""
    begun = []

    async def load_chunk(job: dict[str, Any]) -> dict[str, Any]:
        begun.append(job["chunk"])
        if len(begun) < 3:
            raise lost
        return {"landed": 1}

    assert await guarded(load_chunk)({"chunk": 7}) == {"landed": 1}
    assert begun == [7, 7, 7]


@pytest.mark.parametrize("lost", LOST)
async def test_a_lease_that_is_lost_again_and_again_ends_the_step(lost: Exception) -> None:
    """With words instead of an exception's text."""
    begun = []

    async def load_chunk(job: dict[str, Any]) -> dict[str, Any]:
        begun.append(job["chunk"])
        raise lost

    result = await guarded(load_chunk)({"chunk": 7})

    assert result["error"]["code"] == "lease_lost"
    assert len(begun) == AGAIN + 1
