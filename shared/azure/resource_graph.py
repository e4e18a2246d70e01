"""Resource Graph: tags and facts of many clusters in few queries. It lags, and alone never causes a write."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from azure.core.pipeline import policies
from azure.mgmt.resourcegraph.models import QueryRequest, QueryRequestOptions

from shared import logs
from shared.azure import kql
from shared.azure.arm import Arm
from shared.azure.failures import typed
from shared.errors import AzureError, MusterError, Refused, Throttled, Unavailable
from shared.model.arm import read_cluster, read_extension
from shared.model.cluster import Cluster, Source
from shared.model.extension import Extension
from shared.model.identity import ClusterId

type Json = dict[str, Any]

PAGE = 1000
WINDOW = 0.1
BATCH = 100
# Of 15 queries in 5 seconds, the last few are left to the sweep.
_RESERVE = 3
# How long a window of the quota is (Microsoft's "Guidance for throttled requests in Azure Resource Graph"),
# and how often a paged reading waits for one before it gives up.
_QUOTA_WINDOW = 5.0
_WAITS = 3
# An answer above 16 MiB is refused (Microsoft's "Working with large Azure resource data sets"): half a page is asked.
_TOO_LARGE = "ResponsePayloadTooLarge"


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
    ) -> AsyncIterator[Json]:
        """Every row of a query, page by page, in the order that the query asks for.

        `subscriptions` bounds the query: an empty one finds nothing, None asks over everything that the
        identity may read. A `patient` reading waits for the quota, some seconds for each 15 pages; others
        are refused at once.

        Raises:
            AzureError: a page could not be had, or the service cut the result short.
        """
        scope = None if subscriptions is None else sorted(subscriptions)
        if scope == []:
            return  # the service takes an empty list for "everything that can be read"
        page, size = None, PAGE
        while page is None or page.token:
            asked = _Asked(query, scope, size, page.token if page else None)
            try:
                page = await (self._patient_page if patient else self._page)(asked)
            except Refused as error:
                if _TOO_LARGE not in error.details or size == 1:
                    raise
                size //= 2
                continue
            for row in page.rows:
                yield row
            if page.cut and not page.token:
                raise Unavailable("Resource Graph cut a result short and gave no token for the rest.")

    async def _patient_page(self, asked: "_Asked") -> "_Page":
        """A page, once the quota allows it. Whoever else works for this principal may still be quicker."""
        for _ in range(_WAITS):
            if self._quota.remaining == 0:
                await self._sleep(max(0.0, self._quota.resets_at - self._monotonic()))
            try:
                return await self._page(asked)
            except Throttled:
                logs.count("graph-waited")
        return await self._page(asked)

    async def _page(self, asked: "_Asked") -> "_Page":
        options = QueryRequestOptions(top=asked.size, skip_token=asked.token, result_format="objectArray")
        request = QueryRequest(query=asked.query, subscriptions=asked.scope, options=options)
        taken: list[Json] = []
        headers: dict[str, str] = {}

        def keep(response: Any) -> None:
            headers.update(response.http_response.headers)
            taken.extend(_rows_taken(response))

        try:
            async with typed("query Resource Graph"), asyncio.timeout(self._arm.read_timeout * 2):
                answer = await self._client.resources(request, raw_response_hook=keep)
        except Throttled as error:
            self._quota = Quota(0, self._monotonic() + (error.retry_after or _QUOTA_WINDOW))
            raise
        self._remember(headers)
        return _Page(taken, answer.skip_token, cut=str(answer.result_truncated).lower().endswith("true"))

    def _remember(self, headers: dict[str, str]) -> None:
        lowered = {name.lower(): value for name, value in headers.items()}
        remaining = lowered.get("x-ms-user-quota-remaining")
        if remaining is not None and remaining.isdigit():
            wait = _seconds(lowered.get("x-ms-user-quota-resets-after", ""))
            self._quota = Quota(int(remaining), self._monotonic() + wait)

    async def clusters(self, subscriptions: Iterable[str]) -> AsyncIterator[Cluster]:
        """Every cluster of the subscriptions."""
        async for row in self.cluster_rows(subscriptions):
            found = read_cluster_row(row)
            if found is not None:
                yield found

    def cluster_rows(self, subscriptions: Iterable[str]) -> AsyncIterator[Json]:
        """The rows of every cluster, ordered by `subscription` and `cluster` (the id, in lower case)."""
        return self.rows(kql.clusters(), subscriptions, patient=True)

    def extension_rows(self, subscriptions: Iterable[str]) -> AsyncIterator[Json]:
        """The rows of every Azure Machine Learning extension, ordered by `subscription` and `cluster` they are on."""
        return self.rows(kql.extensions(), subscriptions, patient=True)

    async def these(self, ids: Iterable[ClusterId]) -> dict[ClusterId, Cluster]:
        """The clusters with these ids, as far as Resource Graph knows them (at most 100 ids)."""
        wanted = sorted(set(ids))
        rows = self.rows(kql.these_clusters(wanted), {cluster.subscription for cluster in wanted})
        found = [read_cluster_row(row) async for row in rows]
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


@dataclass(frozen=True, slots=True)
class _Asked:
    """One page that is asked for."""

    query: str
    scope: list[str] | None
    size: int
    token: str | None


@dataclass(frozen=True, slots=True)
class _Page:
    """One page that came, `cut` where the service did not put all of it into the answer."""

    rows: list[Json]
    token: str | None
    cut: bool


def _rows_taken(response: Any) -> list[Json]:
    """Take the rows out of an answer before the client makes its model of it.

    The client would decode the body once more and walk through every value of every row (azure-mgmt-resourcegraph
    8.0.1): a third of what a sweep costs. What it finds in the answer's `context` under azure-core's own name it
    takes as it is.
    """
    name = policies.ContentDecodePolicy.CONTEXT_NAME
    body = response.context.get(name)
    if not isinstance(body, dict) or not isinstance(body.get("data"), list):
        return []
    response.http_response.context = {name: body | {"data": []}}
    rows: list[Json] = body["data"]
    return rows


def read_cluster_row(row: Json) -> Cluster | None:
    """The cluster that a row tells of; None, and a line in the log, where it cannot be read."""
    try:
        return read_cluster(kql.cluster_body(row), Source.GRAPH)
    except MusterError as error:
        logs.event("graph-row-unreadable", id=row.get("id"), reason=error.message)
        return None


def read_extension_row(row: Json) -> Extension | None:
    """The extension that a row tells of; None, and a line in the log, where it cannot be read."""
    try:
        ClusterId.parse(str(row.get("cluster")))
        return read_extension(row)
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
