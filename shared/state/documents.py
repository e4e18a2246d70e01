"""Small documents in blobs: policy texts under their digest, the current generation, scope, snapshots.

Every document is JSON, gzip-compressed where it may grow with the fleet.
"""

import gzip
import json
import zlib
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.storage.blob.aio import ContainerClient

from shared.errors import StorageError
from shared.state.storage import made, typed

CONTAINER = "muster-documents"


@dataclass(frozen=True, slots=True)
class Document:
    """A document and the version it was read in."""

    body: Any
    etag: str


@dataclass(frozen=True, slots=True)
class Raw:
    """The bytes of a document and the version they were read in; empty where that is the one the reader knows."""

    body: bytes
    etag: str


class DocumentChanged(Exception):
    """The document was changed by somebody else since it was read."""


class Documents:
    """The container of documents."""

    def __init__(self, container: ContainerClient) -> None:
        self._container = container

    async def read(self, name: str, *, known: Document | None = None) -> Document | None:
        """A document, or None where there is none. `known` is returned as it is while it is unchanged.

        Raises:
            StorageError: it cannot be read, or is damaged.
        """
        blob = self._container.get_blob_client(name)
        condition: dict[str, Any] = {"etag": known.etag, "match_condition": MatchConditions.IfModified} if known else {}
        async with typed(f"read {name}"):
            try:
                stream = await blob.download_blob(**condition)
                raw = await stream.readall()
            except ResourceNotFoundError:
                return None
            except ResourceModifiedError:
                return known  # 304: not modified
        return Document(_unpack(name, raw), stream.properties.etag)

    async def write(self, name: str, body: Any, *, over: Document | None = None, fresh: bool = False) -> Document:
        """Write a document; with `over` only if it is still that version, with `fresh` only if there is none.

        Returns the document as it then stands.

        Raises:
            DocumentChanged: it is not.
        """
        condition: dict[str, Any] = {"overwrite": not fresh}
        if over is not None:
            condition |= {"etag": over.etag, "match_condition": MatchConditions.IfNotModified}
        raw = gzip.compress(json.dumps(body, separators=(",", ":")).encode(), mtime=0)
        return Document(body, await self._put(name, raw, condition))

    async def read_raw(self, name: str) -> bytes | None:
        """The bytes of a document that is read piece by piece; None where there is none.

        Raises:
            StorageError: it cannot be read.
        """
        found = await self.read_raw_unless(name, None)
        return found.body if found is not None else None

    async def read_raw_unless(self, name: str, known: str | None) -> Raw | None:
        """The same with its version, and without the bytes where that is still the known one.

        Raises:
            StorageError: it cannot be read.
        """
        blob = self._container.get_blob_client(name)
        condition: dict[str, Any] = {"etag": known, "match_condition": MatchConditions.IfModified} if known else {}
        async with typed(f"read {name}"):
            try:
                stream = await blob.download_blob(**condition)
                return Raw(await stream.readall(), stream.properties.etag)
            except ResourceNotFoundError:
                return None
            except ResourceModifiedError:
                return Raw(b"", known or "")  # 304: not modified

    async def write_raw(self, name: str, raw: bytes) -> None:
        """Replace the bytes of a document.

        Raises:
            StorageError: it cannot be written.
        """
        await self._put(name, raw, {"overwrite": True})

    async def drop_older(self, folder: str, before: datetime) -> None:
        """Delete the documents of a folder that were last written before a moment.

        Raises:
            StorageError: they cannot be listed or deleted.
        """
        async with typed(f"clear {folder}"):
            try:
                old = [
                    blob.name
                    async for blob in self._container.list_blobs(name_starts_with=folder)
                    if blob.last_modified < before
                ]
            except ResourceNotFoundError:
                return
            for name in old:
                with suppress(ResourceNotFoundError):  # somebody else was quicker
                    await self._container.delete_blob(name)

    async def _put(self, name: str, raw: bytes, condition: dict[str, Any]) -> str:
        """Write the bytes; their version."""
        blob = self._container.get_blob_client(name)
        async with typed(f"write {name}"):
            try:
                told = await made(lambda: blob.upload_blob(raw, **condition), self._container.create_container)
            except (ResourceExistsError, ResourceModifiedError) as error:
                raise DocumentChanged(name) from error
        return str(told["etag"])


def _unpack(name: str, raw: bytes) -> Any:
    try:
        return json.loads(gzip.decompress(raw))
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise StorageError(
            f"The document {name} in the container {CONTAINER} is damaged. Restore it; deleted, it is made anew."
        ) from error
