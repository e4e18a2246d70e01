"""Whether Azure refused anything lately for want of a role, so that /health can say so.

The functions run on instances of their own, so the instance that answers /health hears of it through
storage: one small document, written at most once a minute by each instance while refusals go on.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from shared import logs
from shared.errors import StorageError
from shared.state.documents import Document, Documents

NAME = "refused.json"
LATELY = timedelta(minutes=5)
_AT_MOST_EVERY = 60.0


class Rights:
    """The latest refusal for want of a role, over all instances."""

    def __init__(self, documents: Documents, clock: Callable[[], datetime]) -> None:
        self._documents, self._clock = documents, clock
        self._noted_at = float("-inf")
        self._known: Document | None = None

    async def note(self) -> None:
        """Azure answered 401 or 403. Never fails: the step that was refused tells it, too."""
        if time.monotonic() - self._noted_at < _AT_MOST_EVERY:
            return
        self._noted_at = time.monotonic()
        try:
            await self._documents.write(NAME, {"at": self._clock().isoformat()})
        except StorageError as error:
            logs.event("refusal-not-noted", reason=error.message)

    async def refused_at(self) -> datetime | None:
        """When Azure last refused something, if that was within the last five minutes.

        Raises:
            StorageError: it cannot be told.
        """
        self._known = await self._documents.read(NAME, known=self._known)
        if self._known is None:
            return None
        at = datetime.fromisoformat(self._known.body["at"])
        return at if self._clock() - at < LATELY else None
