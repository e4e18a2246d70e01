"""Memories, histories and follow-ups on real Azurite."""

import asyncio
import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.errors import StorageError
from shared.model.decision import LookBy
from shared.model.identity import ClusterId, Kind
from shared.model.message import decode
from shared.model.observation import FollowUp, Memory
from shared.model.request import Reason, Request
from shared.model.state import Condition, Hold, HoldCode, Management, State
from shared.reconcile.record import Recorder
from shared.reconcile.rights import Rights
from shared.state.documents import Documents
from shared.state.history import Event, History
from shared.state.memory import MemoryChanged, MemoryTable, Row
from shared.state.messages import LONGEST_DELAY, Messages
from shared.state.storage import Storage

NOW = datetime.now(UTC)
MINUTE = timedelta(minutes=1)
CLUSTER = ClusterId("11111111-1111-1111-1111-111111111111", "rg", Kind.AKS, "aks-1")
OTHER = replace(CLUSTER, name="aks-2")
EVENT = Request(CLUSTER, Reason.EVENT, NOW)
FULL = Memory(
    state=State(Management.MANAGED, Condition.FAILED_UPDATE, Hold(HoldCode.QUARANTINE, "ü", since=NOW)),
    profile="training",
    attempts=3,
    failed_at=NOW,
    sent="fingerprint",
    sent_at=NOW,
    sent_keys=("a", "b"),
    succeeded=True,
    inputs="i",
    looked_at=NOW,
    next_look=NOW + MINUTE,
    follow_up=FollowUp("id", "receipt+/="),
)


@pytest.fixture
def table(storage, name):
    """A table of memories that does not exist yet."""
    return MemoryTable(storage.table(name))


@pytest.fixture
def messages(storage):
    """A queue's sending side; the queue does not exist yet."""
    return Messages(storage.queue)


async def visible(storage):
    """What is in the queue and may be taken now, taken."""
    found = [message async for message in storage.queue.receive_messages(visibility_timeout=60)]
    return [decode(base64.b64decode(message.content).decode()) for message in found]


async def held(storage):
    """How many messages the queue holds, delayed ones included."""
    return (await storage.queue.get_queue_properties()).approximate_message_count


async def test_a_memory_comes_back_as_it_was_written(table):
    """Every field, times with their zone, letters of any script; nothing known is an empty memory."""
    assert await table.read(CLUSTER) == Row(CLUSTER)

    written = await table.write(await table.read(CLUSTER), FULL)

    assert await table.read(CLUSTER) == written
    assert written.memory == FULL


async def test_a_memory_is_written_only_over_the_version_that_was_read(table):
    """Whoever read before another wrote must read again; two first writers, too."""
    empty = await table.read(CLUSTER)
    first = await table.write(empty, Memory(profile="a"))
    with pytest.raises(MemoryChanged):
        await table.write(empty, Memory(profile="b"))
    second = await table.write(first, Memory(profile="c"))
    with pytest.raises(MemoryChanged):
        await table.write_next_look(first, replace(first.memory, next_look=NOW))

    assert (await table.read(CLUSTER)).memory.profile == "c"
    await table.forget(CLUSTER)
    with pytest.raises(MemoryChanged):
        await table.write(second, Memory())


async def test_a_next_look_is_set_without_touching_the_rest(table):
    """The worker that found the cluster busy changes three columns and nothing else."""
    row = await table.write(await table.read(CLUSTER), FULL)
    look = replace(Memory(), next_look=NOW + 9 * MINUTE, follow_up=FollowUp("2", "r2"))
    await table.write_next_look(row, look)

    memory = (await table.read(CLUSTER)).memory
    assert memory == replace(FULL, next_look=look.next_look, follow_up=look.follow_up)


async def test_forgetting_twice_is_forgetting(table):
    """A table that was never made, or a row that is gone, is no error."""
    await table.write(Row(CLUSTER), FULL)
    await table.forget(CLUSTER)
    await table.forget(CLUSTER)

    assert (await table.read(CLUSTER)).etag is None


async def test_all_memories_are_read_page_by_page(table):
    """None where the table does not exist; more than one page of a thousand otherwise."""
    assert [row async for row in table.all()] == []
    rows = [Row(replace(CLUSTER, name=f"c{number}")) for number in range(1005)]
    turn = asyncio.Semaphore(32)

    async def write(row):
        async with turn:
            await table.write(row, Memory(profile=row.cluster.name))

    await write(rows[0])
    await asyncio.gather(*map(write, rows[1:]))

    found = {row.cluster: row.memory.profile async for row in table.all()}
    assert found == {row.cluster: row.cluster.name for row in rows}


