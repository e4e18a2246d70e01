"""Queue triggers: polling, leases, retries and poison queues, with the numbers of the host.

Source: Microsoft Learn, "Azure Queue storage trigger and bindings"; QueueListener and QueueProcessor of
Microsoft.Azure.WebJobs.Extensions.Storage.Queues (azure-sdk-for-net). A message under way is invisible for the lease
(10 minutes there) and renewed at half of it; a failed one becomes visible after host.json's visibilityTimeout; one that
has been tried maxDequeueCount times moves to `<queue>-poison`. A queue whose own name ends in `-poison` has no poison
queue: its failed messages stay invisible until the lease ends.
"""

import asyncio
import json
import logging
from datetime import datetime
from typing import Self

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

from devhost.bindings import Function
from devhost.invocations import Invoker
from devhost.protocol import TypedData
from devhost.queue_storage import QueueAddress, QueueStorage, StorageWatch
from devhost.settings import QueueOptions

__all__ = ["DEFAULT_LEASE", "Lease", "QueueListener"]

logger = logging.getLogger("devhost")

DEFAULT_LEASE = 600
POISON = "-poison"
# The host polls every 100 ms at first; half of that keeps local runs brisk.
SHORTEST_POLL = 0.05
LONGEST_OUTAGE_POLL = 2.0


class Lease:
    """Keeps one message invisible to others for as long as its function runs."""

    def __init__(self, client: QueueClient, message: QueueMessage, seconds: int) -> None:
        self._client = client
        self._message = message
        self._seconds = seconds
        self._ended = asyncio.Event()
        self._renewal: asyncio.Task[None] | None = None
        self.pop_receipt: str | None = message.pop_receipt

    async def __aenter__(self) -> Self:
        self._renewal = asyncio.create_task(self._renew())
        return self

    async def __aexit__(self, *_exception: object) -> None:
        self._ended.set()
        # A renewal under way is let through: it changes the receipt that deleting needs.
        if self._renewal is not None:
            await self._renewal

    async def _renew(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._seconds / 2):
                    await self._ended.wait()
            except TimeoutError:
                await self._extend()
            else:
                return

    async def _extend(self) -> None:
        try:
            updated = await self._client.update_message(
                self._message.id, self.pop_receipt, visibility_timeout=self._seconds
            )
        except AzureError as error:
            logger.warning("the lease of message %s was not renewed: %s", self._message.id, error.message)
        else:
            self.pop_receipt = updated.pop_receipt


class QueueListener:
    """Polls one queue for one function."""

    def __init__(
        self,
        function: Function,
        address: QueueAddress,
        *,
        storage: QueueStorage,
        invoker: Invoker,
        options: QueueOptions,
        lease: int = DEFAULT_LEASE,
        watch: StorageWatch,
    ) -> None:
        """Take what it needs; nothing is called before `run`.

        Args:
            function: the function to run for each message.
            address: its queue.
            storage: clients and encodings.
            invoker: runs the function.
            options: host.json's numbers.
            lease: seconds that a message under way stays invisible without renewal.
            watch: where outages are reported.
        """
        self._function = function
        self._address = address
        self._storage = storage
        self._client = storage.client(address)
        self._invoker = invoker
        self._options = options
        self._lease = lease
        self._watch = watch
        self._created = False
        self._stopping = False
        self._wake = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()
        storage.on_sent(address, self._wake.set)

    async def run(self) -> None:
        """Poll until stopped; storage that does not answer is tried again and again."""
        interval = SHORTEST_POLL
        while not self._stopping:
            self._wake.clear()
            if len(self._running) > self._options.new_batch_threshold:
                await self._wake.wait()
                continue
            try:
                messages = await self._receive()
            except AzureError as error:
                self._watch.failed(error)
                interval = min(interval * 2, LONGEST_OUTAGE_POLL)
                await self._sleep(interval)
                continue
            self._watch.answered()
            for message in messages:
                self._start(message)
            if messages:
                interval = SHORTEST_POLL
                continue
            await self._sleep(interval)
            longest = max(SHORTEST_POLL, self._options.max_polling_interval.total_seconds())
            interval = min(interval * 2, longest)

    def stop(self) -> None:
        """Fetch no more; messages under way go on."""
        self._stopping = True
        self._wake.set()

    async def wait_idle(self) -> None:
        """Wait for the messages under way."""
        while self._running:
            await asyncio.wait(set(self._running))

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _receive(self) -> list[QueueMessage]:
        if not self._created:
            await self._storage.create(self._address)
            self._created = True
        count = self._options.batch_size
        pages = self._client.receive_messages(
            messages_per_page=count, max_messages=count, visibility_timeout=self._lease
        )
        try:
            return [message async for message in pages]
        except ResourceNotFoundError:
            self._created = False
            raise

    def _start(self, message: QueueMessage) -> None:
        task = asyncio.create_task(self._process(message))
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._wake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("queue %s: %s", self._address.name, error, exc_info=error)

    async def _process(self, message: QueueMessage) -> None:
        tries = message.dequeue_count or 1
        body = self._storage.decode(message.content)
        try:
            if body is None:
                logger.error("queue %s: message %s is not base64", self._address.name, message.id)
                await self._poison(message, message.pop_receipt)
            elif tries > self._options.max_dequeue_count and not self._is_poison:
                # Every earlier try ended without a word: the host died in it.
                await self._poison(message, message.pop_receipt)
            else:
                await self._run(message, body, tries)
        except AzureError as error:
            # The message comes back when its lease ends; at-least-once is the queue's promise.
            logger.warning("queue %s: message %s was not settled: %s", self._address.name, message.id, error.message)

    async def _run(self, message: QueueMessage, body: str, tries: int) -> None:
        async with Lease(self._client, message, self._lease) as lease:
            outcome = await self._invoker.run(self._function, TypedData(string=body), _metadata(message))
        if outcome.succeeded:
            await self._client.delete_message(message.id, lease.pop_receipt)
        elif self._is_poison:
            return
        elif tries >= self._options.max_dequeue_count:
            await self._poison(message, lease.pop_receipt)
        else:
            delay = int(self._options.visibility_timeout.total_seconds())
            await self._client.update_message(message.id, lease.pop_receipt, visibility_timeout=delay)
            self._wake.set()

    @property
    def _is_poison(self) -> bool:
        return self._address.name.endswith(POISON)

    async def _poison(self, message: QueueMessage, pop_receipt: str | None) -> None:
        target = QueueAddress(self._address.connection, self._address.name + POISON)
        logger.error(
            "message %s of queue %s was tried %s times; it moves to %s",
            message.id,
            self._address.name,
            message.dequeue_count,
            target.name,
        )
        if not self._is_poison:
            await self._storage.send(target, message.content)
        self._invoker.records[self._function.name].poisoned += 1
        await self._client.delete_message(message.id, pop_receipt)


def _metadata(message: QueueMessage) -> dict[str, TypedData]:
    return {
        "QueueTrigger": TypedData(string=str(message.content)),
        "Id": TypedData(string=message.id),
        "PopReceipt": TypedData(string=message.pop_receipt),
        "DequeueCount": TypedData(json=json.dumps(message.dequeue_count)),
        "InsertionTime": _moment(message.inserted_on),
        "ExpirationTime": _moment(message.expires_on),
        "NextVisibleTime": _moment(message.next_visible_on),
    }


def _moment(value: datetime | None) -> TypedData:
    # The host sends a DateTimeOffset: a JSON string with its offset.
    return TypedData(json=json.dumps(value.isoformat() if value is not None else None))
