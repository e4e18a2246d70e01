"""People's words about clusters: a table, mirrored append-only to a blob, and restored from it.

All rows share one partition, so that one query of two rows tells both the intent of a cluster and
whether the table is whole: the row SENTINEL is written only after the mirror was replayed. A table
that lost it (deleted, restored from nothing) is refilled from the mirror before anybody trusts it.
"""

import contextlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import AzureError as SdkError
from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.data.tables import UpdateMode
from azure.data.tables.aio import TableClient
from azure.storage.blob.aio import BlobClient, ContainerClient
from pydantic import TypeAdapter, ValidationError

from shared.errors import IntentsUnreadable
from shared.model.identity import ClusterId
from shared.model.intent import FleetWord, Intent
from shared.state.storage import made, typed

TABLE = "musterintents"
CONTAINER = "muster-intents"

_PARTITION = "intents"
_SENTINEL = "!whole"
_INTENT: TypeAdapter[Intent] = TypeAdapter(Intent)
# Words about the fleet stand between these two, and no cluster's key does: keys are base64url.
_WORD, _AFTER_WORDS = "!word:", "!word;"
_FLEET: TypeAdapter[FleetWord] = TypeAdapter(FleetWord)


@dataclass(frozen=True, slots=True)
class _Entry:
    """One line of the mirror: an intent, or its withdrawal."""

    key: str
    body: str | None
    at: str

    def line(self) -> bytes:
        return json.dumps({"key": self.key, "body": self.body, "at": self.at}).encode() + b"\n"


