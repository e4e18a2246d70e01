"""Queues of the storage account: clients, encodings, and one word when the account does not answer."""

import base64
import binascii
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from devhost.bindings import Function, QueueOutput, QueueTrigger
from devhost.errors import StartError
from devhost.settings import Settings

__all__ = ["QueueAddress", "QueueStorage", "StorageWatch"]

logger = logging.getLogger("devhost")


@dataclass(frozen=True, slots=True)
class QueueAddress:
    """A queue of an account."""

    connection: str
    name: str


class StorageWatch:
    """Says once that storage stopped answering and once that it answers again, however many listeners notice."""

    def __init__(self) -> None:
        self._down = False

    def failed(self, error: AzureError) -> None:
        """A call did not succeed."""
        if not self._down:
            cause = " ".join(str(error.message or error).split())
            logger.error("storage does not answer, trying on: %s", cause[:300])
        self._down = True

    def answered(self) -> None:
        """A call succeeded."""
        if self._down:
            logger.warning("storage answers again")
        self._down = False


class QueueStorage:
    """Clients by account, made on first use; closes what it made."""

    def __init__(self, settings: Settings, *, encoded: bool) -> None:
        """Take the app's settings; `encoded` is host.json's messageEncoding base64."""
        self._settings = settings
        self._encoded = encoded
        self._services: dict[str, QueueServiceClient] = {}
        self._listeners: dict[QueueAddress, Callable[[], None]] = {}

    def address(self, function: Function, binding: QueueTrigger | QueueOutput) -> QueueAddress:
        """Where a binding points, `%SETTING%` expanded.

        Raises:
            StartError: a setting is missing or the connection is no connection string.
        """
        connection = self._settings.storage_connection(binding.connection, function=function.name)
        address = QueueAddress(connection, self._settings.expand(binding.queue, function=function.name))
        try:
            self.client(address)
        except ValueError as error:
            name = binding.connection or "AzureWebJobsStorage"
            raise StartError(f"function {function.name}: {name} is no storage connection string: {error}") from error
        return address

    def client(self, address: QueueAddress) -> QueueClient:
        """The client of one queue, without encoding policies: bodies are encoded here, one by one."""
        service = self._services.get(address.connection)
        if service is None:
            # One quick retry, for kept-alive connections that the server has closed; the listener does the waiting.
            quick: dict[str, Any] = {"retry_total": 1, "initial_backoff": 0, "increment_base": 0}
            service = QueueServiceClient.from_connection_string(
                address.connection, random_jitter_range=0, connection_timeout=5, read_timeout=30, **quick
            )
            self._services[address.connection] = service
        return service.get_queue_client(address.name)

    def on_sent(self, address: QueueAddress, wake: Callable[[], None]) -> None:
        """Have a listener woken when a message is sent to its queue from here, as the host does."""
        self._listeners[address] = wake

    async def put(self, function: Function, output: QueueOutput, body: str | bytes) -> None:
        """Send the value of an output binding."""
        await self.send(self.address(function, output), self.encode(body))

    async def send(self, address: QueueAddress, text: str) -> None:
        """Send an encoded body; the queue is created where it is missing."""
        client = self.client(address)
        try:
            await client.send_message(text)
        except ResourceNotFoundError:
            await self.create(address)
            await client.send_message(text)
        if wake := self._listeners.get(address):
            wake()

    async def create(self, address: QueueAddress) -> None:
        """Create the queue unless it exists."""
        try:
            await self.client(address).create_queue()
        except ResourceExistsError:
            logger.debug("the queue %s exists", address.name)

    def encode(self, body: str | bytes) -> str:
        """A body as it is stored."""
        raw = body.encode() if isinstance(body, str) else body
        return base64.b64encode(raw).decode() if self._encoded else raw.decode()

    def decode(self, text: str) -> str | None:
        """A stored body in clear; None where it is not in the encoding of host.json."""
        if not self._encoded:
            return text
        try:
            return base64.b64decode(text, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return None

    async def close(self) -> None:
        """Close every client."""
        for service in self._services.values():
            await service.close()
