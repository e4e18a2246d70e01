"""The audit trail: one append blob a day (UTC), each line chained to the one before it.

The container's immutability policy lets blocks be appended and nothing else, so nothing here ever replaces a byte. A
block goes out only at the position at which the trail was read to end: of two writers one is refused, and no fork
can come about.
"""

import contextlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.storage.blob.aio import BlobClient, ContainerClient

from shared.model.audit import BEGINNING, Head, Record, read_line, sealed
from shared.state.storage import made, typed

CONTAINER = "muster-audit"
# The service takes 50,000 blocks a blob: so many bytes in each are more than a day of any fleet.
LARGEST_BLOCK = 1024 * 1024
# As much of a blob's end as holds its whole last block: what a writer that died had appended last is seen.
_TAIL = LARGEST_BLOCK + 64 * 1024
_PAGE = 512 * 1024
# The last records are read backwards: so many bytes at once, and so often at most, however much was written.
_STEP, _STEPS = 512 * 1024, 4
# The id and the moment stand at a line's beginning.
_BEGINNING = 400
_SAID = re.compile(rb'"record":\{"id":"([^"]*)","at":"([^"]*)"')
_NAME = re.compile(r"(\d{4}-\d\d-\d\d)\.jsonl")


@dataclass(frozen=True, slots=True)
class End:
    """Where the trail ends.

    Attributes:
        day: of the blob that the next block goes to.
        position: length of that blob; None where it does not exist yet.
        ids: of the records in the last block, and some before it.
        broken: the last line cannot be read, so that the trail begins anew.
    """

    day: str
    position: int | None
    head: Head = BEGINNING
    ids: frozenset[str] = field(default_factory=frozenset)
    broken: bool = False


@dataclass(frozen=True, slots=True)
class Latest:
    """The last records of the trail.

    Attributes:
        records: newest first.
        found: how many such records there are, as far as was read.
        cut: whether there may be older ones that were not read.
    """

    records: list[Mapping[str, Any]]
    found: int
    cut: bool


