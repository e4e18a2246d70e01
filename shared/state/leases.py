"""One writer per cluster: a blob lease of 60 seconds, renewed while held.

Two extension writes on one cluster at once corrupt each other (the service's EtagMismatch), and PUT
knows no If-Match; so whoever means to write holds the cluster's lease. After an ambiguous write the
lease is left to expire, so that nobody writes while the first request may still be under way.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from azure.core.exceptions import (
    AzureError as SdkError,
)
from azure.core.exceptions import (
    HttpResponseError,
    ResourceNotFoundError,
)
from azure.storage.blob.aio import BlobLeaseClient, ContainerClient

from shared import logs
from shared.errors import LeaseBusy, LeaseLost
from shared.model.identity import ClusterId
from shared.state.storage import made, typed

CONTAINER = "muster-leases"
DURATION = 60.0
NEEDED_FOR_A_WRITE = 40.0
_RENEW_AFTER = 20.0
_IS_THERE = frozenset({409, 412})


class Lease:
    """A cluster's lease while it is held."""

    def __init__(self, client: BlobLeaseClient, taken: float) -> None:
        self._client = client
        self._taken = taken
        self.abandoned = False

    @property
    def left(self) -> float:
        """Seconds until it expires, counted from before the request that took or renewed it."""
        return self._taken + DURATION - time.monotonic()

    def abandon(self) -> None:
        """Neither renew nor release it: the last write was ambiguous and must run out first."""
        self.abandoned = True

    async def renew(self) -> None:
        """Extend it to its full length.

        Raises:
            LeaseLost: it had expired, or somebody else holds it.
        """
        asked = time.monotonic()
        try:
            await self._client.renew()
        except SdkError as error:
            raise LeaseLost("The cluster's lease was lost; the step is given up.") from error
        self._taken = asked

    async def ready_to_write(self) -> None:
        """Make sure that enough of it is left for one write and its time-out.

        Raises:
            LeaseLost: it cannot be renewed.
        """
        if self.left < NEEDED_FOR_A_WRITE:
            await self.renew()

    async def _keep(self, renew_after: float) -> None:
        while True:
            await asyncio.sleep(renew_after)
            if self.abandoned:
                return
            await self.renew()


class Leases:
    """The container of lease blobs, one per cluster."""

    def __init__(self, container: ContainerClient, *, renew_after: float = _RENEW_AFTER) -> None:
        self._container, self._renew_after = container, renew_after

    @asynccontextmanager
    async def hold(self, cluster: ClusterId, *, perhaps_new: bool = False) -> AsyncIterator[Lease]:
        """Hold a cluster's lease for the length of the block.

        For a cluster that is `perhaps_new` its blob is made first, which spares the refusal that would tell.

        Raises:
            LeaseBusy: somebody else holds it.
            StorageError: the storage account did not answer.
        """
        if perhaps_new:
            async with typed("lease a cluster"):
                await self._make(cluster)
        lease = await self._acquire(cluster)
        keeper = asyncio.create_task(lease._keep(self._renew_after))  # noqa: SLF001  the two classes are one mechanism
        try:
            yield lease
        finally:
            keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError, LeaseLost):
                await keeper
            if not lease.abandoned:
                await self._release(cluster, lease)

    async def _release(self, cluster: ClusterId, lease: Lease) -> None:
        try:
            await lease._client.release()  # noqa: SLF001  the two classes are one mechanism
        except SdkError as error:
            # It expires by itself within the minute; until then whoever asks for the cluster finds it busy.
            logs.event("lease-not-released", cluster=str(cluster), code=type(error).__name__, reason=str(error)[:200])

    async def _acquire(self, cluster: ClusterId) -> Lease:
        blob = self._container.get_blob_client(cluster.key)
        async with typed("lease a cluster"):
            asked = time.monotonic()
            try:
                client = await blob.acquire_lease(lease_duration=int(DURATION))
            except ResourceNotFoundError:
                await self._make(cluster)
                asked = time.monotonic()
                client = await self._try_again(cluster)
            except HttpResponseError as error:
                if error.status_code == 409:
                    raise LeaseBusy("Somebody else works on this cluster.") from error
                raise
        return Lease(client, asked)

    async def _try_again(self, cluster: ClusterId) -> BlobLeaseClient:
        try:
            return await self._container.get_blob_client(cluster.key).acquire_lease(lease_duration=int(DURATION))
        except HttpResponseError as error:
            if error.status_code == 409:
                raise LeaseBusy("Somebody else works on this cluster.") from error
            raise

    async def _make(self, cluster: ClusterId) -> None:
        blob = self._container.get_blob_client(cluster.key)
        try:
            await made(lambda: blob.upload_blob(b"", overwrite=False), self._container.create_container)
        except HttpResponseError as error:
            # It is there, and may be held (412 LeaseIdMissing): the attempt to lease it tells.
            if error.status_code not in _IS_THERE:
                raise
