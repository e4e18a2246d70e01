"""What Muster remembers of each cluster: one table row, read once and written once per look.

PartitionKey is the subscription, RowKey the cluster's key. `nextLook`, `messageId` and `receipt` are
columns of their own, because a worker that finds the cluster busy changes them without the lease; so is `anewSince`,
which the API sets while anybody may hold it. Everything else is the JSON column `body`, written by the holder of the
lease only. Rows that begin with MARK hold records that wait for the audit.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.data.tables import TableTransactionError, TransactionOperation, UpdateMode
from azure.data.tables.aio import TableClient
from pydantic import TypeAdapter

from shared import logs
from shared.model.audit import Record
from shared.model.identity import ClusterId
from shared.model.observation import FollowUp, Memory
from shared.state.audit_outbox import MARK, Operation, waits
from shared.state.storage import made, typed

TABLE = "mustermemory"

_BODY: TypeAdapter[Memory] = TypeAdapter(Memory)
# What a transaction's status is where its first operation stands alone.
_ALONE = {404: ResourceNotFoundError, 409: ResourceExistsError, 412: ResourceModifiedError}


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

    async def write(self, row: Row, memory: Memory, records: Iterable[Record] = ()) -> Row:
        """Replace the row; records for the audit are written with it, or nothing is.

        Raises:
            MemoryChanged: somebody changed it since `row` was read.
        """
        bare = replace(memory, next_look=None, follow_up=None, anew_since=None)
        body = _BODY.dump_json(bare, exclude_defaults=True)
        entity = _keys(row.cluster) | _look_columns(memory) | {"body": body.decode(), "v": 1}
        if memory.anew_since is not None:
            entity |= _anew_column(memory.anew_since)
        return await self._put(row, entity, memory, UpdateMode.REPLACE, records)

    async def write_next_look(self, row: Row, memory: Memory) -> Row:
        """Change only the columns of the next look; safe without the cluster's lease."""
        return await self._put(row, _keys(row.cluster) | _look_columns(memory), memory, UpdateMode.MERGE)

    async def ask_anew(self, cluster: ClusterId, since: datetime | None) -> None:
        """Say since when values are to be resolved anew (None: not any more); safe without the cluster's lease."""
        entity = _keys(cluster) | _anew_column(since)
        async with typed("write a cluster's memory"):
            await made(lambda: self._table.upsert_entity(entity, UpdateMode.MERGE), self._table.create_table)

    async def _put(
        self, row: Row, entity: dict[str, Any], memory: Memory, mode: UpdateMode, records: Iterable[Record] = ()
    ) -> Row:
        told = list(waits(row.cluster.subscription, records))
        async with typed("write a cluster's memory"):
            try:
                if row.etag is None:
                    answer = await made(lambda: self._create(entity, told), self._table.create_table)
                else:
                    answer = await self._update(entity, mode, row.etag, told)
            except (ResourceExistsError, ResourceModifiedError, ResourceNotFoundError) as error:
                raise MemoryChanged from error
        return Row(row.cluster, memory, answer["etag"])

    async def _create(self, entity: dict[str, Any], told: list[Operation]) -> Mapping[str, Any]:
        if not told:
            return await self._table.create_entity(entity)
        return await self._together([(TransactionOperation.CREATE, entity, {}), *told])

    async def _update(
        self, entity: dict[str, Any], mode: UpdateMode, etag: str, told: list[Operation]
    ) -> Mapping[str, Any]:
        condition = MatchConditions.IfNotModified
        if not told:
            return await self._table.update_entity(entity, mode, etag=etag, match_condition=condition)
        more = {"mode": mode, "etag": etag, "match_condition": condition}
        return await self._together([(TransactionOperation.UPDATE, entity, more), *told])

    async def _together(self, operations: list[Operation]) -> Mapping[str, Any]:
        """All or nothing; the answer to the first. It fails as that one alone would."""
        try:
            return (await self._table.submit_transaction(operations))[0]
        except TableTransactionError as error:
            kind = _ALONE.get(error.status_code or 0)
            if kind is None:
                raise
            raise kind(message=error.message) from error

    async def forget(self, cluster: ClusterId, records: Iterable[Record] = ()) -> None:
        """Drop the row of a cluster that no longer exists; records for the audit are written with that."""
        told = list(waits(cluster.subscription, records))
        async with typed("forget a cluster"):
            if not told:
                await self._table.delete_entity(cluster.subscription, cluster.key)
                return
            try:
                await self._together([(TransactionOperation.DELETE, _keys(cluster), {}), *told])
            except ResourceNotFoundError:  # there is no such row, or no table
                await made(lambda: self._together(told), self._table.create_table)

    async def all(self) -> AsyncIterator[Row]:
        """Every row, page by page (1,000 rows a request)."""
        async for _, stored in self.stored():
            yield stored.row()

    async def written_since(self, since: datetime | None, *, at_most: int) -> AsyncIterator[tuple[ClusterId, Memory]]:
        """What was written at or after a moment by storage's clock (None: ever), no more than so many; to be read only.

        The service looks through the whole table for them, page by page, and sends those alone.
        """
        # What waits for the audit stands before every cluster's key.
        query, given = "RowKey gt @mark", dict[str, Any](mark=f"{MARK}~")
        if since is not None:
            query, given = f"{query} and Timestamp ge @since", {**given, "since": since}
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

    async def stored(self, waiting: set[str] | None = None) -> AsyncIterator[tuple[str, Stored]]:
        """Every row with its subscription, ordered by that, page by page (1,000 rows a request).

        `waiting` is told the partitions in which records wait for the audit.
        """
        async with typed("read the memories of the fleet"):
            try:
                async for entity in self._table.list_entities(results_per_page=1000):
                    if entity["RowKey"].startswith(MARK):
                        if waiting is not None:
                            waiting.add(entity["PartitionKey"])
                        continue
                    yield entity["PartitionKey"], stored_of(entity, entity.metadata["etag"] or "")
            except ResourceNotFoundError:
                return


def stored_of(entity: Mapping[str, Any], etag: str) -> Stored:
    """A row as the table gives it, in the version of that name."""
    return Stored(entity["RowKey"], etag, _next_look(entity), bool(entity.get("messageId")), entity)


def _keys(cluster: ClusterId) -> dict[str, Any]:
    return {"PartitionKey": cluster.subscription, "RowKey": cluster.key}


def _look_columns(memory: Memory) -> dict[str, Any]:
    follow_up = memory.follow_up
    return {
        "nextLook": memory.next_look.isoformat() if memory.next_look else "",
        "messageId": follow_up.message_id if follow_up else "",
        "receipt": follow_up.receipt if follow_up else "",
    }


def _anew_column(since: datetime | None) -> dict[str, Any]:
    return {"anewSince": since.isoformat() if since else ""}


def _next_look(entity: Mapping[str, Any]) -> datetime | None:
    return _moment(entity.get("nextLook") or "")


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
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
        anew_since=_moment(entity.get("anewSince") or ""),
        next_look=next_look,
        follow_up=FollowUp(message, entity.get("receipt") or "") if message else None,
    )