@pytest.mark.parametrize(
    "damage", [{"body": "{"}, {"body": '{"attempts": "many"}'}, {"body": "{}", "nextLook": "tomorrow"}]
)
async def test_a_row_that_cannot_be_read_is_a_lost_one(storage, name, table, damage):
    """It costs reads, never a failed step; writing over it mends it."""
    await table.write(Row(CLUSTER), FULL)
    keys = {"PartitionKey": CLUSTER.subscription, "RowKey": CLUSTER.key}
    await storage.table(name).upsert_entity({**keys, **damage}, mode="replace")
    row = await table.read(CLUSTER)

    assert row.memory == Memory()
    assert (await table.write(row, FULL)).memory == FULL


async def test_a_body_of_a_later_version_is_read(storage, name, table):
    """Fields that this version does not know are passed over while instances are replaced."""
    keys = {"PartitionKey": CLUSTER.subscription, "RowKey": CLUSTER.key}
    await table.write(Row(CLUSTER), FULL)
    await storage.table(name).upsert_entity({**keys, "body": '{"profile": "p", "invented": {"later": 1}}', "v": 2})

    assert (await table.read(CLUSTER)).memory.profile == "p"


async def test_an_outage_is_a_storage_error_that_says_what_to_check():
    """Nobody listens there: reads, writes and messages fail as ours, soon."""
    dead = (
        "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=aGk=;"
        "BlobEndpoint=http://127.0.0.1:9/d;QueueEndpoint=http://127.0.0.1:9/d;TableEndpoint=http://127.0.0.1:9/d;"
    )
    async with Storage.by_connection(dead, queue="q") as storage:
        standing = Memory(next_look=NOW + 9 * MINUTE, follow_up=FollowUp("id", "receipt"))
        failures = await asyncio.gather(
            MemoryTable(storage.table("t")).read(CLUSTER),
            Messages(storage.queue).follow_up(EVENT, standing, NOW + MINUTE, NOW),
            return_exceptions=True,
        )
    assert [type(each) for each in failures] == [StorageError] * 2
    assert all("Check AzureWebJobsStorage" in each.message for each in failures)


# History


async def test_history_is_told_newest_first_and_within_its_limit(storage, name):
    """Per cluster; what is empty is left out; a cluster without any has an empty one."""
    history = History(storage.table(name))
    assert await history.of(CLUSTER) == []
    for number in range(4):
        event = Event(NOW + number * MINUTE, "Install", "accepted", f"r{number}", "Missing", sent=("a",))
        await history.add(CLUSTER, event)
    await history.add(OTHER, Event(NOW, "Hold", "decided", "r", "Missing"))

    assert [event["reason"] for event in await history.of(CLUSTER)] == ["r3", "r2", "r1", "r0"]
    assert [event["reason"] for event in await history.of(CLUSTER, limit=2)] == ["r3", "r2"]
    assert (await history.of(CLUSTER))[0]["sent"] == ["a"]
    assert set((await history.of(OTHER))[0]) == {"at", "action", "outcome", "reason", "condition", "generation"}


# Follow-ups


async def test_a_message_goes_at_once_or_after_its_delay(storage, messages):
    """The queue is made on first use; a delayed message cannot be taken before."""
    await messages.send(EVENT)
    await messages.send(EVENT, delay=MINUTE)

    assert await visible(storage) == [EVENT]
    assert await held(storage) == 2


async def test_an_earlier_follow_up_is_kept(storage, messages):
    """A later wish changes nothing and sends nothing."""
    first = await messages.follow_up(EVENT, Memory(), NOW + MINUTE, NOW)
    kept = await messages.follow_up(EVENT, first, NOW + 5 * MINUTE, NOW)

    assert kept is first
    assert first.next_look == NOW + MINUTE
    assert await held(storage) == 1


async def test_a_later_follow_up_is_moved(storage, messages):
    """An earlier wish moves the one message: it is delivered with the new moment, and once."""
    first = await messages.follow_up(EVENT, Memory(), NOW + 5 * MINUTE, NOW)
    moved = await messages.follow_up(EVENT, first, NOW, NOW - MINUTE)
    again = await messages.follow_up(EVENT, moved, NOW - timedelta(seconds=30), NOW - MINUTE)

    assert moved.follow_up.message_id == again.follow_up.message_id == first.follow_up.message_id
    assert moved.follow_up.receipt != first.follow_up.receipt
    assert await held(storage) == 1
    await storage.queue.update_message(again.follow_up.message_id, again.follow_up.receipt, visibility_timeout=0)
    (message,) = await visible(storage)
    assert message.reason is Reason.FOLLOW_UP
    assert message.due == again.next_look


