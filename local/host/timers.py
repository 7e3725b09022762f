"""Timer triggers: NCRONTAB schedules, with the last and next time kept so that a missed firing is made up for."""

import asyncio
import json
import logging
from datetime import UTC, datetime
from functools import partial

from croniter import CroniterBadDateError, croniter

from local.host import events
from local.host.invoke import Invoker
from local.host.load import Function, LoadError, setting_text
from local.host.store import AsyncStore, now_us
from local.host.triggers import frames_of

log = logging.getLogger("local.host.timers")


class Schedule:
    """An NCRONTAB expression of six fields (second first) or five, in UTC."""

    def __init__(self, expression: str, name: str) -> None:
        fields = expression.split()
        if len(fields) not in (5, 6):  # a TimeSpan works on App Service plans only
            raise LoadError(f"{name}: '{expression}' is no NCRONTAB schedule of five or six fields")
        if not croniter.is_valid(expression, second_at_beginning=len(fields) == 6):
            raise LoadError(f"{name}: '{expression}' is no valid NCRONTAB schedule")
        self._make = partial(croniter, expression, second_at_beginning=len(fields) == 6)
        try:
            self.after(now_us())
        except CroniterBadDateError as error:
            raise LoadError(f"{name}: '{expression}' never comes") from error

    def after(self, at: int) -> int:
        """The first time after `at`; both in µs since the epoch."""
        start = datetime.fromtimestamp(at // events.MICROSECONDS, UTC)
        following: datetime = self._make(start, ret_type=datetime).get_next(datetime)
        return int(following.timestamp()) * events.MICROSECONDS


class TimerTrigger:
    """One timer function and its schedule. It never runs twice at the same time."""

    def __init__(self, function: Function, store: AsyncStore, invoker: Invoker) -> None:
        self._function = function
        self._store = store
        self._invoker = invoker
        expression = setting_text(str(function.trigger["schedule"]), function.name)
        self._schedule = Schedule(expression, function.name)
        # Azure keeps state unless told not to: then a firing that a stopped host missed is late, not lost.
        self._monitored = function.trigger.get("useMonitor") is not False

    async def serve(self) -> None:
        """Fires for as long as the host runs."""
        name, now = self._function.name, now_us()
        last, following = await self._store.call(self._store.store.timer_state, name)
        missed = self._monitored and following is not None and following <= now
        if missed or self._function.trigger.get("runOnStartup"):
            await self._fire(last, past_due=missed)
            last = now
        while True:
            following = self._schedule.after(now_us())
            await self._store.call(self._store.store.save_timer_state, name, last, following)
            await _sleep_until(following)
            await self._fire(last, past_due=False)
            last = following

    async def _fire(self, last: int | None, past_due: bool) -> None:
        now = now_us()
        info = {
            "Schedule": {"AdjustForDST": True},
            "ScheduleStatus": {
                "Last": events.stamp(last or now),
                "Next": events.stamp(self._schedule.after(now)),
                "LastUpdated": events.stamp(last or now),
            },
            "IsPastDue": past_due,
        }
        try:
            await self._invoker.timer(self._function, json.dumps(info))
        except Exception as error:
            log.error("timer %s failed: %s at %s", self._function.name, type(error).__name__, frames_of(error))


async def _sleep_until(at: int) -> None:
    """Never early: the loop's clock is not the one that schedules are made for."""
    while (wait := at - now_us()) > 0:  # noqa: ASYNC110
        await asyncio.sleep(wait / events.MICROSECONDS)
