"""Azure Resource Manager: one pipeline for all calls, and plain calls where no SDK client is worth its import.

The pipeline has no retries (a Retry-After becomes a message's delay), no redirects, and no automatic
registration of resource providers: each of these would sleep, or write, inside a function. Nor does
aiohttp send a write again by itself.
"""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote
from urllib.request import getproxies

import aiohttp
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.pipeline import policies
from azure.core.pipeline.transport import AioHttpTransport
from azure.core.rest import AsyncHttpResponse, HttpRequest
from azure.mgmt.core import AsyncARMPipelineClient
from azure.mgmt.core.policies import AsyncARMChallengeAuthenticationPolicy
from azure.mgmt.kubernetesconfiguration.extensions.aio import KubernetesConfigurationExtensionsMgmtClient
from azure.mgmt.resourcegraph.aio import ResourceGraphClient

from shared.azure.failures import typed
from shared.azure.throttling import BucketPolicy, Buckets
from shared.errors import Refused
from shared.model.arm import read_cluster
from shared.model.cluster import Cluster, Source
from shared.model.identity import ClusterId, Kind

READ_TIMEOUT = 15.0
WRITE_TIMEOUT = 30.0
_READS = frozenset({"GET", "HEAD"})

# Newest stable versions that the management SDKs of 2026 use.
_CLUSTER_VERSIONS = {Kind.AKS: "2026-08-01", Kind.ARC: "2026-05-01"}


def url_path(*segments: str) -> str:
    """A URL path from its segments: the one place where names are escaped for a URL.

    Raises:
        Refused: a segment that no escape keeps in its place (RFC 3986, dot segments), or an empty one.
    """
    if not {"", ".", ".."}.isdisjoint(segments):
        raise Refused(f"'{'/'.join(segments)}' cannot be the path of an Azure resource.")
    return "".join(f"/{quote(segment, safe='')}" for segment in segments)


def cluster_path(cluster: ClusterId, *more: str) -> str:
    """The URL path of a cluster, and of what lies below it."""
    return url_path(
        "subscriptions",
        cluster.subscription,
        "resourceGroups",
        cluster.resource_group,
        "providers",
        cluster.kind.provider,
        cluster.kind.resource,
        cluster.name,
        *more,
    )


async def _sent_once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Let no write go out twice: the first may have taken effect, and may still run.

    A PUT or DELETE whose connection is lost is sent again by aiohttp itself, as RFC 9110 allows for methods
    that it takes for idempotent (aiohttp 3.14, `ClientSession._request`). Installing an extension is not.
    """
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise  # it never went out
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        if request.method in _READS:
            raise
        raise aiohttp.ClientConnectionError(f"The connection was lost during {request.method}.") from error


def _session() -> aiohttp.ClientSession:
    # Told to mind the environment, aiohttp reads proxies and ~/.netrc anew, on threads, for every request.
    return aiohttp.ClientSession(
        trust_env=bool(getproxies()),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,  # azure-core does it
        middlewares=(_sent_once,),
    )


class Arm:
    """The pipeline to Resource Manager, and the clients that share it. Close it when done.

    Attributes:
        read_timeout: seconds that a read may take, its connection and its token included.
        write_timeout: the same of a write; a cluster's lease outlasts it.

    `share` tells which part of Resource Manager's allowance this instance may use; `watch` are policies that see each
    request as it goes out, and its answer.
    """

    def __init__(
        self,
        credential: AsyncTokenCredential,
        *,
        endpoint: str,
        audience: str,
        read_timeout: float = READ_TIMEOUT,
        write_timeout: float = WRITE_TIMEOUT,
        share: Callable[[], float] = lambda: 1.0,
        watch: Sequence[Any] = (),
    ) -> None:
        self._credential, self._endpoint = credential, endpoint
        self.read_timeout, self.write_timeout = read_timeout, write_timeout
        self._scopes = [f"{audience}/.default"]
        self._transport = AioHttpTransport(session=_session())
        self._policies: list[Any] = [
            # First, so that a hook on an answer finds its JSON decoded.
            policies.CustomHookPolicy(),
            policies.RequestIdPolicy(),
            policies.HeadersPolicy(),
            policies.UserAgentPolicy("muster"),
            policies.ContentDecodePolicy(),
            policies.AsyncRetryPolicy(retry_total=0),
            BucketPolicy(Buckets(share)),
            AsyncARMChallengeAuthenticationPolicy(credential, *self._scopes),
            # One span for each request; it does nothing until `shared.azure.telemetry` begins.
            policies.DistributedTracingPolicy(),
            *watch,
        ]
        self._client: AsyncARMPipelineClient[HttpRequest, AsyncHttpResponse] = AsyncARMPipelineClient(
            base_url=endpoint, policies=self._policies, transport=self._transport
        )
        self._extensions: dict[str, KubernetesConfigurationExtensionsMgmtClient] = {}

    async def __aenter__(self) -> Self:
        await self._transport.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._transport.close()

    @property
    def endpoint(self) -> str:
        """Resource Manager's address, without a path."""
        return self._endpoint

    def extensions(self, subscription: str) -> KubernetesConfigurationExtensionsMgmtClient:
        """The official client for cluster extensions; cheap, one per subscription."""
        client = self._extensions.get(subscription)
        if client is None:
            client = self._extensions[subscription] = KubernetesConfigurationExtensionsMgmtClient(
                self._credential,
                subscription,
                base_url=self._endpoint,
                credential_scopes=self._scopes,
                policies=self._policies,
                transport=self._transport,
            )
        return client

    def resource_graph(self) -> ResourceGraphClient:
        """The official client for Resource Graph."""
        return ResourceGraphClient(
            self._credential,
            base_url=self._endpoint,
            credential_scopes=self._scopes,
            policies=self._policies,
            transport=self._transport,
        )

    async def call(
        self,
        method: str,
        path: str,
        *,
        api_version: str,
        what: str,
        body: object = None,
        params: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """One request; the answer's JSON object. `params` join the API version in the query.

        Raises:
            AzureError: Azure refused, or did not answer in time.
        """
        content = None if body is None else json.dumps(body).encode()
        headers = {"Accept": "application/json"} | ({"Content-Type": "application/json"} if content else {})
        # azure-core joins them as they are.
        query = {"api-version": api_version, **{name: quote(value, safe="") for name, value in (params or {}).items()}}
        request = HttpRequest(method, f"{self._endpoint}{path}", params=query, headers=headers, content=content)
        timeout = self.read_timeout if method == "GET" else self.write_timeout
        async with typed(what), asyncio.timeout(timeout):
            response = await self._client.send_request(request)
            response.raise_for_status()
            return dict(response.json()) if response.content else {}

    async def cluster(self, cluster: ClusterId) -> Cluster:
        """A cluster's facts, as its resource provider tells them now.

        Raises:
            Absent: it does not exist.
            AzureError: it could not be read.
        """
        body = await self.call(
            "GET", cluster_path(cluster), api_version=_CLUSTER_VERSIONS[cluster.kind], what="read the cluster"
        )
        return read_cluster(body, Source.ARM)
