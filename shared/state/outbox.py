"""The outbox of notices: a queue of its own, from which each is taken only when the topic has accepted it.

A notice is put here before the memory that it follows from is written: a crash in between leaves it twice, under one
id, and never not at all.
"""

from collections.abc import Iterable
from datetime import timedelta

from azure.storage.queue.aio import QueueClient

from shared.model.message import to_wire
from shared.model.notice import Notice, encode
from shared.state.storage import made, typed

_FIRST, _LONGEST = timedelta(seconds=5), timedelta(minutes=10)


class Outbox:
    """Where notices wait for the topic. Without one it is not open: nothing new is kept, and what waits goes on so."""

    def __init__(self, queue: QueueClient, *, open_: bool) -> None:
        self._queue, self.open = queue, open_

    async def put(self, notices: Iterable[Notice]) -> None:
        """Keep notices until they are accepted.

        Raises:
            StorageError: one of them is not kept; whoever tells it must tell it again.
        """
        for notice in notices if self.open else ():
            await self._send(notice, timedelta(0))

    async def put_back(self, notice: Notice) -> timedelta:
        """Keep one that was offered in vain, to be offered again after a pause that grows; the pause.

        Raises:
            StorageError: it is not kept anew, and stays where it was taken from.
        """
        # Spread over half of it by the id, so that an hour's worth does not come back in one moment.
        share = 0.5 + int(notice.id[:4], 16) / 0x20000
        pause: timedelta = min(_LONGEST, _FIRST * int(2 ** min(notice.tries, 16))) * share
        await self._send(notice.tried(), pause)
        return pause

    async def _send(self, notice: Notice, delay: timedelta) -> None:
        text, seconds = to_wire(encode(notice)), round(delay.total_seconds())
        async with typed("keep a notice"):
            await made(
                lambda: self._queue.send_message(text, visibility_timeout=seconds or None, time_to_live=-1),
                self._queue.create_queue,
            )
