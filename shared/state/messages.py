"""The sending side of the queue "reconcile", and the one follow-up per cluster."""

import contextlib
import math
from dataclasses import replace
from datetime import datetime, timedelta

from azure.core.exceptions import AzureError as SdkError
from azure.storage.queue.aio import QueueClient

from shared import telemetry
from shared.model.message import encode
from shared.model.observation import FollowUp, Memory
from shared.model.request import Reason, Request
from shared.state.storage import made, typed

# The service keeps a message invisible for at most seven days; the sweep brings later looks about.
LONGEST_DELAY = timedelta(days=7) - timedelta(minutes=1)


class Messages:
    """The queue's sending side."""

    def __init__(self, queue: QueueClient) -> None:
        self._queue = queue

    async def send(self, request: Request, *, delay: timedelta = timedelta(0)) -> FollowUp:
        """Put a request into the queue, invisible for `delay`."""
        seconds = _seconds(delay)
        if request.traceparent is None:
            request = replace(request, traceparent=telemetry.traceparent())
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

    async def withdraw(self, follow_up: FollowUp) -> None:
        """Take a waiting message back; where that fails it will find itself superseded."""
        with contextlib.suppress(SdkError):
            await self._queue.delete_message(follow_up.message_id, follow_up.receipt)

    async def _move(self, follow_up: FollowUp, message: Request, delay: timedelta) -> FollowUp | None:
        """Give a waiting message another moment; None where it has been taken from the queue meanwhile."""
        try:
            moved = await self._queue.update_message(
                follow_up.message_id,
                pop_receipt=follow_up.receipt,
                visibility_timeout=_seconds(delay),
                content=encode(message),
            )
        except SdkError:
            return None
        return FollowUp(moved["id"], moved["pop_receipt"])


def _seconds(delay: timedelta) -> int:
    # Rounded up: a follow-up that arrives before it is due would find nothing ended yet.
    return max(0, math.ceil(min(delay, LONGEST_DELAY).total_seconds()))