class Intents:
    """The store of people's words."""

    def __init__(self, table: TableClient, mirror: ContainerClient) -> None:
        self._table, self._mirror = table, mirror

    async def of(self, cluster: ClusterId) -> Intent | None:
        """The word about one cluster, if any.

        Raises:
            IntentsUnreadable: neither the table nor the mirror can be read.
        """
        return (await self.about(cluster))[0]

    async def about(self, cluster: ClusterId) -> tuple[Intent | None, tuple[FleetWord, ...]]:
        """The word about one cluster, and all words about the fleet, by one query.

        Raises:
            IntentsUnreadable: neither the table nor the mirror can be read.
        """
        rows = await self._query(
            "PartitionKey eq @part and "
            "( RowKey eq @key or RowKey eq @whole or ( RowKey ge @first and RowKey lt @end ) )",
            key=cluster.key,
        )
        body = rows.get(cluster.key)
        return (_read(body) if body else None), _fleet_words(rows)

    async def all(self) -> dict[ClusterId, Intent]:
        """Every word that stands, in one paged query.

        Raises:
            IntentsUnreadable: neither the table nor the mirror can be read.
        """
        rows = await self._query("PartitionKey eq @part", key="")
        words = (_read(body) for key, body in rows.items() if not key.startswith("!"))
        return {intent.cluster: intent for intent in words}

    async def fleet(self) -> tuple[FleetWord, ...]:
        """Every word about the fleet.

        Raises:
            IntentsUnreadable: neither the table nor the mirror can be read.
        """
        text = "PartitionKey eq @part and ( RowKey eq @whole or ( RowKey ge @first and RowKey lt @end ) )"
        return _fleet_words(await self._query(text, key=""))

    async def say(self, word: FleetWord) -> None:
        """Record a word about the fleet, or replace the one of the same id."""
        await self._record(_WORD + word.id, _FLEET.dump_json(word).decode(), word.at)

    async def unsay(self, word_id: str, at: datetime) -> bool:
        """Withdraw a word about the fleet; False where there was none."""
        standing = [word for word in await self.fleet() if word.id == word_id]
        if standing:
            await self._drop(_WORD + word_id, at)
        return bool(standing)

    async def put(self, intent: Intent) -> None:
        """Record a word: in the mirror first, so that it survives whatever comes next."""
        await self._record(intent.cluster.key, _INTENT.dump_json(intent).decode(), intent.at)

    async def _record(self, key: str, body: str, at: datetime) -> None:
        await self._whole()
        await self._append(_Entry(key, body, at.isoformat()))
        async with typed("record an intent"):
            await self._table.upsert_entity(_row(key, body), UpdateMode.REPLACE)

    async def withdraw(self, cluster: ClusterId, at: datetime) -> bool:
        """Withdraw the word about a cluster; False where there was none."""
        standing = await self.of(cluster)
        if standing is None:
            return False
        await self._drop(cluster.key, at)
        return True

    async def _drop(self, key: str, at: datetime) -> None:
        await self._append(_Entry(key, None, at.isoformat()))
        async with typed("withdraw an intent"):
            await self._table.delete_entity(_PARTITION, key)

    async def _whole(self) -> None:
        await self._query("PartitionKey eq @part and RowKey eq @whole", key="")

    async def _query(self, text: str, *, key: str) -> dict[str, str]:
        rows = await self._rows(text, key)
        if _SENTINEL not in rows:
            await self._restore()
            rows = await self._rows(text, key)
        return rows

    async def _rows(self, text: str, key: str) -> dict[str, str]:
        parameters = {
            "part": _PARTITION,
            "key": key,
            "whole": _SENTINEL,
            "first": _WORD,
            "end": _AFTER_WORDS,
        }
        try:
            return {
                row["RowKey"]: row.get("body") or ""
                async for row in self._table.query_entities(text, parameters=parameters, results_per_page=1000)
            }
        except ResourceNotFoundError:
            return {}
        except SdkError as error:
            raise IntentsUnreadable(
                f"What people asked for (table {TABLE}) cannot be read from the storage account; until it can, "
                "nothing is written to any cluster."
            ) from error

    async def _restore(self) -> None:
        """Refill the table from the mirror. Rows that are there already are newer, and stay."""
        try:
            for key, body in (await self._replay()).items():
                if body is not None:
                    await self._insert(_row(key, body))
            await self._insert(_row(_SENTINEL, ""))
        except SdkError as error:
            raise IntentsUnreadable(
                f"The table {TABLE} is not whole and cannot be restored from the container {CONTAINER}; until it "
                "can, nothing is written to any cluster."
            ) from error

    async def _insert(self, row: dict[str, Any]) -> None:
        try:
            await made(lambda: self._table.create_entity(row), self._table.create_table)
        except (ResourceExistsError, ResourceModifiedError):
            return

    async def _replay(self) -> dict[str, str | None]:
        """The last body of each key, or None where it was withdrawn, over all months in order."""
        last: dict[str, str | None] = {}
        try:
            names = sorted([blob.name async for blob in self._mirror.list_blobs()])
        except ResourceNotFoundError:
            return last
        for name in names:
            content = await (await self._mirror.download_blob(name)).readall()
            if not content:
                # A month begins empty for a moment only; one that stays so was emptied, and its words are lost.
                raise IntentsUnreadable(
                    f"{name} in the container {CONTAINER} is empty. Restore that blob, or delete it where nobody asked "
                    "for anything in that month; until then nothing is written to any cluster."
                )
            for number, line in enumerate(content.splitlines(), start=1):
                try:
                    entry = json.loads(line)
                    last[entry["key"]] = entry["body"]
                except (ValueError, KeyError, TypeError) as error:  # UnicodeDecodeError is a ValueError
                    raise IntentsUnreadable(
                        f"Line {number} of {name} in the container {CONTAINER} cannot be read. Restore that blob; "
                        "until then nothing is written to any cluster."
                    ) from error
        return last

    async def _append(self, entry: _Entry) -> None:
        # A blob a month keeps each below the service's 50,000 appended blocks.
        blob = self._mirror.get_blob_client(f"{entry.at[:7]}.jsonl")
        async with typed("mirror an intent"):
            try:
                await blob.append_block(entry.line())
            except ResourceNotFoundError:
                await self._begin(blob)
                await blob.append_block(entry.line())

    async def _begin(self, blob: BlobClient) -> None:
        """Begin a month. Whoever else begins it at the same moment may have written already: nothing is replaced."""
        missing: dict[str, Any] = {"match_condition": MatchConditions.IfMissing}
        with contextlib.suppress(ResourceExistsError, ResourceModifiedError):
            await made(lambda: blob.create_append_blob(**missing), self._mirror.create_container)


def _row(key: str, body: str) -> dict[str, Any]:
    return {"PartitionKey": _PARTITION, "RowKey": key, "body": body, "v": 1}


def _fleet_words(rows: dict[str, str]) -> tuple[FleetWord, ...]:
    try:
        return tuple(_FLEET.validate_json(body) for key, body in sorted(rows.items()) if key.startswith(_WORD))
    except ValidationError as error:
        raise IntentsUnreadable(
            "A word about the fleet was recorded in a form that this version cannot read."
        ) from error


def _read(body: str) -> Intent:
    try:
        return _INTENT.validate_json(body)
    except ValidationError as error:
        raise IntentsUnreadable("An intent was recorded in a form that this version cannot read.") from error
