"""What Muster remembers of each cluster: one table row, read once and written once per look.

PartitionKey is the subscription, RowKey the cluster's key. `nextLook`, `messageId` and `receipt` are
columns of their own, because a worker that finds the cluster busy changes them without the lease;
everything else is the JSON column `body`, written by the holder of the lease only.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.data.tables import UpdateMode
from azure.data.tables.aio import TableClient
from pydantic import TypeAdapter

from shared import logs
from shared.model.identity import ClusterId
from shared.model.observation import FollowUp, Memory
from shared.state.storage import made, typed

TABLE = "mustermemory"

_BODY: TypeAdapter[Memory] = TypeAdapter(Memory)
_COLUMNS = {"next_look", "follow_up"}


class MemoryChanged(Exception):
    """The row was changed by somebody else since it was read."""


@dataclass(frozen=True, slots=True)
class Row:
    """A memory with the version it was read in; `etag` is None where there was no row yet."""

    cluster: ClusterId
    memory: Memory = field(default_factory=Memory)
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """A row as the table gave it, its body not read yet: a sweep needs that of few.

    Attributes:
        key: the cluster's key.
        etag: changes with every change of the row.
        next_look: as in `Memory`.
        waiting: whether a message stands for the next look.
    """

    key: str
    etag: str
    next_look: datetime | None
    waiting: bool
    entity: Mapping[str, Any]

    def row(self) -> Row:
        """The memory, read."""
        return Row(ClusterId.from_key(self.key), _memory(self.entity), self.etag)


class MemoryTable:
    """The table of memories."""

    def __init__(self, table: TableClient) -> None:
        self._table = table

    async def read(self, cluster: ClusterId) -> Row:
        """The row of a cluster; an empty memory where there is none."""
        async with typed("read a cluster's memory"):
            try:
                entity = await self._table.get_entity(cluster.subscription, cluster.key)
            except ResourceNotFoundError:
                return Row(cluster)
        return Row(cluster, _memory(entity), entity.metadata["etag"])

    async def write(self, row: Row, memory: Memory) -> Row:
        """Replace the row.

        Raises:
            MemoryChanged: somebody changed it since `row` was read.
        """
        body = _BODY.dump_json(replace(memory, next_look=None, follow_up=None), exclude_defaults=True)
        entity = _keys(row.cluster) | _look_columns(memory) | {"body": body.decode(), "v": 1}
        return await self._put(row, entity, memory, UpdateMode.REPLACE)

    async def write_next_look(self, row: Row, memory: Memory) -> Row:
        """Change only the columns of the next look; safe without the cluster's lease."""
        return await self._put(row, _keys(row.cluster) | _look_columns(memory), memory, UpdateMode.MERGE)

    async def _put(self, row: Row, entity: Mapping[str, Any], memory: Memory, mode: UpdateMode) -> Row:
        async with typed("write a cluster's memory"):
            try:
                if row.etag is None:
                    answer = await made(lambda: self._table.create_entity(dict(entity)), self._table.create_table)
                else:
                    answer = await self._table.update_entity(
                        dict(entity),
                        mode,
                        etag=row.etag,
                        match_condition=MatchConditions.IfNotModified,
                    )
            except (ResourceExistsError, ResourceModifiedError, ResourceNotFoundError) as error:
                raise MemoryChanged from error
        return Row(row.cluster, memory, answer["etag"])

    async def forget(self, cluster: ClusterId) -> None:
        """Drop the row of a cluster that no longer exists."""
        async with typed("forget a cluster"):
            await self._table.delete_entity(cluster.subscription, cluster.key)

    async def all(self) -> AsyncIterator[Row]:
        """Every row, page by page (1,000 rows a request)."""
        async for _, stored in self.stored():
            yield stored.row()

    async def written_since(self, since: datetime | None, *, at_most: int) -> AsyncIterator[tuple[ClusterId, Memory]]:
        """What was written at or after a moment by storage's clock (None: ever), no more than so many; to be read only.

        The service looks through the whole table for them, page by page, and sends those alone.
        """
        query, given = ("Timestamp ge @since", {"since": since}) if since is not None else ("", {})
        found = 0
        async with typed("read what changed since the last sweep"):
            try:
                columns = ["RowKey", "body"]  # each one more is read and converted a thousand times
                async for entity in self._table.query_entities(
                    query, parameters=given, select=columns, results_per_page=1000
                ):
                    yield ClusterId.from_key(entity["RowKey"]), _memory(entity)
                    found += 1
                    if found >= at_most:
                        return
            except ResourceNotFoundError:
                return

    async def stored(self) -> AsyncIterator[tuple[str, Stored]]:
        """Every row with its subscription, ordered by that, page by page (1,000 rows a request)."""
        async with typed("read the memories of the fleet"):
            try:
                async for entity in self._table.list_entities(results_per_page=1000):
                    waiting = bool(entity.get("messageId"))
                    stored = Stored(
                        entity["RowKey"], entity.metadata["etag"] or "", _next_look(entity), waiting, entity
                    )
                    yield entity["PartitionKey"], stored
            except ResourceNotFoundError:
                return


def _keys(cluster: ClusterId) -> dict[str, Any]:
    return {"PartitionKey": cluster.subscription, "RowKey": cluster.key}


def _look_columns(memory: Memory) -> dict[str, Any]:
    follow_up = memory.follow_up
    return {
        "nextLook": memory.next_look.isoformat() if memory.next_look else "",
        "messageId": follow_up.message_id if follow_up else "",
        "receipt": follow_up.receipt if follow_up else "",
    }


def _next_look(entity: Mapping[str, Any]) -> datetime | None:
    look = entity.get("nextLook") or ""
    try:
        return datetime.fromisoformat(look) if look else None
    except ValueError:
        return None


def _memory(entity: Mapping[str, Any]) -> Memory:
    next_look = _next_look(entity)
    try:
        memory = _BODY.validate_json(entity.get("body") or "{}")
    except ValueError:  # a ValidationError is one
        # A row that cannot be read is a lost one: it costs reads, never a write.
        logs.event("memory-unreadable", key=entity.get("RowKey"))
        memory = Memory()
    message = entity.get("messageId") or ""
    return replace(
        memory,
        next_look=next_look,
        follow_up=FollowUp(message, entity.get("receipt") or "") if message else None,
    )
