"""Requests that do not go to Resource Manager: each gets its line in the journal, and may be left without an answer."""

import time
from collections.abc import Awaitable, Callable

from aiohttp import web

from simulator.gateway import Gateway, NoAnswer
from simulator.journal import Entry


async def journaled(
    gateway: Gateway,
    request: web.Request,
    service: str,
    answer: Callable[[web.Request, Entry], Awaitable[web.StreamResponse]],
) -> web.StreamResponse:
    """Serve one request of a data plane; what it is answered with is not journaled, so that secrets are not."""
    gateway.clock.run_due()
    started = time.perf_counter()
    entry = gateway.journal.open(gateway.clock.now(), service, request.method, request.path)
    entry.query = dict(request.query)
    try:
        made = await answer(request, entry)
        entry.status = made.status
    except NoAnswer:
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=503)
    finally:
        entry.duration = time.perf_counter() - started
    return made
