"""What Dynamics holds back, in the words of page, API and command line."""

from dataclasses import dataclass
from datetime import datetime

from activities.pauses import pauses
from activities.signin import users
from ledger.states import Run, now
from ledger.storage import Storage


@dataclass(frozen=True, slots=True)
class HeldBack:
    """A run of whose ``users`` (application users) so many wait, as the service protection limits ask.

    ``until``: when it goes on; while some work, when the last of the others does.
    """

    until: datetime
    waiting: int
    users: int

    @property
    def kind(self) -> str:
        """Paused or slowed, without what changes from second to second."""
        return "Paused by Dynamics" if self.waiting >= self.users else "Slowed by Dynamics"

    @property
    def words(self) -> str:
        """Paused or slowed, why, and how long: the rest as 00:24."""
        minutes, seconds = divmod(max(0, round((self.until - now()).total_seconds())), 60)
        rest = f"{minutes:02d}:{seconds:02d}"
        why = f"{self.kind} (its service protection limit)"
        if self.waiting >= self.users:
            return f"{why}; goes on by itself in {rest}."
        wait = "waits" if self.waiting == 1 else "wait"
        return f"{why}: {self.waiting} of {self.users} application users {wait} for another {rest}."


async def held_back(store: Storage, run: Run) -> HeldBack | None:
    """How Dynamics holds a run back now, None when it does not."""
    moments, known = await pauses(store, run), users()
    if not moments:
        return None
    until = min(moments) if len(moments) >= known else max(moments)
    return HeldBack(until, len(moments), known)
