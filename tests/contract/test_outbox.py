"""The outbox on real storage, with a topic that is away: nothing is lost, nothing waits for it."""

from datetime import UTC, datetime, timedelta

from azure.storage.queue.aio import QueueClient

from shared.model.message import from_wire
from shared.model.notice import FLEET, Kind, Notice, cause_id, decode
from shared.state.outbox import Outbox

AT = datetime(2026, 11, 27, 9, tzinfo=UTC)
NOTICES = [Notice(cause_id(Kind.INSTALLED, FLEET, number), Kind.INSTALLED, FLEET, AT) for number in range(20)]


async def test_an_hour_without_the_topic_loses_nothing(azurite):
    """Each stays in the queue for good, and is offered some times: soon at first, then every ten minutes."""
    queue = QueueClient.from_connection_string(azurite, "outbox-hour")
    async with queue:
        outbox = Outbox(queue, open_=True)
        await outbox.put(NOTICES)
        waited, offered, left = timedelta(0), 0, NOTICES[0]
        while waited < timedelta(hours=1):
            pause = await outbox.put_back(left)
            waited, offered, left = waited + pause, offered + 1, left.tried()
            assert timedelta(seconds=2) <= pause <= timedelta(minutes=10)
        visible = [decode(from_wire(each.content.encode())) async for each in queue.receive_messages()]
        count = (await queue.get_queue_properties()).approximate_message_count

    assert 8 <= offered <= 25
    assert {each.id for each in visible} == {each.id for each in NOTICES}
    assert count == len(NOTICES) + offered


async def test_without_a_topic_nothing_is_kept(azurite):
    """And no queue is made; what waits from before is put back all the same."""
    queue = QueueClient.from_connection_string(azurite, "outbox-closed")
    async with queue:
        outbox = Outbox(queue, open_=False)
        await outbox.put(NOTICES)
        assert not outbox.open
        await outbox.put_back(NOTICES[0])
        count = (await queue.get_queue_properties()).approximate_message_count

    assert count == 1
