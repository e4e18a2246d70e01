"""One follow-up per cluster, on a real queue and a real table (Azurite)."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from devhost.stack import Stack
from shared.model.decision import LookBy
from shared.model.identity import ClusterId
from shared.model.observation import Memory
from shared.model.request import Reason, Request
from shared.reconcile.record import Recorder
from shared.reconcile.rights import Rights
from shared.state.documents import Documents
from shared.state.history import History
from shared.state.memory import MemoryTable
from shared.state.messages import Messages
from shared.state.storage import Storage

CLUSTER = ClusterId.parse(
    "/subscriptions/11111111-1111-1111-1111-111111111111/resourcegroups/rg"
    "/providers/microsoft.kubernetes/connectedclusters/edge"
)
NOW = datetime.now(UTC)
SOON, LATER = NOW + timedelta(minutes=1), NOW + timedelta(minutes=5)
EVENT = Request(CLUSTER, Reason.EVENT, NOW)


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Azurite for the module."""
    with Stack.start_azurite_only(tmp_path_factory.mktemp("azurite")) as stack:
        yield stack.storage_connection_string


@asynccontextmanager
async def recording(connection: str) -> AsyncIterator[tuple[Recorder, Storage]]:
    """A recorder on a queue and tables of its own."""
    name = f"t{uuid4().hex}"
    async with Storage.by_connection(connection, queue=name) as storage:
        table = MemoryTable(storage.table(f"memory{name}"))
        history = History(storage.table(f"history{name}"))
        rights = Rights(Documents(storage.container(name)), lambda: NOW)
        yield Recorder(table, Messages(storage.queue), history, rights, "test"), storage


async def waiting(storage: Storage) -> int:
    """How many messages the queue holds, delayed ones included."""
    return (await storage.queue.get_queue_properties()).approximate_message_count or 0


async def test_a_look_that_was_overtaken_leaves_one_message(connection: str) -> None:
    """While one worker looks, another finds the cluster busy and sets a look: one follow-up stands, the earlier."""
    async with recording(connection) as (recorder, storage):
        read_by_holder = await recorder.table.read(CLUSTER)
        await recorder.schedule(read_by_holder, EVENT, LATER, NOW)
        await recorder.close(read_by_holder, EVENT, Memory(), (SOON, LookBy.MESSAGE), NOW)

        row = await recorder.table.read(CLUSTER)
        assert row.memory.next_look == SOON
        assert await waiting(storage) == 1


async def test_a_busy_worker_that_was_overtaken_leaves_one_message(connection: str) -> None:
    """The worker that finds the cluster busy writes second: the look that stands, and its one message, are kept."""
    async with recording(connection) as (recorder, storage):
        read_by_busy = await recorder.table.read(CLUSTER)
        await recorder.close(read_by_busy, EVENT, Memory(), (SOON, LookBy.MESSAGE), NOW)
        await recorder.schedule(read_by_busy, EVENT, LATER, NOW)

        row = await recorder.table.read(CLUSTER)
        assert row.memory.next_look == SOON
        assert await waiting(storage) == 1


async def test_a_superseded_follow_up_that_finds_the_cluster_busy_asks_for_nothing(connection: str) -> None:
    """It must not put off the look that has taken its place, not even when that one is due this very moment."""
    async with recording(connection) as (recorder, storage):
        row = await recorder.close(await recorder.table.read(CLUSTER), EVENT, Memory(), (SOON, LookBy.MESSAGE), NOW)
        replaced = Request(CLUSTER, Reason.FOLLOW_UP, NOW, due=SOON - timedelta(seconds=1))
        just_due = SOON + timedelta(milliseconds=1)
        await recorder.schedule(row, replaced, just_due + timedelta(seconds=45), just_due)

        assert (await recorder.table.read(CLUSTER)).memory.next_look == SOON
        assert await waiting(storage) == 1


async def test_a_follow_up_never_overtakes_the_look_that_sends_it(connection: str) -> None:
    """A look that lasted longer than its own pause sends a message that waits until its lease is released."""
    async with recording(connection) as (recorder, storage):
        passed = NOW - timedelta(milliseconds=5)
        row = await recorder.close(await recorder.table.read(CLUSTER), EVENT, Memory(), (passed, LookBy.MESSAGE), NOW)

        assert row.memory.next_look == NOW + timedelta(seconds=1)
        assert await waiting(storage) == 1
        assert await storage.queue.peek_messages() == []
