"""Timer triggers: one run at a time per function, at the moments of its schedule.

Source: Microsoft Learn, "Timer trigger for Azure Functions"; TimerListener of azure-webjobs-sdk-extensions. A run that
lasts beyond the next occurrence delays it; occurrences missed meanwhile collapse into one run with `isPastDue`.
"""

import asyncio
import json
import logging
from datetime import UTC, datetime, timedelta
from typing import Protocol

from devhost.bindings import Function
from devhost.invocations import Invoker
from devhost.ncrontab import Schedule
from devhost.protocol import TypedData
from devhost.worker import Outcome

__all__ = ["Clock", "SystemClock", "Timer"]

logger = logging.getLogger("devhost")

PAST_DUE_AFTER = timedelta(seconds=1)
# Sleeps are cut in pieces, so that a change of the machine's clock is noticed.
LONGEST_SLEEP = 30.0
NEVER = "0001-01-01T00:00:00+00:00"


class Clock(Protocol):
    """Time, so that tests can move it."""

    def now(self) -> datetime:
        """This moment, aware."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after so many seconds, or earlier."""
        ...


class SystemClock:
    """The machine's time."""

    def now(self) -> datetime:
        """This moment in UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Sleep for so long, at most half a minute."""
        await asyncio.sleep(min(seconds, LONGEST_SLEEP))


class Timer:
    """One timer function."""

    def __init__(self, function: Function, schedule: Schedule, *, invoker: Invoker, clock: Clock) -> None:
        self._function = function
        self._schedule = schedule
        self._invoker = invoker
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()
        self._last: datetime | None = None

    async def run(self, *, at_startup: bool = False) -> None:
        """Run at every occurrence until cancelled; `at_startup` runs once before (runOnStartup)."""
        if at_startup:
            await asyncio.shield(self.run_now())
        due = self._schedule.next_after(self._clock.now())
        while True:
            now = self._clock.now()
            if now < due:
                await self._clock.sleep((due - now).total_seconds())
                continue
            # Shielded: stopping devhost ends the waiting, not a run under way.
            await asyncio.shield(self.run_now(past_due=now - due >= PAST_DUE_AFTER))
            due = self._next_due(due)

    async def run_now(self, *, past_due: bool = False) -> Outcome:
        """Run the function once, after a run under way has ended."""
        async with self._one_at_a_time:
            started = self._clock.now()
            status = {
                "Last": self._last.isoformat() if self._last else NEVER,
                "LastUpdated": self._last.isoformat() if self._last else NEVER,
                "Next": self._schedule.next_after(started).isoformat(),
            }
            document = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": status, "IsPastDue": past_due}
            outcome = await self._invoker.run(self._function, TypedData(json=json.dumps(document)))
            self._last = started
            return outcome

    def _next_due(self, due: datetime) -> datetime:
        following = self._schedule.next_after(due)
        now = self._clock.now()
        if following > now:
            return following
        # Missed occurrences become one: the latest of them, which is past due.
        while (later := self._schedule.next_after(following)) <= now:
            following = later
        return following
