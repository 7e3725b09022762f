"""The fence around activities: what is tried again, and what becomes a value."""

from typing import Any

import pytest

from activities.guard import AGAIN, guarded
from dataverse.install import InstallFailed
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


async def test_a_solution_that_is_refused_says_which_part_and_what_to_do() -> None:
    async def install(job: dict[str, Any]) -> dict[str, Any]:
        raise InstallFailed(
            "The solution was not imported: The column 'cms_x' of 'contact' is of type Decimal, not String."
        )

    error = (await guarded(install)({}))["error"]

    assert error["code"] == "solution_refused" and "cms_x" in error["message"] and "another name" in error["next"]
