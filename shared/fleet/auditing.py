"""Bringing what waits for the audit into the trail, at the end of a sweep.

A block is appended, then its rows are let go of. Whoever dies in between leaves rows whose records stand in the last
block, and the next writer, who reads that block to go on from it, finds them there. Of two writers at once one is
refused by the position that it read, and leaves the rest to the other.
"""

import json
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from shared import logs, telemetry
from shared.errors import StorageError
from shared.model.audit import FLEET, Kind, Record, recorded
from shared.reconcile.generations import Standing
from shared.state.audit import LARGEST_BLOCK, AuditTrail, End
from shared.state.audit_outbox import AuditOutbox, Waiting

_AT_ONCE = 1000
_CHAINED = 250  # more than a line adds to its record: two hashes and a number


def policy_in_force(standing: Standing) -> Record:
    """That a policy has come into force. Whoever notices it records the same."""
    return recorded(
        datetime.fromisoformat(standing.since),
        Kind.OBSERVED,
        FLEET,
        "PolicyInForce",
        by=f"generation {standing.generation}",
        generation=standing.generation,
        policy=standing.digest,
        who=standing.who or None,
        reason=f"Generation {standing.generation}, {standing.digest[:12]}, by {standing.by}.",
    )


@dataclass(frozen=True, slots=True)
class Auditor:
    """What writes the trail."""

    outbox: AuditOutbox
    trail: AuditTrail
    clock: Callable[[], datetime]

    async def run(self, partitions: Iterable[str]) -> None:
        """Append all that waits in some partitions; nothing is asked of storage where there are none.

        What cannot be appended waits on for the next sweep, and that is said.
        """
        told = 0
        try:
            end: End | None = None
            async for batch in self._batches(sorted(partitions)):
                for block in _blocks(batch):
                    end = end or await self._end()
                    fresh = [each.record for each in block if each.record.id not in end.ids]
                    after = await self.trail.append(end, fresh) if fresh else end
                    if after is None:
                        logs.event("audit-elsewhere", records=told)
                        return
                    end, told = after, told + len(fresh)
                    await self.outbox.drop(block)
        except StorageError as error:
            logs.count("audit-unwritten")
            telemetry.add("muster.audit.failures")
            logs.event("audit-unwritten", level=logging.WARNING, reason=error.message, records=told)
            return
        if told and end is not None:
            telemetry.add("muster.audit.records", told)
            # The head stands in the log as well, where nobody who can write to storage can change it.
            logs.event("audit-appended", records=told, line=end.head.n, hash=end.head.hash)

    async def _end(self) -> End:
        end = await self.trail.end(self.clock().astimezone(UTC).date().isoformat())
        if end.broken:
            logs.event("audit-broken", level=logging.ERROR, day=end.day)
        return end

    async def _batches(self, partitions: list[str]) -> AsyncIterator[list[Waiting]]:
        batch: list[Waiting] = []
        for partition in partitions:
            async for each in self.outbox.of(partition):
                batch.append(each)
                if len(batch) == _AT_ONCE:
                    yield batch
                    batch = []
        if batch:
            yield batch


def _blocks(batch: list[Waiting]) -> Iterable[list[Waiting]]:
    """In the order of time, as many at once as one block takes."""
    block: list[Waiting] = []
    size = 0
    for each in sorted(batch, key=lambda waiting: (waiting.record.at, waiting.record.id)):
        length = len(json.dumps(each.record.plain())) + _CHAINED
        if block and size + length > LARGEST_BLOCK:
            yield block
            block, size = [], 0
        block.append(each)
        size += length
    if block:
        yield block
