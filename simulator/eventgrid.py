"""Event Grid: a subscription's events, delivered to webhooks at least once and in no order.

`publish` may be called at any time on the loop's thread; a task made by `start` delivers. Waiting
times between attempts follow the given clock, the 30 seconds for an answer are real. Source:
Microsoft's "Event Grid message delivery and retry" and "Webhook event delivery".
"""

import asyncio
import contextlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp

from simulator.eventgrid_schema import Event, Kind, Schema, event
from simulator.webhook import Webhook

# Seconds after a failed attempt; the last one goes on until the event's time to live is over.
RETRY_AFTER: Final = (10, 30, 60, 300, 600, 1800, 3600, 10_800, 21_600, 43_200)
TIME_TO_LIVE: Final = 24 * 3600
MAX_ATTEMPTS: Final = 30
ANSWER_WITHIN: Final = 30  # seconds
NOT_RETRIED: Final = frozenset({400, 401, 403, 413})  # of a webhook
CONCURRENT: Final = 8  # deliveries to one endpoint at once

_POLL: Final = 0.05  # real seconds between looks at the clock
_GATHER: Final = 0.1  # real seconds in which a shuffled subscription collects events
_HANDSHAKE_AGAIN: Final = 0.25  # real seconds


@dataclass(slots=True, eq=False)
class _Delivery:
    """One copy of an event on its way to one subscription."""

    event: Event
    published: float
    due: float
    attempts: int = 0


@dataclass(slots=True)
class _Subscription:
    id: str
    webhook: Webhook
    duplicates: int
    shuffle: bool
    hold: bool
    order: random.Random
    waiting: list[_Delivery] = field(default_factory=list)
    held: list[_Delivery] = field(default_factory=list)
    under_way: int = 0
    gather_until: float = 0.0  # loop time
    validated: bool = False
    handshake: asyncio.Task[None] | None = None
    gone: bool = False

    @property
    def settled(self) -> bool:
        return not self.waiting and not self.under_way