async def test_a_follow_up_that_was_taken_is_replaced(storage, messages):
    """A message in somebody's hands cannot be moved; a new one stands, and the old one is superseded by its due."""
    first = await messages.follow_up(EVENT, Memory(), NOW, NOW)
    (taken,) = await visible(storage)
    second = await messages.follow_up(EVENT, first, NOW - MINUTE, NOW - 2 * MINUTE)

    assert second.follow_up.message_id != first.follow_up.message_id
    assert second.next_look == NOW - MINUTE != taken.due
    assert await held(storage) == 2


async def test_an_overdue_follow_up_is_not_waited_for(storage, messages):
    """Its message may be lost: a new one is sent."""
    first = await messages.follow_up(EVENT, Memory(), NOW + MINUTE, NOW)
    second = await messages.follow_up(EVENT, first, NOW + 9 * MINUTE, NOW + 5 * MINUTE)

    assert second.next_look == NOW + 9 * MINUTE
    assert await held(storage) == 2


async def test_a_very_late_follow_up_keeps_its_moment(storage, messages):
    """The service delays a message for seven days at most; the memory says when the look is meant."""
    far = NOW + LONGEST_DELAY + timedelta(days=30)
    memory = await messages.follow_up(EVENT, Memory(), far, NOW)

    assert memory.next_look == far
    assert await held(storage) == 1


# What stands after a look


@pytest.fixture
def recorder(storage, name, table, messages):
    """What writes down for the loop."""
    papers = Documents(storage.container(name))
    return Recorder(table, messages, History(storage.table(f"h{name}")), Rights(papers, lambda: NOW), "test")


@pytest.mark.parametrize(
    "standing",
    [
        Memory(next_look=NOW - MINUTE),
        Memory(next_look=NOW - MINUTE, follow_up=FollowUp("lost", "receipt")),
        Memory(next_look=NOW + 9 * MINUTE),
    ],
)
async def test_a_look_that_has_nothing_more_to_do_leaves_no_next_look(table, recorder, standing):
    """Overdue, its message lost, or left to the sweep: else every sweep would ask for the cluster for ever."""
    row = await table.write(Row(CLUSTER), standing)
    await recorder.close(row, Request(CLUSTER, Reason.SWEEP, NOW), standing, (None, LookBy.MESSAGE), NOW)

    memory = (await table.read(CLUSTER)).memory
    assert (memory.next_look, memory.follow_up) == (None, None)


async def test_a_follow_up_that_waits_outlives_a_look_that_wants_none(table, recorder, messages):
    """Somebody else set it meanwhile; the look that it brings may see what this one could not."""
    memory = await messages.follow_up(EVENT, Memory(), NOW + MINUTE, NOW)
    row = await table.write(Row(CLUSTER), memory)
    await recorder.close(row, EVENT, memory, (None, LookBy.MESSAGE), NOW)

    assert (await table.read(CLUSTER)).memory.follow_up == memory.follow_up


async def test_a_look_left_to_the_sweep_sends_nothing(storage, table, recorder):
    """The memory says when; the queue holds no message for it."""
    await storage.queue.create_queue()
    await recorder.close(Row(CLUSTER), EVENT, Memory(), (NOW + MINUTE, LookBy.SWEEP), NOW)

    memory = (await table.read(CLUSTER)).memory
    assert (memory.next_look, memory.follow_up) == (NOW + MINUTE, None)
    assert await held(storage) == 0


@pytest.mark.parametrize("served", [True, False])
async def test_a_wish_that_comes_while_a_look_is_under_way_is_kept(table, recorder, served):
    """The API says it without the lease: the look that did not know of it does not take it away with its own end."""
    await table.ask_anew(CLUSTER, NOW)
    row = await table.read(CLUSTER)
    known = row.memory
    await table.ask_anew(CLUSTER, NOW + MINUTE)
    memory = replace(known, anew_since=None) if served else known
    await recorder.close(row, EVENT, memory, (None, LookBy.MESSAGE), NOW)

    assert (await table.read(CLUSTER)).memory.anew_since == NOW + MINUTE


async def test_a_wish_ends_with_the_look_that_served_it(table, recorder):
    """And with a word that takes it back; the rest of the row stays."""
    row = await table.write(Row(CLUSTER), replace(FULL, anew_since=NOW))
    assert row.memory == (await table.read(CLUSTER)).memory
    await recorder.close(row, EVENT, replace(row.memory, anew_since=None), (None, LookBy.MESSAGE), NOW)
    assert (await table.read(CLUSTER)).memory.anew_since is None

    await table.ask_anew(CLUSTER, NOW)
    await table.ask_anew(CLUSTER, None)
    memory = (await table.read(CLUSTER)).memory
    assert (memory.anew_since, memory.profile) == (None, FULL.profile)
