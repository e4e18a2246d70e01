"""Keeping to Resource Manager's token buckets, so that it has to refuse almost nothing.

Azure counts reads, writes and deletes for each subscription and principal (Microsoft Learn, "Understand how Azure
Resource Manager throttles requests"): a bucket that holds a burst and fills at a rate. A call whose token comes soon
waits for it here, for as long as a look can bear; one whose token comes later is refused at once with the time of its
turn, which it keeps. All instances of Muster are one principal: each uses its share of every bucket.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import AsyncHTTPPolicy

from shared import logs, telemetry
from shared.azure.pace import Pace
from shared.errors import Paced

# Size, and tokens a second. A little is left for what other tools of the same identity do.
_BUCKETS = {"reads": (250.0, 25.0), "writes": (200.0, 10.0), "deletes": (200.0, 10.0)}
_USED = 0.98
# Where an answer says that no more than this is left, somebody else of the same identity spends as well.
_LITTLE = 10
_CLASSES = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}
_SUBSCRIPTION = re.compile(r"/subscriptions/([0-9a-fA-F-]{36})/")
# A look may wait so long for a token: far less than its lease lasts.
PATIENCE = 5.0


@dataclass(slots=True)
class Buckets:
    """The buckets as this instance uses them.

    Attributes:
        share: which part of each bucket is this instance's, above 0 and at most 1.
        monotonic: the clock, in seconds.
    """

    share: Callable[[], float]
    monotonic: Callable[[], float] = time.monotonic
    _paces: dict[tuple[str, float], Pace] = field(default_factory=dict)
    _blocked: dict[str, float] = field(default_factory=dict)

    def wait(self, subscription: str, method: str, who: str) -> float:
        """Seconds until it is the turn of `who`; a turn within `PATIENCE` is had with this call."""
        kind = _CLASSES.get(method, "writes")
        bucket = f"{subscription}/{kind}"
        blocked = self._blocked.get(bucket, 0.0) - self.monotonic()
        return max(blocked, self._pace(kind).wait(bucket, f"{method} {who}", patience=PATIENCE))

    def block(self, subscription: str, method: str, seconds: float) -> None:
        """Azure refused although there should have been tokens: believe it."""
        bucket = f"{subscription}/{_CLASSES.get(method, 'writes')}"
        self._blocked[bucket] = max(self._blocked.get(bucket, 0.0), self.monotonic() + seconds)

    def left(self, subscription: str, method: str, remaining: str | None) -> None:
        """What an answer says is left. It is counted by each of Azure's front ends, so that only little is news."""
        if remaining is None or not remaining.isdecimal():
            return
        kind = _CLASSES.get(method, "writes")
        missing = _LITTLE - int(remaining)
        if missing > 0:
            self.block(subscription, method, missing / _BUCKETS[kind][1])

    def _pace(self, kind: str) -> Pace:
        share = self.share() * _USED
        pace = self._paces.get((kind, share))
        if pace is None:
            # The share has changed: what was spent of the old one is forgotten, which a burst of one share bears.
            size, refill = _BUCKETS[kind]
            self._paces = {key: each for key, each in self._paces.items() if key[0] != kind}
            pace = self._paces[kind, share] = Pace(max(1.0, size * share), refill * share, self.monotonic)
        return pace


class BucketPolicy(AsyncHTTPPolicy[Any, Any]):
    """Has every request of the pipeline wait for its token."""

    def __init__(self, buckets: Buckets, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        super().__init__()
        self._buckets, self._sleep = buckets, sleep

    async def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        """Send a request of a subscription once there is a token for it.

        Raises:
            Paced: its token comes later than a look may wait.
        """
        method, url = request.http_request.method, str(request.http_request.url)
        found = _SUBSCRIPTION.search(url)
        if found is None:
            return await self.next.send(request)  # of the tenant: Resource Graph keeps a quota of its own
        subscription = found.group(1).lower()
        wait = self._buckets.wait(subscription, method, url)
        if wait > PATIENCE:
            logs.count("arm-paced")
            raise Paced("Resource Manager's allowance for this subscription is used up for now.", retry_after=wait)
        if wait:
            await self._sleep(wait)
        response = await self.next.send(request)
        answer = response.http_response
        telemetry.add("muster.azure.calls", method=method, status=answer.status_code)
        if answer.status_code == 429:
            logs.count("arm-throttled")
            self._buckets.block(subscription, method, _seconds(answer.headers.get("Retry-After")))
        else:
            header = f"x-ms-ratelimit-remaining-subscription-{_CLASSES.get(method, 'writes')}"
            self._buckets.left(subscription, method, answer.headers.get(header))
        return response


def _seconds(text: str | None) -> float:
    try:
        return min(float(text or 1.0), 60.0)
    except ValueError:
        return 1.0
