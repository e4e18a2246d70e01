"""An Event Grid topic: notices as CloudEvents 1.0, one by one, with the official client and by identity.

The identity needs EventGrid Data Sender on the topic (data action Microsoft.EventGrid/events/send/action). An event
may have up to 1 MB (Microsoft Learn, "Event Grid quotas and limits"); a notice has a few kilobytes.
"""

import asyncio
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.request import getproxies

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.pipeline.transport import AioHttpTransport

from shared.azure.failures import typed
from shared.errors import Refused
from shared.model.notice import FLEET, Notice

if TYPE_CHECKING:
    from azure.eventgrid.aio import EventGridPublisherClient

TIMEOUT = 15.0


class Topic:
    """The topic that notices go to. Open it before use."""

    def __init__(self, credential: AsyncTokenCredential, endpoint: str, source: str) -> None:
        """`endpoint` is the topic's, as Azure shows it; `source` names this Muster to subscribers."""
        self._credential, self._endpoint, self._source = credential, endpoint, source
        self._transport = AioHttpTransport(use_env_settings=bool(getproxies()))
        self._client: EventGridPublisherClient | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._transport.close()

    async def publish(self, notice: Notice) -> None:
        """Hand a notice over.

        Raises:
            AzureError: the topic did not accept it.
        """
        from azure.core.messaging import CloudEvent

        if not self._endpoint:
            raise Refused("MUSTER_EVENTS_ENDPOINT is not set, and notices wait: set it, or empty the queue.")
        subject = notice.subject if notice.subject != FLEET else None
        event = CloudEvent(
            source=self._source,
            type=f"Muster.{notice.kind.value}",
            data=dict(notice.data),
            id=notice.id,
            time=notice.at,
            subject=subject,
        )
        async with typed("publish a notice"), asyncio.timeout(TIMEOUT):
            await self._opened().send(event)

    def _opened(self) -> "EventGridPublisherClient":
        if self._client is None:
            from azure.eventgrid.aio import EventGridPublisherClient

            self._client = EventGridPublisherClient(
                self._endpoint,
                self._credential,
                transport=self._transport,
                retry_total=0,  # it is offered again by its message, not from inside a function
                permit_redirects=False,
                connection_timeout=TIMEOUT,
                read_timeout=TIMEOUT,
            )
        return self._client
