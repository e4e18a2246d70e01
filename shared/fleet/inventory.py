"""The fleet as lists and figures show it: the latest snapshot, overlaid with what was looked at since."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.fleet.compliance import Line
from shared.fleet.figures import figures
from shared.fleet.snapshot import NAME, Snapshot
from shared.model.identity import ClusterId
from shared.state.documents import Documents
from shared.state.memory import MemoryTable


@dataclass(frozen=True, slots=True)
class Inventory:
    """What is known of the fleet without asking Azure."""

    documents: Documents
    table: MemoryTable
    clock: Callable[[], datetime]

    async def lines(self) -> tuple[str | None, list[Line]]:
        """Every known cluster, and the time of the snapshot beneath (None where there is none yet)."""
        raw = await self.documents.read_raw(NAME)
        snapshot = Snapshot(raw) if raw is not None else None
        as_of = snapshot.header.get("asOf") if snapshot else None
        known = {line.cluster: line for line in map(Line.read, snapshot.all())} if snapshot else {}
        async for row in self.table.all():
            looked_at = row.memory.looked_at or row.memory.changed_at
            if as_of is not None and row.cluster in known and (not looked_at or looked_at.isoformat() < as_of):
                continue
            before = known.get(row.cluster)
            line = Line.remembered(row.cluster, row.memory, before)
            if line is not None:
                known[row.cluster] = line
        return as_of, sorted(known.values(), key=_by_id)

    async def figures(self) -> dict[str, Any]:
        """The figures of the fleet, and the moment they stand for."""
        as_of, lines = await self.lines()
        return {"asOf": as_of, **figures(lines, self.clock())}


def _by_id(line: Line) -> ClusterId:
    return line.cluster
