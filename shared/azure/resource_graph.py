"""Resource Graph: tags and facts of many clusters in few queries. It lags, and alone never causes a write."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from azure.mgmt.resourcegraph.models import QueryRequest, QueryRequestOptions, QueryResponse

from shared import logs
from shared.azure import kql
from shared.azure.arm import Arm
from shared.azure.failures import typed
from shared.errors import AzureError, MusterError, Throttled, Unavailable
from shared.model.arm import read_cluster, read_extension
from shared.model.cluster import Cluster, Source
from shared.model.extension import Extension
from shared.model.identity import ClusterId

PAGE = 1000
WINDOW = 0.1
BATCH = 100
# Of 15 queries in 5 seconds, the last few are left to the sweep.
_RESERVE = 3
# How long a window of the quota is (Microsoft's "Guidance for throttled requests in Azure Resource Graph"),
# and how often a paged reading waits for one before it gives up.
_QUOTA_WINDOW = 5.0
_WAITS = 3


@dataclass(frozen=True, slots=True)
class Quota:
    """What the last answer said of the principal's quota."""

    remaining: int | None = None
    resets_at: float = 0.0


class ResourceGraph:
    """Queries, paged. One query costs one of 15 in each 5 seconds, per principal."""

    def __init__(
        self,
        arm: Arm,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._arm, self._client = arm, arm.resource_graph()
        self._monotonic, self._sleep = monotonic, sleep
        self._quota = Quota()

    def low_on_quota(self) -> bool:
        """Whether the next query should be left to somebody who needs it more."""
        remaining = self._quota.remaining
        return remaining is not None and remaining < _RESERVE and self._monotonic() < self._quota.resets_at

    async def rows(
        self, query: str, subscriptions: Iterable[str] | None, *, patient: bool = False
    ) -> AsyncIterator[dict[str, Any]]:
        """Every row of a query, page by page; the order of the rows means nothing.

        `subscriptions` bounds the query: an empty one finds nothing, None asks over everything that the
        identity may read. A `patient` reading waits for the quota, some seconds for each 15 pages; others
        are refused at once.

        Raises:
            AzureError: a page could not be had, or the service cut the result short.
        """
        scope = None if subscriptions is None else sorted(subscriptions)
        if scope == []:
            return  # the service takes an empty list for "everything that can be read"
        token: str | None = None
        while True:
            answer = await (self._patient_page if patient else self._page)(query, scope, token)
            # With objectArray the data are a list of objects; the SDK's type knows the other format as well.
            rows: list[dict[str, Any]] = answer.data if isinstance(answer.data, list) else []
            for row in rows:
                yield row
            token = answer.skip_token
            if not token:
                if str(answer.result_truncated).lower().endswith("true"):
                    raise Unavailable("Resource Graph cut a result short and gave no token for the rest.")
                return

    async def _patient_page(self, query: str, scope: list[str] | None, token: str | None) -> QueryResponse:
        """A page, once the quota allows it. Whoever else works for this principal may still be quicker."""
        for _ in range(_WAITS):
            if self._quota.remaining == 0:
                await self._sleep(max(0.0, self._quota.resets_at - self._monotonic()))
            try:
                return await self._page(query, scope, token)
            except Throttled:
                logs.count("graph-waited")
        return await self._page(query, scope, token)

    async def _page(self, query: str, scope: list[str] | None, token: str | None) -> QueryResponse:
        request = QueryRequest(
            query=query,
            subscriptions=scope,
            options=QueryRequestOptions(top=PAGE, skip_token=token, result_format="objectArray"),
        )
        headers: dict[str, str] = {}

        def keep(response: Any) -> None:
            headers.update(response.http_response.headers)

        try:
            async with typed("query Resource Graph"), asyncio.timeout(self._arm.read_timeout * 2):
                answer = await self._client.resources(request, raw_response_hook=keep)
        except Throttled as error:
            self._quota = Quota(0, self._monotonic() + (error.retry_after or _QUOTA_WINDOW))
            raise
        self._remember(headers)
        return answer

    def _remember(self, headers: dict[str, str]) -> None:
        lowered = {name.lower(): value for name, value in headers.items()}
        remaining = lowered.get("x-ms-user-quota-remaining")
        if remaining is not None and remaining.isdigit():
            wait = _seconds(lowered.get("x-ms-user-quota-resets-after", ""))
            self._quota = Quota(int(remaining), self._monotonic() + wait)

    async def clusters(self, subscriptions: Iterable[str]) -> AsyncIterator[Cluster]:
        """Every cluster of the subscriptions."""
        async for row in self.rows(kql.clusters(), subscriptions, patient=True):
            found = _cluster(row)
            if found is not None:
                yield found

    async def extensions(self, subscriptions: Iterable[str]) -> AsyncIterator[tuple[ClusterId, Extension]]:
        """Every Azure Machine Learning extension of the subscriptions, with its cluster's id."""
        async for row in self.rows(kql.extensions(), subscriptions, patient=True):
            try:
                yield ClusterId.parse(_parent(str(row.get("id")))), read_extension(row)
            except MusterError as error:
                logs.event("graph-row-unreadable", id=row.get("id"), reason=error.message)

    async def these(self, ids: Iterable[ClusterId]) -> dict[ClusterId, Cluster]:
        """The clusters with these ids, as far as Resource Graph knows them (at most 100 ids)."""
        wanted = sorted(set(ids))
        rows = self.rows(kql.these_clusters(wanted), {cluster.subscription for cluster in wanted})
        found = [_cluster(row) async for row in rows]
        return {cluster.id: cluster for cluster in found if cluster is not None}

    async def ancestors(self) -> dict[str, tuple[str, ...]]:
        """For every subscription that can be read, the names of the management groups above it."""
        groups: dict[str, tuple[str, ...]] = {}
        async for row in self.rows(kql.subscriptions(), None, patient=True):
            chain = row.get("chain") or []
            groups[str(row["subscriptionId"]).lower()] = tuple(
                str(group["name"]).lower() for group in chain if isinstance(group, dict) and group.get("name")
            )
        return groups


def _cluster(row: dict[str, Any]) -> Cluster | None:
    try:
        return read_cluster(kql.cluster_body(row), Source.GRAPH)
    except MusterError as error:
        logs.event("graph-row-unreadable", id=row.get("id"), reason=error.message)
        return None


def _seconds(text: str) -> float:
    """The header x-ms-user-quota-resets-after, hh:mm:ss, in seconds; a whole window where it is none."""
    parts = text.split(":")
    if len(parts) != 3 or not all(part.isdigit() for part in parts):
        return _QUOTA_WINDOW
    hours, minutes, seconds = map(int, parts)
    return float(hours * 3600 + minutes * 60 + seconds)


def _parent(extension_id: str) -> str:
    """The cluster's id within an extension's id."""
    marker = "/providers/microsoft.kubernetesconfiguration/"
    return extension_id[: extension_id.lower().rfind(marker)]


class Lookup:
    """Joins the look-ups of steps that run at the same time into one query.

    The first wish opens a window of 100 ms; whoever comes within it (up to 100 ids) shares the answer.
    """

    def __init__(self, graph: ResourceGraph) -> None:
        self._graph = graph
        self._waiting: dict[ClusterId, list[asyncio.Future[Cluster | None]]] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def cluster(self, cluster: ClusterId) -> Cluster | None:
        """What Resource Graph knows of a cluster; None where it has no row.

        Raises:
            AzureError: it was not asked (its quota runs low) or did not answer.
        """
        if self._graph.low_on_quota():
            raise Throttled("Resource Graph's quota runs low.")
        answer: asyncio.Future[Cluster | None] = asyncio.get_running_loop().create_future()
        opens = not self._waiting
        self._waiting.setdefault(cluster, []).append(answer)
        if len(self._waiting) >= BATCH:
            self._start(self._take(), delay=0.0)
        elif opens:
            self._start(None, delay=WINDOW)
        return await answer

    def _take(self) -> dict[ClusterId, list[asyncio.Future[Cluster | None]]]:
        taken, self._waiting = self._waiting, {}
        return taken

    def _start(self, batch: dict[ClusterId, list[asyncio.Future[Cluster | None]]] | None, *, delay: float) -> None:
        task = asyncio.create_task(self._ask(batch, delay))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _ask(self, batch: dict[ClusterId, list[asyncio.Future[Cluster | None]]] | None, delay: float) -> None:
        if batch is None:
            await asyncio.sleep(delay)
            batch = self._take()
        if not batch:
            return
        try:
            found = await self._graph.these(batch)
        except AzureError as error:
            for answer in _open(batch):
                answer.set_exception(error)
            return
        except BaseException as error:
            for answer in _open(batch):
                answer.set_exception(error)
            raise
        for cluster, answers in batch.items():
            for answer in answers:
                if not answer.done():
                    answer.set_result(found.get(cluster))


def _open(batch: dict[ClusterId, list[asyncio.Future[Cluster | None]]]) -> list[asyncio.Future[Cluster | None]]:
    return [answer for answers in batch.values() for answer in answers if not answer.done()]
