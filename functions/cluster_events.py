"""Event Grid -> queue: whatever was created, changed or deleted, somebody looks at that cluster.

Both schemas arrive here: azure-functions hands over a CloudEvent whenever the body says `specversion`,
and an EventGridEvent otherwise, whatever the annotation. The event's words are not believed; only its
cluster is asked for. Personal data of events (claims, ip addresses) is never read.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import azure.functions as func

from functions.failing import failure_told
from shared import logs
from shared.config import Settings
from shared.errors import InvalidClusterId
from shared.model.identity import ClusterId, Kind
from shared.model.message import EVENTS_QUEUE, QUEUE, encode, from_wire, to_wire
from shared.model.request import Reason, Request

blueprint = func.Blueprint()

_TYPES = frozenset({"microsoft.resources.resourcewritesuccess", "microsoft.resources.resourcedeletesuccess"})
_OPERATIONS = frozenset(
    {
        "microsoft.containerservice/managedclusters/write",
        "microsoft.containerservice/managedclusters/delete",
        "microsoft.kubernetes/connectedclusters/write",
        "microsoft.kubernetes/connectedclusters/delete",
        "microsoft.resources/tags/write",
        "microsoft.resources/tags/delete",
    }
)
_TAGS = "microsoft.resources/tags/"
_TAGS_TAIL = "/providers/microsoft.resources/tags/default"
_LONGEST_LOGGED = 80


@blueprint.function_name("cluster_events")
@blueprint.event_grid_trigger(arg_name="event")
@blueprint.queue_output(arg_name="message", queue_name=QUEUE, connection="AzureWebJobsStorage")
async def cluster_events(event: func.EventGridEvent, message: func.Out[str], context: func.Context) -> None:
    """Ask for the cluster that an event names. Never fails for what no retry can mend."""
    with failure_told("cluster_events"):
        _ask(_cluster(event), message, context)


@blueprint.function_name("cluster_events_queued")
@blueprint.queue_trigger(arg_name="delivered", queue_name=EVENTS_QUEUE, connection="AzureWebJobsStorage")
@blueprint.queue_output(arg_name="message", queue_name=QUEUE, connection="AzureWebJobsStorage")
async def cluster_events_queued(delivered: func.QueueMessage, message: func.Out[str], context: func.Context) -> None:
    """The same for events that Event Grid puts into a queue by its own identity, with no function in between.

    One event a message, of either schema, in base64 or plain (Event Grid has sent both; azure-docs#69702, #102923).
    """
    with failure_told("cluster_events_queued"):
        _ask(_cluster(_event(delivered)), message, context)


def _ask(cluster: ClusterId | None, message: func.Out[str], context: func.Context) -> None:
    if cluster is None:
        return
    settings = Settings.read()
    if cluster.subscription not in settings.subscriptions and not settings.management_groups:
        logs.count("events-out-of-scope")
        logs.event("event-out-of-scope", subscription=cluster.subscription)
        return
    logs.count("events-accepted")
    # The host's span of this invocation: everything that follows belongs to its trace.
    above = context.trace_context.trace_parent or None
    message.set(to_wire(encode(Request(cluster, Reason.EVENT, datetime.now(UTC), traceparent=above))))


@dataclass(frozen=True, slots=True)
class _Delivered:
    """An event out of a queue, by the names that the two schemas have for its parts."""

    event_type: object
    subject: object
    data: object

    def get_json(self) -> object:
        """The data, as of the library's own events."""
        return self.data


def _event(delivered: func.QueueMessage) -> _Delivered:
    try:
        body = json.loads(from_wire(delivered.get_body()))
    except (ValueError, RecursionError):
        body = None
    told = body if isinstance(body, dict) else {}
    return _Delivered(told.get("eventType", told.get("type")), told.get("subject"), told.get("data"))


def _cluster(event: object) -> ClusterId | None:
    """The cluster to look at; None for events of no interest, and for what cannot be an event: both are counted."""
    kind = _text(event, "event_type", "type")
    if kind and kind.lower() not in _TYPES:
        _ignored("event type", kind)
        return None
    data = _data(event)
    operation = data.get("operationName") if data is not None else None
    if not kind or not isinstance(operation, str):
        _malformed("it lacks an event type or an operation")
        return None
    if operation.lower() not in _OPERATIONS:
        _ignored("operation", operation)
        return None
    subject = _text(event, "subject") or str((data or {}).get("resourceUri") or "")
    if subject.lower().endswith(_TAGS_TAIL):
        subject = subject[: -len(_TAGS_TAIL)]
    try:
        return ClusterId.parse(subject)
    except InvalidClusterId:
        if operation.lower().startswith(_TAGS) and not _poses_as_cluster(subject):
            # Tag writes of every resource in the subscription arrive; only clusters concern us.
            _ignored("subject", operation)
            return None
        _malformed("its subject is not the id of a cluster", operation)
        return None


def _poses_as_cluster(subject: str) -> bool:
    """Whether a subject that is no cluster's id has the form of one, not that of something below a cluster."""
    parts = (subject.lower().partition(f"/providers/{kind.type}/") for kind in Kind)
    return any(provider and "/" not in name for _, provider, name in parts)


def _ignored(what: str, told: str) -> None:
    logs.count("events-ignored")
    logs.event("event-ignored", level=logging.DEBUG, what=what, told=told[:_LONGEST_LOGGED])


def _malformed(what: str, operation: str | None = None) -> None:
    # The subject is not repeated: it is whatever somebody chose to send.
    logs.count("events-malformed")
    logs.event("event-malformed", level=logging.WARNING, what=what, operation=operation)


def _text(event: object, *names: str) -> str:
    for name in names:
        value = getattr(event, name, None)
        if isinstance(value, str):
            return value
    return ""


def _data(event: object) -> Mapping[str, object] | None:
    try:
        data = event.get_json() if isinstance(event, func.EventGridEvent | func.CloudEvent | _Delivered) else None
    except (ValueError, AttributeError, TypeError):
        return None
    return data if isinstance(data, Mapping) else None
