"""The simulator's time: real time plus an offset that tests push forward.

Everything that happens later (an installation that ends, facts of an Arc cluster that arrive) is a
call on this clock. `advance` stops at each such moment in its order, so that an hour skipped in one
step leaves the same traces as an hour waited for.
"""

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime


@dataclass(order=True)
class _Due:
    when: float
    order: int
    call: Callable[[], None] = field(compare=False)


class Clock:
    """Seconds since the epoch. Not thread-safe: it belongs to one event loop."""

    def __init__(self, real: Callable[[], float] = time.time) -> None:
        self._real = real
        self._offset = 0.0
        self._pinned: float | None = None
        self._due: list[_Due] = []
        self._order = itertools.count()
        self._changed = asyncio.Event()

    def now(self) -> float:
        """The simulated time."""
        return self._pinned if self._pinned is not None else self._real() + self._offset

    def call_at(self, when: float, call: Callable[[], None]) -> None:
        """Have `call` made when the clock reaches `when`; at the next occasion where that has passed."""
        heapq.heappush(self._due, _Due(when, next(self._order), call))
        self._changed.set()

    def call_after(self, seconds: float, call: Callable[[], None]) -> None:
        """Have `call` made `seconds` from now."""
        self.call_at(self.now() + seconds, call)

    def run_due(self) -> None:
        """Make the calls whose time has come."""
        while self._due and self._due[0].when <= self.now():
            heapq.heappop(self._due).call()

    def advance(self, seconds: float) -> None:
        """Push the time forward, stopping at each call that falls due on the way."""
        if seconds < 0:
            raise ValueError("Time runs forward only.")
        target = self.now() + seconds
        try:
            while self._due and self._due[0].when <= target:
                due = heapq.heappop(self._due)
                self._pinned = max(due.when, self._pinned or 0.0)
                due.call()
        finally:
            self._pinned = None
            self._offset = target - self._real()
        self._changed.set()

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock has gone `seconds` further, by itself or by `advance`."""
        done = asyncio.get_running_loop().create_future()
        self.call_after(seconds, lambda: None if done.done() else done.set_result(None))
        await done

    async def pump(self) -> None:
        """Make due calls as real time passes; runs until it is cancelled."""
        while True:
            self.run_due()
            self._changed.clear()
            wait = max(0.0, self._due[0].when - self.now()) if self._due else None
            try:
                async with asyncio.timeout(wait):
                    await self._changed.wait()
            except TimeoutError:
                continue


def iso(when: float) -> str:
    """A time as Azure's resource providers write it: RFC 3339 with microseconds and offset."""
    return datetime.fromtimestamp(when, UTC).isoformat(timespec="microseconds")
