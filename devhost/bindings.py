"""What the bindings of a function say, and what its outputs mean.

The worker describes each binding as the JSON of a function.json entry ("raw bindings"). Here they become one trigger
and its outputs; a kind of binding that devhost does not serve stops it, so that no function is silently left out.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from devhost.errors import StartError
from devhost.protocol import TypedData

__all__ = [
    "EventGridTrigger",
    "Function",
    "HttpTrigger",
    "QueueOutput",
    "QueueTrigger",
    "TimerTrigger",
    "Trigger",
    "function_from_metadata",
    "messages_of",
]


@dataclass(frozen=True, slots=True)
class HttpTrigger:
    """A route; `auth_level` is ANONYMOUS, FUNCTION or ADMIN, no methods means all."""

    parameter: str
    route: str
    methods: tuple[str, ...]
    auth_level: str


@dataclass(frozen=True, slots=True)
class QueueTrigger:
    """A queue to poll; name and connection may still hold `%SETTING%`."""

    parameter: str
    queue: str
    connection: str


@dataclass(frozen=True, slots=True)
class TimerTrigger:
    """A schedule, as written in the app."""

    parameter: str
    schedule: str
    run_on_startup: bool


@dataclass(frozen=True, slots=True)
class EventGridTrigger:
    """Events pushed to the webhook."""

    parameter: str


Trigger = HttpTrigger | QueueTrigger | TimerTrigger | EventGridTrigger


@dataclass(frozen=True, slots=True)
class QueueOutput:
    """A parameter, or `$return`, whose value becomes messages."""

    parameter: str
    queue: str
    connection: str


@dataclass(frozen=True, slots=True)
class Function:
    """One function of the app."""

    name: str
    function_id: str
    trigger: Trigger
    outputs: tuple[QueueOutput, ...]


def function_from_metadata(name: str, function_id: str, raw_bindings: Iterable[str]) -> Function:
    """Read the bindings that the worker reports.

    Raises:
        StartError: a binding of a kind that devhost does not serve, or no trigger.
    """
    trigger: Trigger | None = None
    outputs: list[QueueOutput] = []
    for raw in raw_bindings:
        binding = json.loads(raw)
        if str(binding.get("direction", "")).upper() == "OUT":
            if binding["type"] != "http":
                outputs.append(_output(name, binding))
        else:
            trigger = _trigger(name, binding)
    if trigger is None:
        raise StartError(f"function {name}: it has no trigger")
    return Function(name, function_id, trigger, tuple(outputs))


def _trigger(function: str, binding: Mapping[str, Any]) -> Trigger:
    parameter = binding["name"]
    match binding["type"]:
        case "httpTrigger":
            return HttpTrigger(
                parameter,
                # Without a route the function's name is the route.
                binding.get("route") or function,
                tuple(str(method).upper() for method in binding.get("methods") or ()),
                str(binding.get("authLevel") or "FUNCTION").upper(),
            )
        case "queueTrigger":
            return QueueTrigger(parameter, binding["queueName"], binding.get("connection") or "")
        case "timerTrigger":
            return TimerTrigger(parameter, binding["schedule"], bool(binding.get("runOnStartup")))
        case "eventGridTrigger":
            return EventGridTrigger(parameter)
        case kind:
            raise StartError(f"function {function}: devhost does not serve bindings of type {kind}")


def _output(function: str, binding: Mapping[str, Any]) -> QueueOutput:
    if binding["type"] != "queue":
        raise StartError(f"function {function}: devhost does not serve output bindings of type {binding['type']}")
    return QueueOutput(binding["name"], binding["queueName"], binding.get("connection") or "")


def messages_of(data: TypedData | None) -> list[str | bytes]:
    """The message bodies in one output value: a JSON array is one message per item, anything else is one message."""
    kind = data.WhichOneof("data") if data is not None else None
    if data is None or kind is None:
        return []
    if kind != "json":
        value: str | bytes = getattr(data, kind)
        return [value if isinstance(value, str | bytes) else str(value)]
    document = json.loads(data.json)
    if not isinstance(document, list):
        return [str(data.json)]
    return [item if isinstance(item, str) else json.dumps(item) for item in document]
