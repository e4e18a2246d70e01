"""The Event Grid webhook, `/runtime/webhooks/EventGrid?functionName=...`.

Source: azure-functions-eventgrid-extension (HttpRequestProcessor); Microsoft Learn, "Endpoint validation with Event
Grid event schema" and "with CloudEvents schema". An array holds events that run in parallel; one that fails makes the
answer 500 for all, so that Event Grid delivers the whole array again. A single object is one CloudEvent.
The real host refuses a delivery without the header `aeg-event-type`; here it is taken for a notification, or for a
validation where the body is one, so that a plain curl can post events.
"""

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from devhost.bindings import EventGridTrigger, Function
from devhost.invocations import Invoker
from devhost.keys import has_key
from devhost.protocol import TypedData

__all__ = ["Delivery", "EventGridDoor", "Malformed", "Validation", "batch_status", "read_delivery"]

VALIDATION = "Microsoft.EventGrid.SubscriptionValidationEvent"


@dataclass(frozen=True, slots=True)
class Validation:
    """Event Grid asks whether this endpoint wants its events; the code is sent back."""

    code: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """Events to run, one invocation each."""

    events: tuple[Mapping[str, Any], ...]


class Malformed(ValueError):
    """The request is none that Event Grid sends; it is answered 400."""


def read_delivery(event_type: str, body: bytes) -> Validation | Delivery:
    """What a POST brings.

    Args:
        event_type: the header `aeg-event-type`, empty where it is missing.
        body: the raw body.

    Raises:
        Malformed: no JSON, not events, or an unknown event type.
    """
    kind = event_type.lower()
    if kind == "unsubscribe":
        return Delivery(())
    if kind not in {"", "notification", "subscriptionvalidation"}:
        raise Malformed(f"aeg-event-type {event_type!r} is unknown")
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"the body is not JSON: {error}") from error
    events = document if isinstance(document, list) else [document]
    if not all(isinstance(event, dict) for event in events):
        raise Malformed("the body must be an event object or an array of them")
    asked = bool(events) and events[0].get("eventType") == VALIDATION
    if kind == "subscriptionvalidation" or (not kind and asked):
        return Validation(_validation_code(events))
    return Delivery(tuple(events))


def _validation_code(events: list[dict[str, Any]]) -> str:
    data = events[0].get("data") if events else None
    code = data.get("validationCode") if isinstance(data, dict) else None
    if not isinstance(code, str):
        raise Malformed("the validation event has no data.validationCode")
    return code


def batch_status(succeeded: Iterable[bool]) -> int:
    """The answer for a delivery: 202, or 500 where at least one of its events failed."""
    return 202 if all(succeeded) else 500


class EventGridDoor:
    """Serves the Event Grid functions of the app."""

    def __init__(self, functions: Iterable[Function], *, key: str, invoker: Invoker) -> None:
        self._functions = {
            function.name.lower(): function for function in functions if isinstance(function.trigger, EventGridTrigger)
        }
        self._key = key
        self._invoker = invoker

    def addresses(self, root: str) -> dict[str, str]:
        """Where each function takes its events, for people; the key is to be added as `code`."""
        return {
            function.name: f"{root}/runtime/webhooks/EventGrid?functionName={function.name}"
            for function in self._functions.values()
        }

    async def handle(self, request: web.Request) -> web.Response:
        """Check the key, find the function, shake hands or run."""
        if not has_key(request, self._key):
            return web.Response(status=401)
        name = request.query.get("functionName", "")
        function = self._functions.get(name.lower())
        if function is None:
            return web.Response(status=404, text=f"cannot find function: '{name}'")
        match request.method:
            case "OPTIONS":
                return _cloud_event_handshake(request)
            case "POST":
                return await self._accept(function, request)
        return web.Response(status=405, headers={"Allow": "OPTIONS, POST"})

    async def _accept(self, function: Function, request: web.Request) -> web.Response:
        try:
            delivery = read_delivery(request.headers.get("aeg-event-type", ""), await request.read())
        except Malformed as error:
            return web.Response(status=400, text=str(error))
        if isinstance(delivery, Validation):
            return web.json_response({"validationResponse": delivery.code})
        trace = request.headers.get("traceparent", "")
        runs = (
            self._invoker.run(function, TypedData(json=json.dumps(event)), traceparent=trace)
            for event in delivery.events
        )
        outcomes = await asyncio.gather(*runs)
        return web.Response(status=batch_status(outcome.succeeded for outcome in outcomes))


def _cloud_event_handshake(request: web.Request) -> web.Response:
    # CloudEvents 1.0, "HTTP Web Hooks", 4: abuse protection.
    origin = request.headers.get("WebHook-Request-Origin")
    if not origin:
        return web.Response(status=400, text="the header WebHook-Request-Origin is missing")
    return web.Response(headers={"WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": "*"})
