"""Answers to requests that came with an Idempotency-Key, kept for a day: the same request is then not done again.

One row per key of a caller, under a hash of both; nobody's name, key or body stands in it, only hashes of them, and the
answer. A row is made before the work begins, so that two requests of one key never work at once, and filled after it.
Where whoever worked did not come back, the row is given to the next one once nobody can be at work any more.
"""

import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any
from uuid import uuid4

from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.data.tables import TableTransactionError, UpdateMode
from azure.data.tables.aio import TableClient
from pydantic import TypeAdapter

from shared.errors import StorageError
from shared.state.storage import made, typed

TABLE = "musteranswers"
STANDS = timedelta(hours=24)
# The host ends an invocation after functionTimeout (host.json).
WORKS = timedelta(minutes=10)
# A column of a table holds 64 KiB (Microsoft Learn, "Understanding the Table service data model").
LARGEST = 60 * 1024

_PARTITION = "answers"
_AT_ONCE = 50
_TRIES = 3
_HEADERS: TypeAdapter[dict[str, str]] = TypeAdapter(dict[str, str])


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer as it was given."""

    status: int
    mimetype: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Turn:
    """Leave to do what a request asks; ended by `keep` or `release`."""

    name: str
    request: str
    at: datetime
    etag: str


class Refusal(Enum):
    """Why a request is neither done nor answered."""

    AT_WORK = auto()
    ANOTHER_REQUEST = auto()


class KeptAnswers:
    """The table of kept answers."""

    def __init__(self, table: TableClient) -> None:
        self._table = table

    async def begin(self, name: str, request: str, now: datetime) -> Turn | Answered | Refusal:
        """Take a turn under a name, or say what stands there.

        Args:
            name: the hash of caller and key.
            request: the hash of what is asked.
            now: the time.

        Raises:
            StorageError: the storage account did not answer.
        """
        mark = uuid4().hex
        for _ in range(_TRIES):
            turn = await self._take(_row(name, request, now, mark), now)
            if turn is not None:
                return turn
            found = await self._standing(name, request, now, mark)
            if found is not None:
                return found
        return Refusal.AT_WORK  # it changes under our eyes: others are quicker

    async def keep(self, turn: Turn, answered: Answered) -> None:
        """Keep the answer. One too large for a row is not kept: the same request is then done again.

        Raises:
            StorageError: the storage account did not answer.
        """
        packed = zlib.compress(answered.body)
        if len(packed) > LARGEST:
            await self.release(turn)
            return
        entity = _row(turn.name, turn.request, turn.at, "") | {
            "status": answered.status,
            "mimetype": answered.mimetype,
            "headers": _HEADERS.dump_json(dict(answered.headers)).decode(),
            "body": packed,
        }
        async with typed("keep an answer"):
            try:
                await self._replace(entity, turn.etag)
            except (ResourceModifiedError, ResourceNotFoundError):
                return  # whoever took over the turn answers for it

    async def release(self, turn: Turn) -> None:
        """Give a turn back: nothing was done.

        Raises:
            StorageError: the storage account did not answer.
        """
        async with typed("forget a request"):
            try:
                await self._table.delete_entity(
                    _PARTITION, turn.name, etag=turn.etag, match_condition=MatchConditions.IfNotModified
                )
            except (ResourceModifiedError, ResourceNotFoundError):
                return

    async def _take(self, entity: dict[str, Any], now: datetime) -> Turn | None:
        async with typed("note a request"):
            try:
                told = await made(lambda: self._table.create_entity(entity), self._table.create_table)
            except ResourceExistsError:
                return None
        with suppress(StorageError):  # another request will tidy up
            await self._forget_old(now)
        return Turn(entity["RowKey"], entity["request"], now, told["etag"])

    async def _standing(self, name: str, request: str, now: datetime, mark: str) -> Turn | Answered | Refusal | None:
        """What stands under the name; None where it has gone or changed meanwhile."""
        async with typed("read a kept answer"):
            try:
                row = await self._table.get_entity(_PARTITION, name)
            except ResourceNotFoundError:
                return None
        etag, age = row.metadata["etag"] or "", now - row["at"]
        if row["mark"] == mark:
            return Turn(name, request, now, etag)  # our own: the first try to make it was thought lost
        done = "status" in row
        if age >= STANDS or (not done and row["request"] == request and age >= WORKS):
            return await self._take_over(_row(name, request, now, mark), etag, now)
        if row["request"] != request:
            return Refusal.ANOTHER_REQUEST
        return _answered(row) if done else Refusal.AT_WORK

    async def _take_over(self, entity: dict[str, Any], etag: str, now: datetime) -> Turn | None:
        async with typed("note a request"):
            try:
                told = await self._replace(entity, etag)
            except (ResourceModifiedError, ResourceNotFoundError):
                return None
        return Turn(entity["RowKey"], entity["request"], now, told["etag"])

    async def _replace(self, entity: dict[str, Any], etag: str) -> Mapping[str, Any]:
        told: Mapping[str, Any] = await self._table.update_entity(
            entity, UpdateMode.REPLACE, etag=etag, match_condition=MatchConditions.IfNotModified
        )
        return told

    async def _forget_old(self, now: datetime) -> None:
        """Delete some of the rows that stand for nothing any more: more than one new row brings, so that few stay."""
        async with typed("forget old answers"):
            pages = self._table.query_entities(
                "PartitionKey eq @part and at lt @then",
                parameters={"part": _PARTITION, "then": now - STANDS},
                select=["PartitionKey", "RowKey"],
                results_per_page=_AT_ONCE,
            ).by_page()
            old = [("delete", dict(row)) async for page in pages async for row in page][:_AT_ONCE]
            try:
                if old:
                    await self._table.submit_transaction(old)
            except TableTransactionError:
                return  # somebody else is at it


def _row(name: str, request: str, at: datetime, mark: str) -> dict[str, Any]:
    return {"PartitionKey": _PARTITION, "RowKey": name, "request": request, "at": at, "mark": mark}


def _answered(row: Mapping[str, Any]) -> Answered:
    try:
        headers = _HEADERS.validate_json(row["headers"])
        return Answered(int(row["status"]), str(row["mimetype"]), headers, zlib.decompress(row["body"]))
    except (KeyError, ValueError, zlib.error) as error:
        raise StorageError(f"A kept answer in the table {TABLE} is damaged; it is forgotten after a day.") from error
