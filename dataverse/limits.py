"""How many requests may be under way: additive increase, multiplicative decrease, and one common pause.

Dataverse says how parallel a client should be (``x-ms-dop-hint``) and when it was too much (429 with Retry-After);
going on sending during the penalty makes it longer, so a throttled answer stops every sender of the client.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Final

#: Before the first answer has told the hint.
FIRST_GUESS: Final = 4
#: One below the 52 concurrent requests at which the service protection limit starts to refuse.
MOST: Final = 51
#: Seconds at most by which a wait is made longer than the server asked.
LONGER: Final = 60.0


@dataclass(frozen=True, slots=True)
class Clock:
    """Time as the client sees it, so that tests need not wait for it."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class Limiter:
    """``async with limiter.slot():`` holds one slot for one request.

    ``slots`` is the ceiling; 0 takes the ceiling from the server's hint. The limit starts at the hint (never above the
    ceiling), is halved by a throttled answer, and grows by one after as many successes as it is wide.
    """

    def __init__(self, slots: int = 0, *, clock: Clock | None = None) -> None:
        if slots < 0:
            raise ValueError("slots must be 0 (take the server's hint) or more")
        self._clock = clock or Clock()
        self._slots = min(slots, MOST)
        self._hint = 0
        self._grants: list[int] = []
        self._calm = True  #: nothing was throttled since the limit last was as wide as it may be
        self._limit = min(self._slots or FIRST_GUESS, FIRST_GUESS)
        self._active = 0
        self._good = 0
        self._resume_at = 0.0
        self._refused = 0  #: waits in a row after which nothing was let in
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def limit(self) -> int:
        """How many requests may be under way now."""
        return self._limit

    @property
    def ceiling(self) -> int:
        """What the limit may grow to: the slots handed out (when each holder has a number of its own), else the hint."""
        granted = min(sum(self._grants), MOST) if self._grants and all(self._grants) else 0
        return granted or self._slots or self._hint or FIRST_GUESS

    @property
    def hinted(self) -> int:
        """The parallelism that the server last recommended, 0 before its first answer."""
        return self._hint

    @property
    def paused(self) -> float:
        """Seconds for which nobody may start, 0 when anybody may."""
        return max(0.0, self._resume_at - self._clock.now())

    @contextmanager
    def granted(self, slots: int) -> Iterator[None]:
        """A piece of work has so many slots of its own for as long as the block runs (0: the server's hint for all)."""
        self.grant(slots)
        try:
            yield
        finally:
            self.revoke(slots)

    def grant(self, slots: int) -> None:
        """One more piece of work shares the limit, with so many slots of its own (0: the server's hint for all)."""
        self._grants.append(slots)
        if self._calm:
            self._limit = min(self._hint or FIRST_GUESS, self.ceiling)
        self._limit = min(self._limit, self.ceiling)
        self._wake()

    def revoke(self, slots: int) -> None:
        """A piece of work gives its slots back."""
        self._grants.remove(slots)
        self._limit = min(self._limit, self.ceiling)
        self._wake()

    def hint(self, parallelism: int) -> None:
        """The server's recommended degree of parallelism; the first one sets the limit, later ones the ceiling."""
        parallelism = max(1, min(parallelism, MOST))
        first, self._hint = self._hint == 0, parallelism
        self._limit = min(parallelism if first else self._limit, self.ceiling)
        self._wake()

    def throttled(self, seconds: float) -> None:
        """Halve the limit and let nobody start for ``seconds``. A burst of refusals of one moment halves it once.

        Who is refused again after having waited waits longer each time: others of the same user (another worker) came
        first, were refused, and so made the penalty longer, and would do so in turns without end.
        """
        now = self._clock.now()
        if now >= self._resume_at:
            self._limit = max(1, self._limit // 2)
            seconds += min(self._refused * seconds, LONGER)
            self._refused += 1
        self._good = 0
        self._calm = False
        self._resume_at = max(self._resume_at, now + seconds)

    def succeeded(self) -> None:
        """Count a success; a full width of them widens the limit by one."""
        self._refused = 0
        self._good += 1
        if self._good >= self._limit and self._limit < self.ceiling:
            self._limit += 1
            self._good = 0
            self._wake()
        self._calm = self._calm or self._limit >= self.ceiling

    @asynccontextmanager
    async def slot(self, sleep: Callable[[float], Awaitable[None]] | None = None) -> AsyncIterator[None]:
        """Hold one slot for one request. A penalty is waited out by ``sleep`` (the clock's), which may raise."""
        while True:
            await self._slot()
            wait = self.paused
            if not wait:
                break
            # The penalty is waited out without a slot: whoever wakes first must find the limit as it is then.
            self._free()
            await (sleep or self._clock.sleep)(wait)
        try:
            yield
        finally:
            self._free()

    async def _slot(self) -> None:
        if self._active < self._limit and not self._waiting:
            self._active += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn  # _wake counts us in before it wakes us
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._free()
            elif turn in self._waiting:  # or _wake has already passed over it
                self._waiting.remove(turn)
            raise

    def _free(self) -> None:
        self._active -= 1
        self._wake()

    def _wake(self) -> None:
        while self._waiting and self._active < self._limit:
            turn = self._waiting.popleft()
            if not turn.done():
                self._active += 1
                turn.set_result(None)
