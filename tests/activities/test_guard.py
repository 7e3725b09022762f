"""The fence around activities: what is tried again, and what becomes a value."""

from typing import Any

from activities.guard import AGAIN, guarded
from ledger.lease import LeaseLost


async def test_a_chunk_whose_lease_was_lost_is_begun_again() -> None:
    """Its log knows what was done, so nothing is done twice."""
    begun = []

    async def load_chunk(job: dict[str, Any]) -> dict[str, Any]:
        begun.append(job["chunk"])
        if len(begun) < 3:
            raise LeaseLost("the lease on 7 is lost")
        return {"landed": 1}

    assert await guarded(load_chunk)({"chunk": 7}) == {"landed": 1}
    assert begun == [7, 7, 7]


async def test_a_lease_that_is_lost_again_and_again_ends_the_step() -> None:
    """With words instead of an exception's text."""
    begun = []

    async def load_chunk(job: dict[str, Any]) -> dict[str, Any]:
        begun.append(job["chunk"])
        raise LeaseLost("the lease on 7 is lost")

    result = await guarded(load_chunk)({"chunk": 7})

    assert result["error"]["code"] == "lease_lost"
    assert len(begun) == AGAIN + 1
