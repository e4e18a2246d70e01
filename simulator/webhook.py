"""One HTTP endpoint that takes Event Grid's events: the handshake and the notification.

Source: Microsoft's "Webhook event delivery" and "CloudEvents v1.0 schema with Azure Event Grid".
"""

from dataclasses import dataclass
from typing import Final

import aiohttp

from simulator.eventgrid_schema import Event, Schema, validation

ORIGIN: Final = "eventgrid.azure.net"


@dataclass(frozen=True, slots=True)
class Webhook:
    """An endpoint and the schema in which it wants its events."""

    endpoint: str
    schema: Schema
    subscription: str

    async def notify(self, client: aiohttp.ClientSession, event: Event, attempt: int) -> int:
        """Send one event (attempt counts from 1); the HTTP status of the answer."""
        headers = {
            "aeg-event-type": "Notification",
            "aeg-subscription-name": self.subscription.upper(),
            "aeg-delivery-count": str(attempt - 1),
        }
        if self.schema == "EventGridSchema":
            headers |= {"aeg-data-version": "2", "aeg-metadata-version": "1"}
            headers["Content-Type"] = "application/json; charset=utf-8"
        else:
            headers["Content-Type"] = "application/cloudevents+json; charset=utf-8"
        async with client.post(
            self.endpoint, json=event.body(self.schema), headers=headers, allow_redirects=False
        ) as response:
            await response.read()
            return response.status

    async def handshake(self, client: aiohttp.ClientSession, now: float) -> tuple[int, str | None]:
        """Ask whether the endpoint wants events: HTTP status, and why it may not have any."""
        if self.schema == "EventGridSchema":
            return await self._by_event(client, now)
        return await self._by_options(client)

    async def _by_event(self, client: aiohttp.ClientSession, now: float) -> tuple[int, str | None]:
        code, body = validation(now)
        headers = {
            "aeg-event-type": "SubscriptionValidation",
            "aeg-subscription-name": self.subscription.upper(),
        }
        async with client.post(self.endpoint, json=body, headers=headers, allow_redirects=False) as response:
            answer = await response.json(content_type=None) if response.status == 200 else None
        fine = isinstance(answer, dict) and answer.get("validationResponse") == code
        return response.status, None if fine else "the validation code did not come back"

    async def _by_options(self, client: aiohttp.ClientSession) -> tuple[int, str | None]:
        """CloudEvents' abuse protection; an endpoint that does not know it is taken as it is."""
        async with client.options(self.endpoint, headers={"WebHook-Request-Origin": ORIGIN}) as response:
            allowed = response.headers.get("WebHook-Allowed-Origin")
        refused = response.status == 200 and allowed not in (None, "*", ORIGIN)
        return response.status, f"the endpoint allows {allowed} only" if refused else None
