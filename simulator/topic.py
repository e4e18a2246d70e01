"""An Event Grid topic that takes what is published to it: `POST https://<host>:<port>/topics/<name>/api/events`.

Sources: azure-eventgrid 4.22.1 (API 2018-01-01, a batch of CloudEvents) and Microsoft Learn, "Authenticate Event Grid
publishing clients using Microsoft Entra ID" (audience https://eventgrid.azure.net, data action
Microsoft.EventGrid/events/send/action), "CloudEvents v1.0 schema" (required attributes) and "Event Grid quotas"
(1 MB an event).
"""

import json
from collections.abc import Callable
from typing import Any

from aiohttp import web

from simulator.arm import Json
from simulator.arm_errors import ArmError
from simulator.data_plane import journaled
from simulator.gateway import Gateway, response
from simulator.journal import Entry

SERVICE = "event-grid-topic"
AUDIENCE = "https://eventgrid.azure.net"
_SEND = "Microsoft.EventGrid/events/send/action"
_REQUIRED = ("specversion", "id", "source", "type")
_BATCH = "application/cloudevents-batch+json"
_LARGEST = 1024 * 1024


class Topic:
    """Keeps every event that it accepted, in order, with the topic's name."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._accepted: list[Json] = []

    def verbs(self) -> list[Callable[..., Any]]:
        """What the control surface offers."""
        return [self.published]

    def published(self, topic: str = "") -> list[Json]:
        """The accepted events, of one topic or of all."""
        return [each["event"] for each in self._accepted if topic in {"", each["topic"]}]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one request, with its line in the journal."""
        return await journaled(self._gateway, request, SERVICE, self._answered)

    async def _answered(self, request: web.Request, entry: Entry) -> web.StreamResponse:
        fault = self._gateway.faults.hit(request.method, request.path, SERVICE)
        if fault is None:
            return await self._served(request, entry)
        entry.fault = fault.id
        # What was accepted before an answer is lost stays accepted.
        made = await self._served(request, entry) if fault.when == "after" else None
        reply = await self._gateway.apply(fault)
        if reply is not None:
            return response(reply)
        return made or await self._served(request, entry)

    async def _served(self, request: web.Request, entry: Entry) -> web.StreamResponse:
        topic, *rest = request.match_info["path"].split("/", 1)
        if request.method != "POST" or rest != ["api/events"]:
            return _refusal(404, "NotFound", "The resource is not found.")
        entry.action = _SEND
        try:
            caller = self._gateway.identity.caller(request.headers.get("Authorization", ""), audience=AUDIENCE)
        except ArmError as error:
            return _refusal(401, "Unauthorized", str(error.reply.body["error"]["message"]))
        entry.caller = caller.app_id
        if not self._gateway.roles.allow_data(_SEND):
            return _refusal(403, "Forbidden", "The principal associated with access token cannot be authorized.")
        return self._taken(topic, request.content_type, await request.read())

    def _taken(self, topic: str, content_type: str, body: bytes) -> web.StreamResponse:
        if content_type != _BATCH:
            return _refusal(400, "BadRequest", f"This topic expects {_BATCH}, not {content_type}.")
        try:
            events = json.loads(body)
        except ValueError:
            events = None
        if not isinstance(events, list) or not all(isinstance(each, dict) for each in events):
            return _refusal(400, "BadRequest", "This is no batch of CloudEvents.")
        for event in events:
            missing = [name for name in _REQUIRED if not event.get(name)]
            if missing or event["specversion"] != "1.0":
                return _refusal(400, "BadRequest", f"This is no CloudEvent 1.0: {', '.join(missing) or 'specversion'}.")
            if len(json.dumps(event)) > _LARGEST:
                return _refusal(413, "PayloadTooLarge", "The event is larger than 1 MB.")
        self._accepted += [{"topic": topic, "event": event} for event in events]
        return web.Response(status=200)


def _refusal(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": message}}, status=status)
