"""What the stateful chaos test stands on: storage and Azure for a run, and processes of Muster that can die."""

import asyncio
import contextlib
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from azure.core.exceptions import HttpResponseError
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobLeaseClient, BlobServiceClient
from azure.storage.queue import QueueServiceClient, TextBase64DecodePolicy

from bench.crash_points import Life, mortal
from devhost.azurite import Azurite
from devhost.stack import OPERATOR
from shared.composition import House, opened
from shared.config import Settings
from shared.errors import MusterError
from shared.model.identity import ClusterId
from shared.model.message import QUEUE, decode
from shared.model.request import Reason, Request
from simulator.control import Control
from simulator.roles import Roles
from simulator.server import running

SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
_MOST_MESSAGES = 32


@dataclass(slots=True)
class Clock:
    """The time, moved by hand."""

    ahead: timedelta = field(default_factory=timedelta)

    def __call__(self) -> datetime:
        """Now."""
        return datetime.now(UTC) + self.ahead


@dataclass(slots=True)
class Ground:
    """What all examples of a run stand on, and what has been tried on it."""

    control: Control
    ca_file: str
    storage: str
    policy: Path
    runner: "asyncio.Runner"
    tried: Counter[str] = field(default_factory=Counter)

    @classmethod
    @contextlib.contextmanager
    def laid(cls, folder: Path) -> Iterator["Ground"]:
        """Start storage and the simulated Azure, and lead this process's settings there."""
        folder.mkdir(parents=True, exist_ok=True)
        policy, before = folder / "policy.yaml", dict(os.environ)
        with (
            Azurite(folder) as azurite,
            running(roles=Roles.load(*OPERATOR)) as simulator,
            mortal(),
            asyncio.Runner() as runner,
        ):
            os.environ.update(simulator.environment())
            os.environ.update(
                MUSTER_SCOPE=SUBSCRIPTION,
                MUSTER_MODE="enforce",
                MUSTER_POLICY=str(policy),
                AzureWebJobsStorage=azurite.connection_string,
            )
            control = Control(simulator.url, simulator.ca_file)
            control.graph(quota=None)
            control.durations(create=60, update=30, delete=30, terminate=10, relay=1)
            try:
                yield cls(control, simulator.ca_file, azurite.connection_string, policy, runner)
            finally:
                os.environ.clear()
                os.environ.update(before)

    def clear(self) -> None:
        """Empty storage and Azure for the next example."""
        with TableServiceClient.from_connection_string(self.storage) as tables:
            for table in tables.list_tables():
                tables.delete_table(table.name)
        with BlobServiceClient.from_connection_string(self.storage) as blobs:
            for container in blobs.list_containers():
                client = blobs.get_container_client(container.name)
                for blob in list(client.list_blobs()):
                    self._free(client.get_blob_client(blob.name))
                    client.delete_blob(blob.name)
        with QueueServiceClient.from_connection_string(self.storage) as queues:
            for queue in queues.list_queues():
                queues.get_queue_client(queue.name).clear_messages()
        self.control.clear_faults()
        for cluster in self.control.clusters():
            self.control.delete_cluster(cluster, emit=False)

    def free_leases(self) -> None:
        """Let every lease run out, as a minute does."""
        with BlobServiceClient.from_connection_string(self.storage) as blobs:
            container = blobs.get_container_client("muster-leases")
            if container.exists():
                for blob in list(container.list_blobs()):
                    self._free(container.get_blob_client(blob.name))

    @staticmethod
    def _free(blob: Any) -> None:
        with contextlib.suppress(HttpResponseError):
            BlobLeaseClient(blob).break_lease(lease_break_period=0)

    def lose(self, name: str) -> None:
        """Delete a table, or a document."""
        if name.startswith("muster"):
            with TableServiceClient.from_connection_string(self.storage) as tables:
                tables.delete_table(name)
            return
        with BlobServiceClient.from_connection_string(self.storage) as blobs:
            blob = blobs.get_blob_client("muster-documents", name)
            if blob.exists():
                blob.delete_blob()

    def messages(self) -> list[ClusterId]:
        """Take the visible messages out of the queue."""
        found = []
        with QueueServiceClient.from_connection_string(self.storage) as queues:
            queue = queues.get_queue_client(QUEUE, message_decode_policy=TextBase64DecodePolicy())
            for message in queue.receive_messages(max_messages=_MOST_MESSAGES):
                found.append(decode(message.content).cluster)
                queue.delete_message(message)
        return found


class Process:
    """One process of Muster: a house of its own, and a life that may end at any request."""

    def __init__(self, ground: Ground, clock: Clock) -> None:
        self._ground, self._clock = ground, clock
        self._stack = AsyncExitStack()
        self.life = Life()
        self._house: House | None = None

    async def house(self) -> House:
        """Its house, opened at first use."""
        if self._house is None:
            self._house = await self._stack.enter_async_context(opened(Settings.read(), clock=self._clock))
            arm = self._house.reconciler.observer.arm
            # aiohttp reads SSL_CERT_FILE when it is imported, which was before this simulator's CA was made.
            arm._transport.connection_config.verify = self._ground.ca_file  # noqa: SLF001  for this reason
        return self._house

    async def look(self, cluster: ClusterId, reason: Reason) -> None:
        """One step on one cluster, as the queue's function takes it."""
        house = await self.house()
        with contextlib.suppress(MusterError):
            await house.reconciler.step(Request(cluster, reason, self._clock()))

    async def sweep(self) -> None:
        """One sweep, as the timer's function takes it."""
        with contextlib.suppress(MusterError):
            await (await self.house()).sweep.run()

    async def end(self) -> None:
        """Bury it, whatever it was doing."""
        await self.life.bury()
        with contextlib.suppress(Exception):
            await self._stack.aclose()
