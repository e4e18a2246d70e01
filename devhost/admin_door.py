"""The admin routes: run a function now, status, and the books of devhost.

`POST /admin/functions/{name}` with `{"input": "..."}` is the host's own (Microsoft Learn, "Manually run a non
HTTP-triggered function") and answers 202 at once; `?wait=true` is ours and answers 200 or 500 after the run.
`GET /admin/devhost/invocations` is ours. All want the key.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Iterable, Mapping

from aiohttp import web

from devhost.bindings import EventGridTrigger, Function, HttpTrigger, TimerTrigger
from devhost.invocations import Invoker
from devhost.keys import has_key
from devhost.protocol import TypedData
from devhost.timer_door import Timer
from devhost.worker import Outcome

__all__ = ["AdminDoor"]


class AdminDoor:
    """Serves what lies below `/admin`."""

    def __init__(
        self, functions: Iterable[Function], timers: Mapping[str, Timer], *, key: str, invoker: Invoker
    ) -> None:
        self._functions = {function.name.lower(): function for function in functions}
        self._timers = timers
        self._key = key
        self._invoker = invoker
        self._since = time.monotonic()
        self._runs: set[asyncio.Task[Outcome]] = set()

    async def handle(self, request: web.Request) -> web.Response:
        """Check the key and answer."""
        if not has_key(request, self._key):
            return web.Response(status=401)
        match request.method, request.path.lower().strip("/").split("/"):
            case "GET", ["admin", "host", "status"]:
                uptime = int((time.monotonic() - self._since) * 1000)
                return web.json_response({"id": "devhost", "state": "Running", "processUptime": uptime})
            case "GET", ["admin", "devhost", "invocations"]:
                return web.json_response({"functions": self._invoker.as_json()})
            case "POST", ["admin", "functions", name]:
                return await self._run(request, name)
        return web.Response(status=404)

    async def _run(self, request: web.Request, name: str) -> web.Response:
        function = self._functions.get(name)
        if function is None:
            return web.Response(status=404)
        if isinstance(function.trigger, HttpTrigger):
            return web.Response(status=400, text="an HTTP function is called by its own route")
        try:
            document = json.loads(await request.read() or b"{}")
            given = dict(document).get("input", "")
        except (ValueError, TypeError):
            return web.Response(status=400, text='the body must be {"input": "..."}')
        task = asyncio.ensure_future(self._start(function, given))
        if request.query.get("wait", "").lower() != "true":
            # The set keeps the task alive until it has ended.
            self._runs.add(task)
            task.add_done_callback(self._runs.discard)
            return web.Response(status=202)
        outcome = await task
        body = {"invocationId": outcome.invocation_id, "succeeded": outcome.succeeded, "error": outcome.error}
        return web.json_response(body, status=200 if outcome.succeeded else 500)

    def _start(self, function: Function, given: object) -> Awaitable[Outcome]:
        if isinstance(function.trigger, TimerTrigger):
            return self._timers[function.name].run_now()
        text = given if isinstance(given, str) else json.dumps(given)
        if isinstance(function.trigger, EventGridTrigger):
            return self._invoker.run(function, TypedData(json=text))
        return self._invoker.run(function, TypedData(string=text))