class AuditTrail:
    """The container of the audit."""

    def __init__(self, container: ContainerClient) -> None:
        self._container = container

    async def days(self) -> list[str]:
        """The days that have a blob, in order."""
        async with typed("list the audit"):
            try:
                names = [blob.name async for blob in self._container.list_blobs()]
            except ResourceNotFoundError:
                return []
        return sorted(found[1] for found in map(_NAME.fullmatch, names) if found)

    async def page(self, day: str, offset: int) -> tuple[list[bytes], int | None]:
        """Some lines of a day from an offset on, and where the next ones begin; None where there are no more.

        Raises:
            StorageError: they cannot be read.
        """
        raw = await self._read(self._blob(day), offset, _PAGE)
        if len(raw) < _PAGE:
            return raw.removesuffix(b"\n").split(b"\n") if raw else [], None
        whole = raw.rfind(b"\n") + 1 or len(raw)
        return raw[:whole].removesuffix(b"\n").split(b"\n"), offset + whole

    async def latest(self, since: datetime, now: datetime, wanted: Callable[[bytes], bool], most: int) -> Latest:
        """The last records since a moment at most a day ago, read backwards in a bounded number of steps.

        Args:
            since: of which moment and later.
            now: the day on which reading begins, and the one before it is read where there is room.
            wanted: tells from a line's bytes whether its record is; others cost nothing more.
            most: so many records are returned.

        Raises:
            StorageError: they cannot be read.
        """
        found: dict[bytes, tuple[bytes, bytes]] = {}
        steps, first = _STEPS, _second(since)
        for day in (now, now - timedelta(days=1)):
            steps = await self._backwards(f"{day.astimezone(UTC):%Y-%m-%d}", steps, first, wanted, found)
        newest = sorted(found.values(), reverse=True)
        read = (read_line(line) for _, line in newest)
        whole = (line.record for line in read if line is not None)
        return Latest([record for _, record in zip(range(most), whole, strict=False)], len(newest), steps < 0)

    async def _backwards(
        self,
        day: str,
        steps: int,
        since: bytes,
        wanted: Callable[[bytes], bool],
        found: dict[bytes, tuple[bytes, bytes]],
    ) -> int:
        """Add to `found` what a day holds, by ids; how many steps are left then, below zero where they did not do."""
        end = await self._size(day) if steps >= 0 else 0
        begun = b""
        while end:
            if steps <= 0:
                return -1
            start, steps = max(0, end - _STEP), steps - 1
            lines = (await self._read(self._blob(day), start, end - start) + begun).split(b"\n")
            # Where the piece does not begin with the day, its first line goes on before it.
            begun, end = lines.pop(0) if start else b"", start
            newest = b""
            for line in lines:
                said = _SAID.search(line, 0, _BEGINNING)
                if said is None:
                    continue
                name, at = said.groups()
                newest = max(newest, at)
                if at >= since and wanted(line):
                    found[name] = at, line
            if newest and newest < since:
                break  # records may be appended late, but a whole piece of old ones has only older ones before it
        return steps

    async def end(self, day: str) -> End:
        """Where the trail ends, for whoever wants to go on with it on a day."""
        size = await self._size(day)
        if size:
            return await self._ended(day, day, size)
        for earlier in reversed(await self.days()):
            length = await self._size(earlier) if earlier != day else None
            if length:
                return await self._ended(day, earlier, length, position=size)
        return End(day, size)

    async def _ended(self, day: str, last: str, size: int, *, position: int | None = -1) -> End:
        raw = await self._read(self._blob(last), max(0, size - _TAIL), _TAIL)
        lines = raw.removesuffix(b"\n").split(b"\n")
        # The first is whole only where the blob was read from its beginning.
        read = [read_line(line) for line in lines]
        position = size if position == -1 else position
        final = read[-1] if raw.endswith(b"\n") else None
        ids = frozenset(str(line.record.get("id")) for line in read if line is not None)
        return End(day, position, final.head if final else BEGINNING, ids, broken=final is None)

    async def append(self, end: End, records: list[Record]) -> End | None:
        """Append one block of records; where the trail ends then, or None where it no longer ends where it did.

        Raises:
            StorageError: nothing was appended, or there was no answer; the next reading of the end tells.
        """
        head, lines = sealed(end.head, [record.plain() for record in records])
        position = end.position
        blob, raw = self._blob(end.day), b"".join(lines)
        if end.broken and position:
            raw = b"\n" + raw  # whatever stands there is no part of the first line
        async with typed("append to the audit"):
            if position is None:
                position = 0
                missing: dict[str, Any] = {"match_condition": MatchConditions.IfMissing}
                with contextlib.suppress(ResourceExistsError, ResourceModifiedError):
                    await made(lambda: blob.create_append_blob(**missing), self._container.create_container)
            try:
                await blob.append_block(raw, appendpos_condition=position)
            except HttpResponseError as error:
                if error.status_code == 412:
                    return None
                raise
        return End(end.day, position + len(raw), head, end.ids | {record.id for record in records})

    def _blob(self, day: str) -> BlobClient:
        return self._container.get_blob_client(f"{day}.jsonl")

    async def _size(self, day: str) -> int | None:
        async with typed("read the audit"):
            try:
                return int((await self._blob(day).get_blob_properties()).size)
            except ResourceNotFoundError:
                return None

    async def _read(self, blob: BlobClient, offset: int, length: int) -> bytes:
        async with typed("read the audit"):
            try:
                return await (await blob.download_blob(offset=offset, length=length)).readall()
            except ResourceNotFoundError:
                return b""
            except HttpResponseError as error:
                if error.status_code == 416:  # nothing stands there
                    return b""
                raise


def _second(moment: datetime) -> bytes:
    """A moment as records say it, cut to its second; as bytes these have the order of time."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}".encode()
