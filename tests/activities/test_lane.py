"""A lane's turn: two chunks in hand, none twice, none taken up after a failure or a long time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from activities import lane, room
from activities.lane import in_lane

JOB = {"object": "patient", "user": 1, "slots": 2}


class Chunks:
    """A chunk activity that lets its chunks end in order, each when the next one has begun."""

    def __init__(self, fails: int | None = None) -> None:
        self.fails = fails
        self.most = 0
        self.began: list[int] = []
        self.ended: list[int] = []
        self.jobs: list[dict[str, Any]] = []

    async def load_chunk(self, job: dict[str, Any]) -> dict[str, Any]:
        self.jobs.append(job)
        self.began.append(job["chunk"])
        self.most = max(self.most, len(self.began) - len(self.ended))
        for _ in range(3):
            await asyncio.sleep(0)
        self.ended.append(job["chunk"])
        if job["chunk"] == self.fails:
            raise RuntimeError
        return {"landed": 10, "excepted": job["chunk"]}


@pytest.fixture(autouse=True)
def held(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The slots that were held, in place of a target's client."""
    slots: list[int] = []

    @asynccontextmanager
    async def lane_slots(job: dict[str, Any]) -> AsyncIterator[None]:
        slots.append(job["slots"])
        yield

    monkeypatch.setattr(lane, "lane_slots", lane_slots)
    return slots


async def test_all_chunks_are_done_two_at_a_time_in_the_slots_of_the_lane(held: list[int]) -> None:
    chunks = Chunks()
    assert await in_lane(chunks.load_chunk)({**JOB, "lane": [1, 4, 6, 9, 11]}) == {"excepted": 31, "left": []}
    assert (chunks.began, sorted(chunks.ended), chunks.most) == ([1, 4, 6, 9, 11], [1, 4, 6, 9, 11], lane.IN_HAND)
    assert held == [2]
    assert chunks.jobs[0] == {"object": "patient", "user": 1, "chunk": 1}


async def test_a_failure_is_raised_when_the_other_chunk_has_ended_and_no_third_is_taken_up() -> None:
    chunks = Chunks(fails=4)
    with pytest.raises(RuntimeError):
        await in_lane(chunks.load_chunk)({**JOB, "lane": [4, 1, 6, 9]})
    assert (chunks.began, sorted(chunks.ended)) == ([4, 1], [1, 4])


async def test_after_a_while_no_other_chunk_is_taken_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane, "TURN", 0.0)
    assert await in_lane(Chunks().load_chunk)({**JOB, "lane": [1, 4, 6]}) == {"excepted": 5, "left": [6]}


async def test_lanes_of_one_process_hold_no_more_chunks_than_there_is_room_for() -> None:
    chunks = Chunks()
    turns = [in_lane(chunks.load_chunk)({**JOB, "lane": list(range(10 * n, 10 * n + 5))}) for n in range(4)]
    await asyncio.gather(*turns)
    assert (len(chunks.ended), chunks.most) == (20, room.CHUNKS_AT_ONCE)


def test_the_activity_keeps_its_name() -> None:
    assert in_lane(Chunks().load_chunk).__name__ == "load_chunk"
