"""The queue "reconcile": requests as messages, and the one follow-up per cluster.

Message (unknown fields are ignored):
    {"v": 1, "cluster": "<ARM id, lower case>", "reason": "event|sweep|manual|follow-up",
     "requestedAt": "<RFC 3339>", "due"?: "<RFC 3339>", "policy"?: generation, "traceparent"?}
"""

import json
from dataclasses import replace
from datetime import datetime, timedelta

from azure.core.exceptions import HttpResponseError
from azure.storage.queue.aio import QueueClient

from shared.errors import RequestError
from shared.model.identity import ClusterId
from shared.model.observation import FollowUp, Memory, Reason, Request
from shared.state.storage import made, typed

QUEUE = "reconcile"

# The service keeps a message invisible for at most seven days; the sweep brings later looks about.
LONGEST_DELAY = timedelta(days=7) - timedelta(minutes=1)


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
        due = body.get("due")
        return Request(
            ClusterId.parse(body["cluster"]),
            Reason(body["reason"]),
            datetime.fromisoformat(body["requestedAt"]),
            due=datetime.fromisoformat(due) if due else None,
            generation=int(body.get("policy") or 0),
            traceparent=body.get("traceparent"),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise RequestError(f"A message of the queue cannot be read: {type(error).__name__}.") from error


class Messages:
    """The queue's sending side."""

    def __init__(self, queue: QueueClient) -> None:
        self._queue = queue

    async def send(self, request: Request, *, delay: timedelta = timedelta(0)) -> FollowUp:
        """Put a request into the queue, invisible for `delay`."""
        seconds = _seconds(delay)
        async with typed("queue a message"):
            sent = await made(
                lambda: self._queue.send_message(encode(request), visibility_timeout=seconds or None, time_to_live=-1),
                self._queue.create_queue,
            )
        return FollowUp(sent["id"], sent["pop_receipt"])

    async def follow_up(self, request: Request, memory: Memory, wanted: datetime, now: datetime) -> Memory:
        """See to it that exactly one delayed message stands for the next look at `wanted`, or earlier.

        A standing message that is due earlier is kept; one that is due later is moved. Returns the
        memory with `next_look` and `follow_up` as they then are; the caller writes it afterwards, so
        that a crash in between leaves a message too many, never one too few.
        """
        standing = memory.next_look if memory.follow_up is not None else None
        if standing is not None and now < standing <= wanted:
            return memory
        message = replace(request, reason=Reason.FOLLOW_UP, requested_at=now, due=wanted)
        delay = wanted - now
        moved = None
        if standing is not None and standing > wanted and memory.follow_up is not None:
            moved = await self._move(memory.follow_up, message, delay)
        sent = moved or await self.send(message, delay=delay)
        return replace(memory, next_look=wanted, follow_up=sent)

    async def _move(self, follow_up: FollowUp, message: Request, delay: timedelta) -> FollowUp | None:
        """Give a waiting message another moment; None where it has been taken from the queue meanwhile."""
        try:
            moved = await self._queue.update_message(
                follow_up.message_id,
                pop_receipt=follow_up.receipt,
                visibility_timeout=_seconds(delay),
                content=encode(message),
            )
        except HttpResponseError:
            return None
        return FollowUp(moved["id"], moved["pop_receipt"])


def _seconds(delay: timedelta) -> int:
    return max(0, round(min(delay, LONGEST_DELAY).total_seconds()))
