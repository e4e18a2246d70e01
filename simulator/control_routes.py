"""The control surface: `POST /_simulator/<verb>` with JSON keywords. Needs no token."""

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp
from aiohttp import web

from simulator.arm_errors import ArmError
from simulator.clock import Clock


class ControlRoutes:
    """Serves verbs by name: their keywords as JSON in, `{"result"}` or `{"error"}` out."""

    def __init__(self, clock: Clock, verbs: list[Callable[..., Any]]) -> None:
        self._clock = clock
        self._verbs = {getattr(verb, "__name__", ""): verb for verb in verbs}

    async def handle(self, request: web.Request) -> web.Response:
        """Serve one verb."""
        self._clock.run_due()
        verb = self._verbs.get(request.match_info["verb"])
        if verb is None:
            return web.json_response({"error": "no such verb"}, status=404)
        try:
            result = verb(**(await request.json() if request.can_read_body else {}))
            if asyncio.iscoroutine(result):
                result = await result
        except (ValueError, TypeError, LookupError, ArmError, aiohttp.ClientError) as error:
            return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=400)
        self._clock.run_due()
        return web.json_response({"result": result})
