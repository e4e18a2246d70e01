"""Plans in storage: a document each, kept for a day, and the queue by which they are made in the background."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from azure.storage.queue.aio import QueueClient

from shared.model.message import to_wire
from shared.model.plan_message import encode
from shared.state.documents import Document, Documents
from shared.state.storage import made, typed

KEPT_FOR = timedelta(days=1)
FOLDER = "plans/"


class Plans:
    """The plans of the last day, by id. What a plan's body holds is its maker's business."""

    def __init__(self, documents: Documents, queue: QueueClient) -> None:
        self._documents, self._queue = documents, queue

    async def of(self, plan: str) -> Document | None:
        """A plan; None where there is none of that id (any more).

        Raises:
            StorageError: it cannot be read.
        """
        return await self._documents.read(_name(plan))

    async def begin(self, plan: str, body: Mapping[str, Any]) -> None:
        """Keep a plan that is to be made, and ask for its making.

        Raises:
            StorageError: it is not kept, or nobody was asked.
        """
        await self._documents.write(_name(plan), body, fresh=True)
        async with typed("ask for a plan"):
            await made(lambda: self._queue.send_message(to_wire(encode(plan))), self._queue.create_queue)

    async def put(self, plan: str, body: Mapping[str, Any], over: Document) -> None:
        """Replace a plan.

        Raises:
            DocumentChanged: somebody else did, since it was read.
            StorageError: it cannot be written.
        """
        await self._documents.write(_name(plan), body, over=over)

    async def put_content(self, plan: str, content: bytes) -> None:
        """Keep beside a document what is too large for it.

        Raises:
            StorageError: it cannot be written.
        """
        await self._documents.write_raw(_content(plan), content)

    async def content(self, plan: str) -> bytes | None:
        """What is kept beside a document; None where nothing is.

        Raises:
            StorageError: it cannot be read.
        """
        return await self._documents.read_raw(_content(plan))

    async def drop_old(self, now: datetime) -> None:
        """Delete plans whose day is over.

        Raises:
            StorageError: they cannot be listed or deleted.
        """
        await self._documents.drop_older(FOLDER, now - KEPT_FOR - timedelta(hours=1))


def _name(plan: str) -> str:
    return f"{FOLDER}{plan}.json"


def _content(plan: str) -> str:
    return f"{FOLDER}{plan}.jsonl.gz"
