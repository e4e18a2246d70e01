"""How many instances of Muster are at work, so that each keeps to its share of what Azure allows them together.

Functions run on machines of their own and never meet but in storage: each instance writes its name into one document
while it works, and counts the names that are fresh.
"""

import asyncio
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

from shared import logs
from shared.errors import StorageError
from shared.state.documents import Document, DocumentChanged, Documents

NAME = "instances.json"
_EVERY = 20.0
_FRESH = timedelta(seconds=60)
_TRIES = 10


class Shares:
    """This instance's share; `of_all` is 1 while it works alone."""

    def __init__(self, documents: Documents, clock: Callable[[], datetime]) -> None:
        self._documents, self._clock = documents, clock
        self._name = uuid.uuid4().hex[:12]
        self._known: Document | None = None
        self._told_at = float("-inf")
        self._telling: asyncio.Lock = asyncio.Lock()
        self._share = 1.0

    def of_all(self) -> float:
        """The share, as of the last time that this instance told of itself."""
        return self._share

    async def tell(self) -> None:
        """Tell the others, at most every 20 seconds. Never fails: without the others' word the last share stands."""
        if self._fresh() or self._telling.locked():
            return
        async with self._telling:
            self._told_at = asyncio.get_running_loop().time()
            try:
                await self._tell()
            except StorageError as error:
                logs.event("share-unknown", reason=error.message)

    def _fresh(self) -> bool:
        return asyncio.get_running_loop().time() - self._told_at < _EVERY

    async def _tell(self) -> None:
        for _ in range(_TRIES):
            now = self._clock()
            names = {} if self._known is None else self._known.body
            fresh = {name: at for name, at in names.items() if now - datetime.fromisoformat(at) < _FRESH}
            fresh[self._name] = now.isoformat()
            try:
                self._known = await self._documents.write(NAME, fresh, over=self._known, fresh=self._known is None)
            except DocumentChanged:
                self._known = await self._documents.read(NAME)
            else:
                self._share = 1.0 / len(fresh)
                return
