"""The storage account: opens its clients, makes what is missing, and types its failures.

Tables, queues and containers are made on first use when they do not exist, so that a new account, an
emulator and one from which somebody deleted a table all work.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from types import TracebackType
from typing import Any, Self
from urllib.request import getproxies

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError as SdkError
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.data.tables.aio import TableClient, TableServiceClient
from azure.storage.blob.aio import BlobServiceClient, ContainerClient
from azure.storage.queue import TextBase64EncodePolicy
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from shared.errors import StorageError

# One try, then a delayed message: a function must not sleep inside the SDK for minutes.
_RETRY: dict[str, Any] = {
    "retry_total": 1,
    "connection_timeout": 5,
    "read_timeout": 20,
    # Told to mind the environment, aiohttp reads proxies and ~/.netrc anew, on threads, for every request.
    "use_env_settings": bool(getproxies()),
}
# Blobs and queues would wait 15 seconds before that one try (azure-storage-blob 12, ExponentialRetry).
_SOON: dict[str, Any] = _RETRY | {"initial_backoff": 1, "increment_base": 1, "random_jitter_range": 1}

_ADVICE = "Check AzureWebJobsStorage, the account's network rules and the roles of Muster's identity on it."


@asynccontextmanager
async def typed(what: str) -> AsyncIterator[None]:
    """Turn the storage SDK's failures into StorageError, naming what was being done."""
    try:
        yield
    except HttpResponseError as error:
        code = getattr(error, "error_code", None) or error.status_code
        raise StorageError(f"The storage account refused to {what} ({code}). {_ADVICE}") from error
    except SdkError as error:
        raise StorageError(f"The storage account did not answer when asked to {what}. {_ADVICE}") from error


class Storage:
    """Clients of one storage account, opened by `connect`. Close it when done."""

    def __init__(
        self, tables: TableServiceClient, queues: QueueServiceClient, blobs: BlobServiceClient, *, queue: str
    ) -> None:
        self._stack = AsyncExitStack()
        self._tables, self._queues, self._blobs = tables, queues, blobs
        self.queue = self.queue_named(queue, message_encode_policy=TextBase64EncodePolicy())

    @classmethod
    def by_connection(cls, connection: str, *, queue: str) -> Self:
        """Open by connection string (local emulator, accounts with keys)."""
        return cls(
            TableServiceClient.from_connection_string(connection, **_RETRY),
            QueueServiceClient.from_connection_string(connection, **_SOON),
            BlobServiceClient.from_connection_string(connection, **_SOON),
            queue=queue,
        )

    @classmethod
    def by_identity(cls, account: str, credential: AsyncTokenCredential, *, queue: str, suffix: str) -> Self:
        """Open by identity; `suffix` is the cloud's storage suffix, such as core.windows.net."""
        return cls(
            TableServiceClient(f"https://{account}.table.{suffix}", credential=credential, **_RETRY),
            QueueServiceClient(f"https://{account}.queue.{suffix}", credential=credential, **_SOON),
            BlobServiceClient(f"https://{account}.blob.{suffix}", credential=credential, **_SOON),
            queue=queue,
        )

    async def __aenter__(self) -> Self:
        for client in (self._tables, self._queues, self._blobs):
            await self._stack.enter_async_context(client)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    def queue_named(self, name: str, **encoding: Any) -> QueueClient:
        """A queue's client; the queue need not exist yet. Bodies are as they lie there, unless told otherwise."""
        return self._queues.get_queue_client(name, **encoding)

    def table(self, name: str) -> TableClient:
        """A table's client; the table need not exist yet."""
        return self._tables.get_table_client(name)

    def container(self, name: str) -> ContainerClient:
        """A blob container's client; the container need not exist yet."""
        return self._blobs.get_container_client(name)


async def made[T](call: Callable[[], Awaitable[T]], create: Callable[[], Awaitable[object]]) -> T:
    """Run `call`; where its table, queue or container is missing, make it and run `call` once more.

    For calls whose 404 can mean nothing else: the service's code is not always there to tell.
    """
    try:
        return await call()
    except ResourceNotFoundError:
        pass
    with suppress(ResourceExistsError):  # somebody else made it at the same moment
        await create()
    return await call()
