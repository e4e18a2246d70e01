"""Records that wait to be appended to the audit trail: rows beside the memories, in the same partition.

There a look writes its record in one transaction with the memory that follows from it, at no further request and
never without it; and a sweep, which reads every memory, sees what waits for nothing.
"""

import json
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from itertools import batched, groupby
from typing import Any

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.data.tables import TransactionOperation, UpdateMode
from azure.data.tables.aio import TableClient
from pydantic import TypeAdapter, ValidationError

from shared import logs
from shared.model.audit import FLEET, Record
from shared.model.identity import ClusterId
from shared.state.storage import made, typed

# Clusters' keys are base64url: none begins with this sign, and all of them come after it.
MARK = "!"
_PREFIX, _AFTER = "!audit:", "!audit;"
_EVERYBODYS = "!fleet"
_PER_TRANSACTION = 100  # of the service
_RECORD: TypeAdapter[Record] = TypeAdapter(Record)
_COLUMNS = ("id", "at", "kind", "subject", "action")

type Operation = tuple[TransactionOperation, dict[str, Any], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A record, and the row in which it waits."""

    partition: str
    row: str
    record: Record


def waits(partition: str, records: Iterable[Record]) -> Iterator[Operation]:
    """What writes records down, as a part of somebody's transaction on a partition."""
    for record in records:
        yield TransactionOperation.UPSERT, _entity(partition, record), {"mode": UpdateMode.REPLACE}


def _entity(partition: str, record: Record) -> dict[str, Any]:
    row = f"{_PREFIX}{record.at:%Y%m%dT%H%M%S%f}:{record.id}"
    return {"PartitionKey": partition, "RowKey": row, "body": json.dumps(record.plain()), "v": 1}


class AuditOutbox:
    """The records that wait."""

    def __init__(self, table: TableClient) -> None:
        self._table = table

    async def put(self, record: Record, cluster: ClusterId | None = None) -> str:
        """Have a record wait that belongs to no look: somebody's word about a cluster, or about the fleet.

        Returns:
            the partition in which it waits.

        Raises:
            StorageError: it does not; what it tells of must not be done either.
        """
        partition = cluster.subscription if cluster else _EVERYBODYS
        entity = _entity(partition, record)
        async with typed("record a word for the audit"):
            await made(lambda: self._table.upsert_entity(entity, UpdateMode.REPLACE), self._table.create_table)
        return partition

    async def of(self, partition: str) -> AsyncIterator[Waiting]:
        """What waits in a partition, oldest first."""
        async with typed("read what waits for the audit"):
            try:
                async for row in self._table.query_entities(
                    "PartitionKey eq @part and RowKey ge @first and RowKey lt @end",
                    parameters={"part": partition, "first": _PREFIX, "end": _AFTER},
                    results_per_page=1000,
                ):
                    yield Waiting(partition, row["RowKey"], _read(row))
            except ResourceNotFoundError:
                return

    async def drop(self, appended: Iterable[Waiting]) -> None:
        """Let go of what stands in the trail.

        Raises:
            StorageError: some of it waits on; whoever appends next finds it there already.
        """
        for partition, rows in groupby(sorted(appended, key=_place), key=lambda each: each.partition):
            for some in batched(rows, _PER_TRANSACTION, strict=False):
                await self._delete([{"PartitionKey": partition, "RowKey": each.row} for each in some])

    async def _delete(self, keys: list[dict[str, Any]]) -> None:
        async with typed("let go of what was audited"):
            try:
                await self._table.submit_transaction([(TransactionOperation.DELETE, key) for key in keys])
            except HttpResponseError as error:
                if error.status_code != 404:
                    raise
                for key in keys:  # somebody else let go of one of them: one by one, that is no error
                    await self._table.delete_entity(key)


def _place(waiting: Waiting) -> tuple[str, str]:
    return waiting.partition, waiting.row


def _read(row: Any) -> Record:
    try:
        body = json.loads(row.get("body") or "")
        return _RECORD.validate_python(
            {**{name: body.pop(name) for name in _COLUMNS}, "body": body},
        )
    except (ValueError, KeyError, TypeError, AttributeError, ValidationError):
        # It waits no longer, and the trail says that something stood here.
        logs.event("audit-record-unreadable", row=row["RowKey"])
        at = row.metadata["timestamp"]
        body = {"id": row["RowKey"][-24:], "at": at, "kind": "observed", "subject": FLEET, "action": "Unreadable"}
        return _RECORD.validate_python(body)
