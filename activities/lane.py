"""A lane's turn: chunk after chunk in the slots of one application user, two in hand at a time.

A chunk waits for the target only while its rows are under way; before and after, it reads its plan, logs and keeps
receipts. With a second one in hand the lane's slots are in use meanwhile, and the target never waits for the storage.
"""

import functools
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from activities.room import chunk_room
from activities.target import lane_slots
from dataverse.together import together

#: Chunks of a lane that are worked on at once.
IN_HAND: Final = 2
#: Seconds after which no other chunk is taken up: an activity stays short beside the platform's time limit.
TURN: Final = 60.0

Activity = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


def in_lane(one: Activity) -> Activity:
    """Makes an activity for one chunk (``job["chunk"]``) one for a lane: ``job["lane"]``, in that order.

    It returns ``{"excepted": sum, "left": chunks that it did not take up}``. A failure is raised once the chunks in
    hand have come to their end; called again, those that are finished answer from what they kept.
    """

    @functools.wraps(one)
    async def turn(job: dict[str, Any]) -> dict[str, Any]:
        work = {key: value for key, value in job.items() if key not in ("lane", "slots")}
        left = list(job["lane"])
        until = time.monotonic() + TURN
        excepted = 0
        stopped = False

        async def hand() -> None:
            nonlocal excepted, stopped
            while left and not stopped:
                async with chunk_room():
                    if stopped or not left:
                        return
                    chunk = left.pop(0)
                    try:
                        result = await one({**work, "chunk": chunk})
                    except BaseException:
                        stopped = True
                        raise
                excepted += result.get("excepted", 0)
                stopped = stopped or time.monotonic() >= until

        async with lane_slots(job):
            await together(hand() for _ in range(IN_HAND))
        return {"excepted": excepted, "left": left}

    return turn
