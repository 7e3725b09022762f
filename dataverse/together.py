"""Side by side, and never half-way: every call is heard out before a failure is passed on."""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import TypeVar

T = TypeVar("T")


async def together(calls: Iterable[Awaitable[T]]) -> list[T]:
    """The results in order; the first failure is raised after all calls have ended.

    None of them may still be writing, or hold a connection, when the caller goes on.
    """
    results = await asyncio.gather(*calls, return_exceptions=True)
    done: list[T] = []
    for result in results:
        if isinstance(result, BaseException):
            raise result
        done.append(result)
    return done
