"""Timer triggers under a clock that the test moves."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

from devhost.bindings import Function, TimerTrigger
from devhost.invocations import Invoker
from devhost.ncrontab import parse
from devhost.timer_door import Timer
from devhost.worker import Outcome

START = datetime(2026, 1, 1, tzinfo=UTC)
FUNCTION = Function("sweep", "id", TimerTrigger("timer", "", run_on_startup=False), ())


class MovableClock:
    """Sleeping moves the time at once; after `limit` it sleeps for ever."""

    def __init__(self, limit: datetime) -> None:
        self.time = START
        self.limit = limit
        self.reached = asyncio.Event()

    def now(self) -> datetime:
        return self.time

    async def sleep(self, seconds: float) -> None:
        if self.time + timedelta(seconds=seconds) > self.limit:
            self.reached.set()
            await asyncio.Event().wait()
        self.time += timedelta(seconds=seconds)


class SlowRunner:
    """Takes as much of the clock's time as it is told, one entry per run, then none."""

    def __init__(self, clock: MovableClock, durations: list[float]) -> None:
        self.clock = clock
        self.durations = durations
        self.runs: list[tuple[datetime, bool]] = []
        self.documents: list[dict] = []
        self.under_way = 0
        self.most_under_way = 0

    async def invoke(self, function, data, metadata=None, *, traceparent=""):  # noqa: ARG002  the worker's signature
        document = json.loads(data.json)
        self.runs.append((self.clock.now(), document["IsPastDue"]))
        self.documents.append(document)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        await asyncio.sleep(0)
        self.clock.time += timedelta(seconds=self.durations.pop(0) if self.durations else 0)
        self.under_way -= 1
        return Outcome("i")

    async def put(self, function, output, body):
        raise NotImplementedError


async def run_until(limit: datetime, durations: list[float], *, at_startup: bool = False) -> SlowRunner:
    clock = MovableClock(limit)
    runner = SlowRunner(clock, durations)
    timer = Timer(FUNCTION, parse("0 * * * * *"), invoker=Invoker(runner, [FUNCTION], runner), clock=clock)
    task = asyncio.create_task(timer.run(at_startup=at_startup))
    await clock.reached.wait()
    task.cancel()
    return runner


async def test_it_runs_at_each_occurrence_and_not_at_the_start():
    """Nothing runs on startup; then one run at each full minute, on time."""
    runner = await run_until(START + timedelta(minutes=3), [])

    assert [(START + timedelta(minutes=n), False) for n in (1, 2, 3)] == runner.runs


async def test_run_on_startup_runs_at_once():
    """With runOnStartup the first run is now, the next at the schedule."""
    runner = await run_until(START + timedelta(minutes=1), [], at_startup=True)

    assert [(START, False), (START + timedelta(minutes=1), False)] == runner.runs


async def test_missed_occurrences_become_one_past_due_run():
    """A run of 200 s swallows the next three minutes: one run follows at once, past due, then the schedule again."""
    runner = await run_until(START + timedelta(minutes=6), [200.0])

    expected = [
        (START + timedelta(minutes=1), False),
        (START + timedelta(minutes=1, seconds=200), True),
        (START + timedelta(minutes=5), False),
        (START + timedelta(minutes=6), False),
    ]
    assert expected == runner.runs


async def test_the_schedule_status_tells_last_and_next():
    """Last is the zero date before the first run and the former start after it; Next is the coming occurrence."""
    runner = await run_until(START + timedelta(minutes=2), [])

    first, second = (document["ScheduleStatus"] for document in runner.documents)
    assert first["Last"] == "0001-01-01T00:00:00+00:00"
    assert first["Next"] == "2026-01-01T00:02:00+00:00"
    assert second["Last"] == "2026-01-01T00:01:00+00:00"
    assert runner.documents[0]["Schedule"] == {"AdjustForDST": True}


async def test_runs_by_hand_wait_for_each_other():
    """Three runs asked for at once happen one after the other."""
    clock = MovableClock(START)
    runner = SlowRunner(clock, [])
    timer = Timer(FUNCTION, parse("0 * * * * *"), invoker=Invoker(runner, [FUNCTION], runner), clock=clock)

    await asyncio.gather(*(timer.run_now() for _ in range(3)))

    assert (len(runner.runs), runner.most_under_way) == (3, 1)
