"""What could not be delivered: events that Event Grid gave up, and those that failed every time in our own queue.

Event Grid writes a blob of one or more events, each with the reason (Microsoft Learn, "Dead letter and retry
policies": `deadLetterReason` and more in its own schema, `deadletterreason` in CloudEvents). A message of
`cluster-events-poison` is one event.
"""

import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob.aio import ContainerClient
from azure.storage.queue.aio import QueueClient

from shared.model.message import EVENTS_QUEUE, from_wire
from shared.state.storage import typed

CONTAINER = "muster-dead-letters"
POISONED_EVENTS = f"{EVENTS_QUEUE}-poison"
# Event Grid's largest event is 1 MiB; a blob of several is read this far and no further.
_LARGEST = 4 << 20
# As long as a message that is being sent again stays invisible.
_TAKEN = 300


@dataclass(frozen=True, slots=True)
class Letter:
    """One undelivered event.

    Attributes:
        place: the blob, or the message in the queue.
        event: as it was sent, in either schema; None where it cannot be read.
        reason: why it was given up, in Event Grid's words, or ours.
    """

    place: str
    event: Mapping[str, Any] | None
    reason: str


class Letters:
    """The undelivered events of one Muster."""

    def __init__(self, container: ContainerClient, queue: QueueClient) -> None:
        self._container, self._queue = container, queue

    async def dead(self) -> AsyncIterator[tuple[str, list[Letter]]]:
        """Every blob of dead letters with what is in it.

        Raises:
            StorageError: the storage account did not answer.
        """
        async with typed("read the dead letters"):
            try:
                async for blob in self._container.list_blobs():
                    stream = await self._container.download_blob(blob.name, offset=0, length=_LARGEST)
                    yield blob.name, _letters(f"blob {blob.name}", await stream.readall())
            except ResourceNotFoundError:
                return

    async def bury(self, blob: str) -> None:
        """Delete a blob of dead letters; one that is gone already is fine."""
        async with typed("delete a dead letter"):
            with contextlib.suppress(ResourceNotFoundError):
                await self._container.delete_blob(blob)

    async def poisoned(self) -> list[Letter]:
        """The first 32 poisoned events; they stay where they are."""
        async with typed("read the poisoned events"):
            try:
                found = await self._queue.peek_messages(max_messages=32)
            except ResourceNotFoundError:
                return []
        return [_poisoned(message.id, message.content) for message in found]

    async def take(self, serve: Callable[[Letter], Awaitable[bool]]) -> list[bool]:
        """Give every poisoned event to `serve`, and delete those for which it says so; what it said of each."""
        served = []
        async with typed("take the poisoned events"):
            try:
                async for message in self._queue.receive_messages(messages_per_page=32, visibility_timeout=_TAKEN):
                    served.append(await serve(_poisoned(message.id, message.content)))
                    if served[-1]:
                        await self._queue.delete_message(message)
            except ResourceNotFoundError:
                return []
        return served


def _poisoned(name: str, content: str) -> Letter:
    [letter] = _letters(f"message {name}", from_wire(content.encode()).encode())
    return Letter(letter.place, letter.event, letter.reason or "it failed every time")


def _letters(place: str, raw: bytes) -> list[Letter]:
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        return [Letter(place, None, "it is no JSON")]
    events = body if isinstance(body, list) else [body]
    return [_letter(place, event) for event in events]


def _letter(place: str, event: Any) -> Letter:
    if not isinstance(event, dict):
        return Letter(place, None, "it is no event")
    lowered = {str(key).lower(): value for key, value in event.items()}
    said = [lowered.get(name) for name in ("deadletterreason", "lastdeliveryoutcome")]
    return Letter(place, event, ", ".join(str(each) for each in said if each))
