"""HTTP triggers: routes below the prefix of host.json, keys, and the two ways of the worker protocol.

Source: Microsoft Learn, "Azure Functions HTTP trigger". A body goes to the worker as bytes and header names in lower
case, as the host sends them; the status of a response comes back as a string. A function that raises answers 500
without a body.
"""

import http.cookies
import logging
from collections.abc import Iterable

from aiohttp import web
from multidict import CIMultiDict

from devhost.bindings import Function, HttpTrigger
from devhost.invocations import Invoker
from devhost.keys import has_key
from devhost.protocol import RpcHttp, RpcHttpCookie, TypedData
from devhost.routes import MethodNotAllowed, RouteTable
from devhost.worker import Outcome

__all__ = ["HttpDoor"]

logger = logging.getLogger("devhost")

# Set by the server itself from the body.
HOP_HEADERS = frozenset({"connection", "content-length", "keep-alive", "transfer-encoding"})


class HttpDoor:
    """Serves the HTTP functions of the app."""

    def __init__(self, functions: Iterable[Function], *, prefix: str, key: str, invoker: Invoker) -> None:
        self._functions = {
            function.name: (function, function.trigger)
            for function in functions
            if isinstance(function.trigger, HttpTrigger)
        }
        self._routes = RouteTable(
            (name, trigger.route, trigger.methods) for name, (_, trigger) in self._functions.items()
        )
        self._prefix = f"/{prefix}/".replace("//", "/")
        self._key = key
        self._invoker = invoker

    def addresses(self, root: str) -> dict[str, str]:
        """Where each function answers, for people."""
        return {name: f"{root}{self._prefix}{trigger.route}" for name, (_, trigger) in self._functions.items()}

    async def handle(self, request: web.Request) -> web.Response:
        """Route, check the key, run, answer."""
        path = request.rel_url.raw_path
        # Without its last slash the prefix itself is the path of an empty route.
        if not f"{path}/".lower().startswith(self._prefix.lower()):
            return web.Response(status=404)
        match = self._routes.match(request.method, path[len(self._prefix) :])
        if match is None:
            return web.Response(status=404)
        if isinstance(match, MethodNotAllowed):
            return web.Response(status=405, headers={"Allow": ", ".join(match.allowed)})
        function, trigger = self._functions[match.name]
        if trigger.auth_level != "ANONYMOUS" and not has_key(request, self._key):
            return web.Response(status=401)
        data = TypedData(http=await _rpc_request(request, dict(match.parameters)))
        traceparent = request.headers.get("traceparent", "")
        outcome = await self._invoker.run(function, data, traceparent=traceparent)
        return _response(outcome)


async def _rpc_request(request: web.Request, parameters: dict[str, str]) -> RpcHttp:
    body = await request.read()
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        known = headers.get(name.lower())
        headers[name.lower()] = value if known is None else f"{known},{value}"
    query: dict[str, str] = {}
    for name, value in request.query.items():
        query[name] = value if name not in query else f"{query[name]},{value}"
    return RpcHttp(
        method=request.method,
        url=str(request.url),
        headers=headers,
        params=parameters,
        query=query,
        body=TypedData(bytes=body) if body else TypedData(),
    )


def _response(outcome: Outcome) -> web.Response:
    if not outcome.succeeded:
        return web.Response(status=500)
    kind = outcome.returned.WhichOneof("data") if outcome.returned is not None else None
    if outcome.returned is None or kind is None:
        return web.Response(status=204)
    if kind != "http":
        mime = "application/json" if kind == "json" else "text/plain"
        return web.Response(body=_bytes(outcome.returned), content_type=mime, charset="utf-8")
    answer: RpcHttp = outcome.returned.http
    headers = CIMultiDict((name, value) for name, value in answer.headers.items() if name.lower() not in HOP_HEADERS)
    for cookie in answer.cookies or ():
        headers.add("Set-Cookie", _cookie(cookie))
    return web.Response(status=int(answer.status_code), headers=headers, body=_bytes(answer.body))


def _bytes(data: TypedData | None) -> bytes:
    kind = data.WhichOneof("data") if data is not None else None
    if data is None or kind is None:
        return b""
    value = getattr(data, kind)
    return value if isinstance(value, bytes) else str(value).encode()


def _cookie(cookie: RpcHttpCookie) -> str:
    jar = http.cookies.SimpleCookie({cookie.name: cookie.value})
    morsel = jar[cookie.name]
    for attribute, field in (("domain", "domain"), ("path", "path"), ("max-age", "max_age")):
        if (value := getattr(cookie, field)) is not None:
            morsel[attribute] = str(value.value)
    if cookie.secure is not None and cookie.secure.value:
        morsel["secure"] = True
    if cookie.http_only is not None and cookie.http_only.value:
        morsel["httponly"] = True
    if cookie.same_site:
        morsel["samesite"] = cookie.same_site
    return morsel.OutputString()
