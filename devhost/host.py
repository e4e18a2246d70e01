"""One running devhost: the app on the worker, and its doors."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from devhost import ncrontab
from devhost.admin_door import AdminDoor
from devhost.bindings import Function, QueueTrigger, TimerTrigger
from devhost.errors import StartError
from devhost.eventgrid_door import EventGridDoor
from devhost.http_door import HttpDoor
from devhost.invocations import Invoker
from devhost.queue_door import DEFAULT_LEASE, QueueListener
from devhost.queue_storage import QueueStorage, StorageWatch
from devhost.settings import Settings, read_host_json
from devhost.timer_door import SystemClock, Timer
from devhost.worker import Worker

__all__ = ["Host", "HostPlan"]

logger = logging.getLogger("devhost")

STOP_WITHIN = 10.0
LARGEST_BODY = 100 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class HostPlan:
    """What to run and where.

    Attributes:
        folder: the app.
        port: 0 takes a free one.
        queue_lease: seconds that a message under way stays invisible without renewal.
        timers: False leaves the schedules to another host (the real host has a lock for that).
    """

    folder: Path
    settings: Settings
    key: str
    port: int = 7071
    queue_lease: int = DEFAULT_LEASE
    timers: bool = True


class Host:
    """The app, served."""

    def __init__(self, plan: HostPlan) -> None:
        self._plan = plan
        self._options = read_host_json(plan.folder, plan.settings)
        self._worker = Worker(plan.folder)
        self._storage = QueueStorage(plan.settings, encoded=self._options.queues.base64)
        self._listeners: list[QueueListener] = []
        self._polls: list[asyncio.Task[None]] = []
        self._timer_runs: list[asyncio.Task[None]] = []
        self._invoker: Invoker | None = None
        self._runner: web.AppRunner | None = None
        self._sites: list[web.TCPSite] = []
        self.url = ""
        self.addresses: dict[str, str] = {}

    async def start(self) -> None:
        """Index the app, then open the doors.

        Raises:
            StartError: the app, its bindings or the port cannot be used; nothing is left running.
        """
        functions = await self._worker.start()
        invoker = self._invoker = Invoker(self._worker, functions, self._storage)
        key = self._plan.key
        try:
            self._listeners = self._queue_listeners(functions, invoker)
            timers = self._timers(functions, invoker)
            http = HttpDoor(functions, prefix=self._options.route_prefix, key=key, invoker=invoker)
            events = EventGridDoor(functions, key=key, invoker=invoker)
            admin = AdminDoor(functions, timers, key=key, invoker=invoker)
            await self._listen(_dispatch(http, events, admin))
        except StartError:
            await self._storage.close()
            self._worker.stop()
            raise
        self.addresses = http.addresses(self.url) | events.addresses(self.url)
        self._polls = [_keep(listener.run()) for listener in self._listeners]
        for function in functions if self._plan.timers else ():
            if isinstance(function.trigger, TimerTrigger):
                run = timers[function.name].run(at_startup=function.trigger.run_on_startup)
                self._timer_runs.append(_keep(run))

    async def stop(self) -> bool:
        """Take nothing new, let running invocations end; False where some had not after 10 seconds."""
        for listener in self._listeners:
            listener.stop()
        for task in self._timer_runs:
            # Ends the waiting for the next occurrence; a run under way goes on.
            task.cancel()
        for site in self._sites:
            await site.stop()
        try:
            async with asyncio.timeout(STOP_WITHIN):
                await self._settle()
        except TimeoutError:
            return False
        await self._storage.close()
        self._worker.stop()
        return True

    async def _settle(self) -> None:
        # A poll under way may still bring messages; they are leased already and so are worked.
        await asyncio.gather(*self._polls, *self._timer_runs, return_exceptions=True)
        for listener in self._listeners:
            await listener.wait_idle()
        if self._invoker is not None:
            await self._invoker.wait_idle()
        if self._runner is not None:
            await self._runner.cleanup()

    def _queue_listeners(self, functions: list[Function], invoker: Invoker) -> list[QueueListener]:
        watch = StorageWatch()
        listeners = []
        for function in functions:
            for output in function.outputs:
                self._storage.address(function, output)
            if isinstance(function.trigger, QueueTrigger):
                address = self._storage.address(function, function.trigger)
                listener = QueueListener(
                    function,
                    address,
                    storage=self._storage,
                    invoker=invoker,
                    options=self._options.queues,
                    lease=self._plan.queue_lease,
                    watch=watch,
                )
                listeners.append(listener)
        return listeners

    def _timers(self, functions: list[Function], invoker: Invoker) -> dict[str, Timer]:
        timers = {}
        for function in functions:
            if isinstance(function.trigger, TimerTrigger):
                expression = self._plan.settings.expand(function.trigger.schedule, function=function.name)
                try:
                    schedule = ncrontab.parse(expression)
                except ncrontab.ScheduleError as error:
                    raise StartError(f"function {function.name}: {error}") from error
                timers[function.name] = Timer(function, schedule, invoker=invoker, clock=SystemClock())
        return timers

    async def _listen(self, dispatch: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> None:
        application = web.Application(client_max_size=LARGEST_BODY)
        # The server matches decoded paths, in which a line may end.
        application.router.add_route("*", "/{path:(?s:.*)}", dispatch)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._plan.port)
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            raise StartError(f"port {self._plan.port} cannot be used: {error.strerror}") from error
        self._sites = [site]
        port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}"


def _keep(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    task = asyncio.create_task(work)
    task.add_done_callback(_report)
    return task


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("a door of devhost stopped: %s", error, exc_info=error)


def _dispatch(
    http: HttpDoor, events: EventGridDoor, admin: AdminDoor
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def dispatch(request: web.Request) -> web.StreamResponse:
        path = request.path.lower()
        if path == "/runtime/webhooks/eventgrid":
            return await events.handle(request)
        if path.startswith("/admin/"):
            return await admin.handle(request)
        return await http.handle(request)

    return dispatch
