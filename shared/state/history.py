"""What happened to each cluster: one table row per decision that changed something.

PartitionKey is the cluster's key; RowKey counts down, so that the newest come first in a query.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables.aio import TableClient

from shared.model.identity import ClusterId
from shared.state.storage import made, typed

TABLE = "musterhistory"

_END = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp() * 1000)


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a cluster's history. `sent` holds the keys that were sent, never values."""

    at: datetime
    action: str
    outcome: str
    reason: str
    condition: str
    profile: str | None = None
    rule: str | None = None
    generation: int = 0
    instance: str = ""
    who: str | None = None
    sent: tuple[str, ...] = ()


class History:
    """The table of histories."""

    def __init__(self, table: TableClient) -> None:
        self._table = table

    async def add(self, cluster: ClusterId, event: Event) -> None:
        """Record an event."""
        countdown = _END - int(event.at.timestamp() * 1000)
        entity: dict[str, Any] = {
            "PartitionKey": cluster.key,
            "RowKey": f"{countdown:015d}-{uuid4().hex[:8]}",
            "body": json.dumps(_plain(event)),
        }
        async with typed("record history"):
            await made(lambda: self._table.create_entity(entity), self._table.create_table)

    async def of(self, cluster: ClusterId, *, limit: int = 50) -> list[dict[str, Any]]:
        """The latest events of a cluster, newest first."""
        events: list[dict[str, Any]] = []
        async with typed("read history"):
            try:
                async for row in self._table.query_entities(
                    "PartitionKey eq @key", parameters={"key": cluster.key}, results_per_page=limit
                ):
                    events.append(json.loads(row["body"]))
                    if len(events) >= limit:
                        break
            except ResourceNotFoundError:
                return []
        return events


def _plain(event: Event) -> dict[str, Any]:
    fields: dict[str, Any] = {name: getattr(event, name) for name in Event.__slots__}
    fields["at"] = event.at.isoformat()
    return {name: value for name, value in fields.items() if value not in (None, "", ())}