class EventGrid:
    """Event subscriptions on all Azure subscriptions of the simulator."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._subscriptions: dict[str, _Subscription] = {}
        self._serial = 0
        self._made = 0
        self._log: list[dict[str, Any]] = []
        self._wake = asyncio.Event()
        self._settled = asyncio.Event()
        self._settled.set()
        self._session: aiohttp.ClientSession | None = None
        self._loop_task: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def subscribe(
        self,
        endpoint: str,
        schema: Schema,
        *,
        duplicates: int = 1,
        shuffle: bool = False,
        hold: bool = False,
    ) -> str:
        """Send what is published from now on to a webhook; the answer names the subscription.

        The endpoint has to pass the handshake first; it is asked again until it does, where the
        service would refuse to create the subscription.

        Args:
            endpoint: the webhook's URL.
            schema: EventGridSchema or CloudEventSchemaV1_0.
            duplicates: how many times each event is sent.
            shuffle: collect events for a moment and send them in another order.
            hold: keep every event until `release`.

        Raises:
            ValueError: an unknown schema, or fewer than one copy.
        """
        if schema not in ("EventGridSchema", "CloudEventSchemaV1_0") or duplicates < 1:
            raise ValueError(f"cannot subscribe with schema {schema!r} and {duplicates} copies")
        self._made += 1
        made = f"subscription-{self._made}"
        order = random.Random(made)  # noqa: S311  an order, not a secret
        self._subscriptions[made] = _Subscription(
            made, Webhook(endpoint, schema, made), duplicates, shuffle, hold, order
        )
        self._wake.set()
        return made

    def unsubscribe(self, subscription: str) -> None:
        """End a subscription; what was not delivered is dropped.

        Raises:
            KeyError: there is no such subscription.
        """
        self._subscriptions.pop(subscription).gone = True
        self._note_settled()

    def release(self, subscription: str) -> None:
        """Deliver what `hold` has kept so far.

        Raises:
            KeyError: there is no such subscription.
        """
        one = self._subscriptions[subscription]
        held, one.held = one.held, []
        self._enqueue(one, held)

    def publish(
        self,
        operation_name: str,
        resource_id: str,
        *,
        kind: Kind = "Write",
        scope_suffix: str = "",
        subject_suffix: str = "",
    ) -> None:
        """Say that an operation on a resource succeeded; `event` explains the arguments."""
        self._serial += 1
        now = self._clock()
        published = event(
            operation_name,
            resource_id,
            kind=kind,
            scope_suffix=scope_suffix,
            subject_suffix=subject_suffix,
            now=now,
            serial=self._serial,
        )
        for one in self._subscriptions.values():
            copies = [_Delivery(published, now, now) for _ in range(one.duplicates)]
            if one.hold:
                one.held += copies
            else:
                self._enqueue(one, copies)

    def deliveries(self) -> list[dict[str, Any]]:
        """Every attempt so far, handshakes included, in the order in which they ended.

        Each has subscription, event (its id), type, subject, operation, attempt (from 1), at (clock),
        status (HTTP, or None where there was no answer), error and outcome: validated, refused,
        delivered, retry or dead-letter.
        """
        return [dict(entry) for entry in self._log]

    def dead_letters(self) -> list[dict[str, Any]]:
        """The attempts after which an event was given up."""
        return [entry for entry in self.deliveries() if entry["outcome"] == "dead-letter"]

    async def start(self) -> None:
        """Begin to deliver."""
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_WITHIN))
        self._loop_task = asyncio.create_task(self._run(), name="event grid")

    async def stop(self) -> None:
        """End delivery; what was not delivered stays where it is."""
        tasks = [*self._tasks, *([self._loop_task] if self._loop_task else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._loop_task = None
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def drained(self, timeout: float) -> bool:  # noqa: ASYNC109  the control API gives it
        """Wait up to `timeout` real seconds until nothing but held events is left to deliver."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._settled.wait(), timeout)
        return self._settled.is_set()

    def _enqueue(self, one: _Subscription, deliveries: list[_Delivery]) -> None:
        if not deliveries:
            return
        if one.shuffle and not one.waiting:
            one.gather_until = -1.0  # set by the delivering task, which knows the loop's time
        one.waiting += deliveries
        self._settled.clear()
        self._wake.set()

    def _note_settled(self) -> None:
        if all(one.settled for one in self._subscriptions.values()):
            self._settled.set()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._wake.clear()
            for one in list(self._subscriptions.values()):
                if one.validated:
                    self._deliver_due(one, loop.time())
                elif one.handshake is None or one.handshake.done():
                    one.handshake = self._spawn(self._validate(one))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), _POLL)

    def _deliver_due(self, one: _Subscription, loop_time: float) -> None:
        if one.gather_until < 0:
            one.gather_until = loop_time + _GATHER
        if one.shuffle and loop_time < one.gather_until:
            return
        now = self._clock()
        due = [delivery for delivery in one.waiting if delivery.due <= now]
        if one.shuffle and len(due) > 1:
            due = _reordered(due, one.order)
        for delivery in due[: CONCURRENT - one.under_way]:
            one.waiting.remove(delivery)
            one.under_way += 1
            self._spawn(self._deliver(one, delivery))

    def _spawn(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _deliver(self, one: _Subscription, delivery: _Delivery) -> None:
        status, error = None, None
        delivery.attempts += 1
        try:
            status = await one.webhook.notify(self._client(), delivery.event, delivery.attempts)
        except (aiohttp.ClientError, TimeoutError) as failure:
            error = f"{type(failure).__name__}: {failure}"
        finally:
            one.under_way -= 1
        outcome = self._outcome(delivery, status)
        if outcome == "retry" and not one.gone:
            one.waiting.append(delivery)
        self._record(one, delivery, status=status, error=error, outcome=outcome)
        self._note_settled()
        self._wake.set()

    def _outcome(self, delivery: _Delivery, status: int | None) -> str:
        if status in range(200, 205):
            return "delivered"
        wait = RETRY_AFTER[min(delivery.attempts, len(RETRY_AFTER)) - 1]
        delivery.due = self._clock() + wait
        too_late = delivery.attempts >= MAX_ATTEMPTS or delivery.due > delivery.published + TIME_TO_LIVE
        return "dead-letter" if status in NOT_RETRIED or too_late else "retry"

    async def _validate(self, one: _Subscription) -> None:
        """Ask the endpoint until it shows that it wants the events."""
        while not one.gone:
            status, error = None, None
            try:
                status, error = await one.webhook.handshake(self._client(), self._clock())
            except (aiohttp.ClientError, TimeoutError, ValueError) as failure:
                error = f"{type(failure).__name__}: {failure}"
            one.validated = error is None
            self._record(one, None, status=status, error=error, outcome="refused" if error else "validated")
            if one.validated:
                self._wake.set()
                return
            await asyncio.sleep(_HANDSHAKE_AGAIN)

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("Event Grid delivers between start and stop only.")
        return self._session

    def _record(
        self, one: _Subscription, delivery: _Delivery | None, *, status: int | None, error: str | None, outcome: str
    ) -> None:
        told = delivery.event if delivery else None
        self._log.append(
            {
                "subscription": one.id,
                "event": told.id if told else None,
                "type": told.type if told else "Microsoft.EventGrid.SubscriptionValidationEvent",
                "subject": told.subject if told else "",
                "operation": told.data["operationName"] if told else None,
                "attempt": delivery.attempts if delivery else None,
                "at": self._clock(),
                "status": status,
                "error": error,
                "outcome": outcome,
            }
        )


def _reordered(deliveries: list[_Delivery], order: random.Random) -> list[_Delivery]:
    """The same deliveries, surely not in the order in which they were published."""
    shuffled = list(deliveries)
    order.shuffle(shuffled)
    ids = [delivery.event.id for delivery in shuffled]
    return shuffled[::-1] if ids == [delivery.event.id for delivery in deliveries] else shuffled
