"""What sweeps announce: an announcer over documents and an outbox in memory."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.errors import StorageError
from shared.fleet.announcing import NAME, Announcer, Open
from shared.model.notice import Notice
from shared.state.documents import Document, DocumentChanged


class Papers:
    """Documents, with the versions that storage would give them."""

    def __init__(self) -> None:
        self._kept: dict[str, Document] = {}
        self.fails = False
        self.written = 0

    @property
    def told(self) -> Any:
        """What is written down as told; None where nothing is."""
        return self._kept[NAME].body["told"] if NAME in self._kept else None

    async def read(self, name: str) -> Document | None:
        """As it stands."""
        return self._kept.get(name)

    async def write(self, name: str, body: Any, *, over: Document | None = None, fresh: bool = False) -> Document:
        """Write it, if nobody else did since it was read."""
        if self.fails:
            raise StorageError(f"{name} could not be written.")
        if fresh is (name in self._kept) or over != self._kept.get(name):
            raise DocumentChanged(name)
        self.written += 1
        self._kept[name] = Document(body, str(self.written))
        return self._kept[name]

    def lose(self) -> None:
        """All of them are gone."""
        self._kept.clear()


class Kept:
    """An outbox whose notices can be read."""

    def __init__(self) -> None:
        self.open = True
        self.notices: list[Notice] = []

    async def put(self, notices: list[Notice]) -> None:
        """Keep them."""
        self.notices += notices


class Ground:
    """An announcer, and what it stands on."""

    def __init__(self, now: datetime) -> None:
        self.now, self.papers, self.outbox = now, Papers(), Kept()
        self.announcer = Announcer(self.outbox, self.papers, lambda: self.now)  # type: ignore[arg-type]

    @property
    def told(self) -> list[Notice]:
        """All notices so far."""
        return self.outbox.notices

    async def sweeps(self, *standing: Mapping[str, Open], whole: bool = True, read: bool = True) -> list[Notice]:
        """Sweeps that find these things open, one after the other; what they told."""
        before = len(self.told)
        for found in standing:
            await self.announcer.announce(found, whole=whole, read=read)
        return self.told[before:]
