"""The fleet as lists and figures show it: the latest snapshot, overlaid with what was looked at since."""

from dataclasses import dataclass
from typing import Any

from shared.fleet.compliance import SNAPSHOT, Line, figures
from shared.model.identity import ClusterId
from shared.state.documents import Documents
from shared.state.memory import MemoryTable


@dataclass(frozen=True, slots=True)
class Inventory:
    """What is known of the fleet without asking Azure."""

    documents: Documents
    table: MemoryTable

    async def lines(self) -> tuple[str | None, list[Line]]:
        """Every known cluster, and the time of the snapshot beneath (None where there is none yet)."""
        snapshot = await self.documents.read(SNAPSHOT)
        body: dict[str, Any] = snapshot.body if snapshot else {}
        known = {line.cluster: line for line in map(Line.read, body.get("clusters", []))}
        as_of = body.get("asOf")
        async for row in self.table.all():
            looked_at = row.memory.looked_at or row.memory.changed_at
            if as_of is not None and row.cluster in known and (not looked_at or looked_at.isoformat() < as_of):
                continue
            before = known.get(row.cluster)
            line = Line.remembered(row.cluster, row.memory, before.version if before else None)
            if line is not None:
                known[row.cluster] = line
        return as_of, sorted(known.values(), key=_by_id)

    async def figures(self) -> dict[str, Any]:
        """The figures of the fleet, and the moment they stand for."""
        as_of, lines = await self.lines()
        return {"asOf": as_of, **figures(lines)}


def _by_id(line: Line) -> ClusterId:
    return line.cluster
