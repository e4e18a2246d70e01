"""Answers of API servers that are broken or mean harm.

The modes are those of `simulator.kubernetes_state.MODES`; `tls` and `unreachable` act on the kubeconfig
alone and `endless` on the pages of lists, so they are not met here.
"""

import asyncio
from urllib.parse import urlsplit

from aiohttp import web

from simulator.arm import Json
from simulator.gateway import NoAnswer
from simulator.kubernetes_objects import status

ELSEWHERE = "elsewhere"  # stands where a cluster's key would: whoever comes here has followed a redirect
_CHUNK = b'{"metadata":{"name":"' + b"a" * 65000 + b'"}},'
_DRIP = 0.05  # seconds
_MISSHAPEN: Json = {
    "kind": ["List"],
    "apiVersion": 1,
    "metadata": "none",
    "items": [None, 7, {"metadata": []}, {"metadata": {"name": None}, "spec": "x", "status": [1]}],
    "gitVersion": {"major": 1},
    "data": [1],
    "status": {"phase": {}},
}


async def hostile_answer(
    request: web.Request, mode: str, base_url: str, rest: str, closing: asyncio.Event
) -> web.StreamResponse | None:
    """The answer of a mode; None where the mode leaves answers alone."""
    match mode:
        case "slow":
            await closing.wait()
            raise NoAnswer
        case "drip" | "huge":
            return await _endless(request, closing, fast=mode == "huge")
        case "garbage":
            return web.Response(body=b'{"kind": "List", "items": [{"meta\xff\x00', content_type="application/json")
        case "misshapen":
            return web.json_response(_MISSHAPEN)
        case "redirect":
            port = urlsplit(base_url).port
            location = f"https://localhost:{port}/_kubernetes/{ELSEWHERE}{rest}"
            return web.Response(status=302, headers={"Location": location})
        case "error":
            return web.json_response(status(500, "InternalError", "etcdserver: request timed out"), status=500)
        case _:
            return None


async def _endless(request: web.Request, closing: asyncio.Event, *, fast: bool) -> web.StreamResponse:
    """A list that never ends; over when the client goes, or the simulator."""
    answer = web.StreamResponse(headers={"Content-Type": "application/json"})
    await answer.prepare(request)
    await answer.write(b'{"kind": "List", "apiVersion": "v1", "items": [')
    while not closing.is_set():
        await answer.write(_CHUNK if fast else b" ")
        await asyncio.sleep(0 if fast else _DRIP)
    return answer
