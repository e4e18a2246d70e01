"""The outbox on real storage, where there is no topic; tests/scenario has one that is down."""

from datetime import UTC, datetime

from azure.storage.queue.aio import QueueClient

from shared.model.notice import FLEET, Kind, Notice, cause_id
from shared.state.outbox import Outbox

AT = datetime(2026, 11, 27, 9, tzinfo=UTC)
NOTICES = [Notice(cause_id(Kind.INSTALLED, FLEET, number), Kind.INSTALLED, FLEET, AT) for number in range(2)]


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
