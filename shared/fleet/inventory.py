"""The fleet as lists and figures show it: the latest snapshot, overlaid with what was looked at since.

However large the fleet is, it takes two or three requests of storage: the snapshot, which is sent only where it is not
the one that this process has read already, and the rows that were written after it, up to a bound.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from shared.fleet.compliance import Line
from shared.fleet.figures import Figures
from shared.fleet.snapshot import FIGURES, NAME, Entry, Snapshot
from shared.model.identity import ClusterId
from shared.model.observation import Memory
from shared.state.documents import Documents
from shared.state.memory import MemoryTable

# Storage's clock and ours may differ by as much; a row that was read once more costs nothing.
_CLOCKS = timedelta(minutes=2)
# So many rows are overlaid at most. Where more were written since the last sweep, the next one shows them.
_NEWER = 999


@dataclass(frozen=True, slots=True)
class Fleet:
    """Every known cluster, by id in ascending order.

    Attributes:
        as_of: the time of the snapshot beneath; None where there is none yet.
        entries: the clusters.
        complete: whether everything that was looked at since is in it.
        gaps: seconds between the last whole sweeps.
    """

    as_of: datetime | None
    entries: Sequence[Entry]
    complete: bool = True
    gaps: Sequence[float] = ()

    def one(self, cluster: ClusterId) -> Entry | None:
        """The entry of one cluster."""
        place = bisect_left(self.entries, str(cluster), key=_by_id)
        found = self.entries[place] if place < len(self.entries) else None
        return found if found is not None and found.id == str(cluster) else None

    def plain(self, now: datetime) -> dict[str, Any]:
        """Its figures."""
        counted = Figures(now)
        for entry in self.entries:
            counted.add(entry)
        return {"asOf": self.as_of.isoformat() if self.as_of else None, **counted.plain()}


@dataclass(slots=True)
class _Read:
    """The snapshot that was read last."""

    etag: str
    as_of: datetime
    entries: dict[str, Entry]
    gaps: Sequence[float]


@dataclass(slots=True)
class Inventory:
    """What is known of the fleet without asking Azure."""

    documents: Documents
    table: MemoryTable
    clock: Callable[[], datetime]
    most_newer: int = _NEWER
    _read: _Read | None = field(default=None, init=False)

    async def fleet(self) -> Fleet:
        """Every known cluster.

        Raises:
            StorageError: storage does not answer, or the snapshot is damaged.
        """
        read = await self._snapshot()
        since = read.as_of - _CLOCKS if read else None
        newer = [each async for each in self.table.written_since(since, at_most=self.most_newer + 1)]
        complete, newer = len(newer) <= self.most_newer, newer[: self.most_newer]
        over = {entry.id: entry for entry in (_overlaid(*each, read) for each in newer) if entry is not None}
        known = read.entries if read else {}
        entries = [over.pop(name, entry) for name, entry in known.items()]
        if over or read is None:
            entries = sorted([*entries, *over.values()], key=_by_id)
        return Fleet(read.as_of if read else None, entries, complete, self.gaps)

    @property
    def gaps(self) -> Sequence[float]:
        """Seconds between the last whole sweeps, as the snapshot says that was read last."""
        return self._read.gaps if self._read else ()

    async def kept(self) -> Mapping[str, Any]:
        """The figures of the last whole sweep, with what it kept beside them; nothing where there was none.

        Raises:
            StorageError: storage does not answer.
        """
        found = await self.documents.read(FIGURES)
        return found.body if found is not None else {}

    async def _snapshot(self) -> _Read | None:
        found = await self.documents.read_raw_unless(NAME, self._read.etag if self._read else None)
        if found is None:
            self._read = None
        elif self._read is None or found.etag != self._read.etag:
            snapshot = Snapshot(found.body)
            entries = sorted(snapshot.all(), key=_by_id)
            as_of = datetime.fromisoformat(snapshot.header["asOf"])
            self._read = _Read(
                found.etag, as_of, {entry.id: entry for entry in entries}, snapshot.header.get("gaps", ())
            )
        return self._read


def _overlaid(cluster: ClusterId, memory: Memory, read: _Read | None) -> Entry | None:
    """The cluster as a look left it after the sweep; None where the sweep knows better."""
    before = read.entries.get(str(cluster)) if read else None
    moment = memory.looked_at or memory.changed_at
    if before is not None and read is not None and (moment is None or moment < read.as_of):
        return None
    line = Line.remembered(cluster, memory, Line.read(before) if before else None)
    if line is None:
        return None
    entry = line.entry()
    if before is None:
        return entry
    return entry._replace(region=before.region, owner=before.owner, silent=before.silent, gpu=before.gpu)


def _by_id(entry: Entry) -> str:
    return entry.id
