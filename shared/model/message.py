"""The message of the queue "reconcile". Unknown fields are ignored.

    {"v": 1, "cluster": "<ARM id, lower case>", "reason": "event|sweep|manual|follow-up",
     "requestedAt": "<RFC 3339>", "due"?: "<RFC 3339>", "policy"?: generation, "traceparent"?}

In the queue it lies in base64, as the Functions host writes it by default. host.json says `messageEncoding: none`, so
that what Event Grid puts into a queue is taken as it comes, plain or in base64; both are read here, and an older Muster
reads what this one sends.

Standard library only: the event function imports it at every cold start.
"""

import base64
import binascii
import contextlib
import json
from datetime import datetime

from shared.errors import RequestError
from shared.model.identity import ClusterId
from shared.model.request import Reason, Request

QUEUE = "reconcile"
POISON_QUEUE = "reconcile-poison"
# Events, where Event Grid delivers to a queue.
EVENTS_QUEUE = "cluster-events"


def to_wire(text: str) -> str:
    """A text as it lies in a queue."""
    return base64.b64encode(text.encode()).decode()


def from_wire(body: bytes) -> str:
    """The text of a message, in base64 or plain. What is no text comes back with its faults replaced."""
    # Else it is plain: no JSON document is base64, which has no braces.
    with contextlib.suppress(binascii.Error, ValueError):
        body = base64.b64decode(body, validate=True)
    return body.decode("utf-8", errors="replace")


def encode(request: Request) -> str:
    """A request as the text of a message."""
    body: dict[str, object] = {
        "v": 1,
        "cluster": str(request.cluster),
        "reason": request.reason.value,
        "requestedAt": request.requested_at.isoformat(),
    }
    if request.due is not None:
        body["due"] = request.due.isoformat()
    if request.generation:
        body["policy"] = request.generation
    if request.traceparent:
        body["traceparent"] = request.traceparent
    return json.dumps(body, separators=(",", ":"))


def decode(text: str) -> Request:
    """Read a message.

    Raises:
        RequestError: it is none of ours; no retry can mend it.
        InvalidClusterId: it names no cluster.
    """
    try:
        body = json.loads(text)
        if not isinstance(body, dict) or not isinstance(body["cluster"], str):
            raise RequestError("A message of the queue is not an object that names a cluster.")
        due, trace = body.get("due"), body.get("traceparent")
        return Request(
            ClusterId.parse(body["cluster"]),
            Reason(body["reason"]),
            datetime.fromisoformat(body["requestedAt"]),
            due=datetime.fromisoformat(due) if due else None,
            generation=int(body.get("policy") or 0),
            traceparent=trace if isinstance(trace, str) and trace else None,
        )
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise RequestError(f"A message of the queue cannot be read: {type(error).__name__}.") from error
