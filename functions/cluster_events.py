"""Event Grid -> queue: whatever was created, changed or deleted, somebody looks at that cluster.

Both schemas arrive here: azure-functions hands over a CloudEvent whenever the body says `specversion`,
and an EventGridEvent otherwise, whatever the annotation. The event's words are not believed; only its
cluster is asked for. Personal data of events (claims, ip addresses) is never read.
"""

import json
import logging
from datetime import UTC, datetime

import azure.functions as func

from functions.failing import failure_told
from shared import logs
from shared.config import Settings
from shared.model.event import Dropped, NoCluster, read_body, read_event
from shared.model.identity import ClusterId
from shared.model.message import EVENTS_QUEUE, QUEUE, encode, from_wire, to_wire
from shared.model.request import Reason, Request

blueprint = func.Blueprint()

_LONGEST_LOGGED = 80


@blueprint.function_name("cluster_events")
@blueprint.event_grid_trigger(arg_name="event")
@blueprint.queue_output(arg_name="message", queue_name=QUEUE, connection="AzureWebJobsStorage")
async def cluster_events(event: func.EventGridEvent, message: func.Out[str], context: func.Context) -> None:
    """Ask for the cluster that an event names. Never fails for what no retry can mend."""
    with failure_told("cluster_events"):
        _ask(_event(event), message, context)


@blueprint.function_name("cluster_events_queued")
@blueprint.queue_trigger(arg_name="delivered", queue_name=EVENTS_QUEUE, connection="AzureWebJobsStorage")
@blueprint.queue_output(arg_name="message", queue_name=QUEUE, connection="AzureWebJobsStorage")
async def cluster_events_queued(delivered: func.QueueMessage, message: func.Out[str], context: func.Context) -> None:
    """The same for events that Event Grid puts into a queue by its own identity, with no function in between.

    One event a message, of either schema, in base64 or plain (Event Grid has sent both; azure-docs#69702, #102923).
    """
    with failure_told("cluster_events_queued"):
        _ask(_delivered(delivered), message, context)


def _ask(found: ClusterId | NoCluster, message: func.Out[str], context: func.Context) -> None:
    if isinstance(found, NoCluster):
        _dropped(found)
        return
    settings = Settings.read()
    if found.subscription not in settings.subscriptions and not settings.management_groups:
        logs.count("events-out-of-scope")
        logs.event("event-out-of-scope", subscription=found.subscription)
        return
    logs.count("events-accepted")
    # The host's span of this invocation: everything that follows belongs to its trace.
    above = context.trace_context.trace_parent or None
    message.set(to_wire(encode(Request(found, Reason.EVENT, datetime.now(UTC), traceparent=above))))


def _dropped(event: NoCluster) -> None:
    """Count it and say why. Of a malformed one the subject is not repeated: it is whatever somebody chose to send."""
    if event.why is Dropped.IGNORED:
        logs.count("events-ignored")
        told = (event.told or "")[:_LONGEST_LOGGED]
        logs.event("event-ignored", level=logging.DEBUG, what=event.what, told=told)
    else:
        logs.count("events-malformed")
        logs.event("event-malformed", level=logging.WARNING, what=event.what, operation=event.told)


def _event(event: func.EventGridEvent) -> ClusterId | NoCluster:
    """An event as the worker library gives it: an EventGridEvent, or a CloudEvent, whatever the annotation."""
    try:
        data = event.get_json()
    except (ValueError, AttributeError, TypeError):
        data = None
    kind = getattr(event, "event_type", None) or getattr(event, "type", None)
    return read_event(kind, getattr(event, "subject", None), data)


def _delivered(message: func.QueueMessage) -> ClusterId | NoCluster:
    try:
        body = json.loads(from_wire(message.get_body()))
    except (ValueError, RecursionError):
        body = None
    return read_body(body)
