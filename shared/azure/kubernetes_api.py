"""Reading a cluster's API server, which may be slow, broken or hostile.

The official client signs the requests and checks the server's certificate. Its typed calls are not used: they
read a whole answer before anybody can say that it is too large, and importing them takes nearly two seconds.
Every answer is bounded in time and size while it comes in, nothing is decompressed, no redirect is followed,
and nothing that the server wrote gets into an error: it may send our own token back.
"""

import asyncio
import json
import os
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.request import getproxies

import aiohttp

from shared.azure.kubeconfig import Connection
from shared.errors import Absent, AzureError, NotAuthorized, Refused, Throttled, Unavailable

if TYPE_CHECKING:
    from kubernetes.aio.client.api_client import ApiClient

type Json = dict[str, Any]

_LONGEST_TOKEN = 8192
# Objects and lists in one answer. Empty ones take 3 bytes on the wire and 70 in memory; real answers have one for
# each 15 bytes at most.
_MOST_BRACKETS = 400_000
_LONGEST_WAIT = 3600.0


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one look at a cluster may take.

    Attributes:
        look: seconds for all of it.
        request: seconds for one answer, its connection included.
        page_bytes: size of one answer.
        total_bytes: size of all answers together.
        pages: answers to one list.
        items: objects that are asked for in one page; a server may send more.
        objects: objects in one list: small ones take more memory than their JSON.
        connections: requests at the same time.
    """

    look: float = 20.0
    request: float = 5.0
    page_bytes: int = 4 * 1024 * 1024
    total_bytes: int = 64 * 1024 * 1024
    pages: int = 20
    items: int = 250
    objects: int = 5000
    connections: int = 4


class _Redirected(aiohttp.ClientError):
    """The server sends us elsewhere."""


class _TooLarge(Refused):
    """One page was larger than a page may be."""


async def _stay(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Follow no redirect: it would carry the token to whom the server likes."""
    response = await handler(request)
    if 300 <= response.status < 400:
        response.close()
        raise _Redirected
    return response


class KubernetesApi:
    """Reads one API server. Open it with `async with`, for one look.

    Raises, from every reading:
        NotAuthorized: 401 or 403.
        Absent: 404.
        Throttled: 429.
        Unavailable: no answer in time, no connection, a broken one, or 5xx.
        Refused: an answer that is too large, no JSON, of another shape, or a redirect.
    """

    def __init__(self, connection: Connection, limits: Limits) -> None:
        self._connection, self._limits = connection, limits
        self._turn = asyncio.Semaphore(limits.connections)
        self._left = limits.total_bytes
        self._client: ApiClient | None = None

    async def __aenter__(self) -> Self:
        self._client = _client(self._connection, self._limits)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            await self._client.rest_client.close()

    async def get(self, path: str, what: str, query: Mapping[str, str] | None = None, *, kind: str = "") -> Json:
        """One object, of a kind where one is given; `what` names it in errors."""
        async with self._turn:
            answer = await self._answer(path, what, query or {})
        if isinstance(answer, AzureError):
            raise answer
        parsed = _parsed(answer)
        if not isinstance(parsed, dict):
            raise Refused(f"The API server's answer about {what} is no JSON object.")
        if kind and parsed.get("kind") != kind:
            raise Refused(f"The API server's answer about {what} is no {kind}.")
        return parsed

    async def pages(self, path: str, what: str, *, items: int | None = None) -> AsyncIterator[list[Json]]:
        """The objects of a list, page by page. A first page that is too large is asked for again in small pieces."""
        size, token, objects = items or self._limits.items, "", 0
        for _ in range(self._limits.pages):
            query = {"limit": str(size)} | ({"continue": token} if token else {})
            try:
                page = await self.get(path, what, query)
            except _TooLarge:
                if token or size == 1:
                    raise
                size = max(1, size // 8)
                continue
            listed, meta = page.get("items"), page.get("metadata")
            if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
                raise Refused(f"The API server's list of {what} is no list of objects.")
            objects += len(listed)
            if objects > self._limits.objects:
                raise Refused(f"The API server's list of {what} has more than {self._limits.objects} objects.")
            yield listed
            token = _continues(meta, what)
            if not token:
                return
        raise Refused(f"The API server's list of {what} has more than {self._limits.pages} pages.")

    async def _answer(self, path: str, what: str, query: Mapping[str, str]) -> bytearray | AzureError:
        """The answer's body. A failure is returned, so that it is not chained to aiohttp's, which holds our headers."""
        try:
            async with asyncio.timeout(self._limits.request):
                return await self._body(path, what, query)
        except TimeoutError:
            return Unavailable(f"The API server did not tell {what} within {self._limits.request:g} seconds.")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return _told(error, what)

    async def _body(self, path: str, what: str, query: Mapping[str, str]) -> bytearray:
        client = self._client
        if client is None:
            raise RuntimeError("The API is read inside `async with`.")
        method, url, headers, _, _ = await client.param_serialize(
            "GET",
            path,
            query_params=list(query.items()),
            header_params={"Accept": "application/json", "Accept-Encoding": "identity"},
            auth_settings=["BearerToken"],
        )
        timeout = aiohttp.ClientTimeout(total=self._limits.request)
        answer = await client.call_api(method, url, headers, _request_timeout=timeout)
        response = answer.response
        try:
            if response.status != 200:
                raise _refusal(response, what)
            return await self._read(response, what)
        finally:
            response.close()

    async def _read(self, response: aiohttp.ClientResponse, what: str) -> bytearray:
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise Refused(f"The API server's answer about {what} is compressed, though that was not asked for.")
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            self._left -= len(chunk)
            if len(body) > self._limits.page_bytes:
                raise _TooLarge(f"The API server's answer about {what} is too large.")
            if self._left < 0:
                raise Refused("The API server's answers are too large together.")
        return body


def _client(connection: Connection, limits: Limits) -> "ApiClient":
    from kubernetes.aio.client.api_client import ApiClient
    from kubernetes.aio.client.configuration import Configuration

    setup = Configuration(
        host=connection.server,
        api_key={"BearerToken": f"Bearer {connection.token}"} if connection.token else None,
        ca_cert_data=connection.ca or None,
        tls_server_name=connection.server_name or None,
        connection_pool_maxsize=limits.connections,
        client_session_kwargs={
            "auto_decompress": False,
            "cookie_jar": aiohttp.DummyCookieJar(),
            "middlewares": (_stay,),
            "read_bufsize": 2**16,
            "trust_env": bool(getproxies()),
        },
    )
    # Chain and host name are checked. What is left out are formal demands that clusters' own authorities of past
    # years do not meet ("Missing Authority Key Identifier", kubernetes-client/python#2394); client-go makes none.
    setup.disable_strict_ssl_verification = True
    try:
        client = ApiClient(setup)
        client.user_agent = "muster"
        if connection.certificate:
            with _as_file(f"{connection.certificate}\n{connection.key}") as name:
                client.rest_client.ssl_context.load_cert_chain(name, password="")
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise Refused("The kubeconfig's certificates cannot be read, or do not belong together.") from error
    return client


@contextmanager
def _as_file(text: str) -> Iterator[str]:
    """A name under which OpenSSL can read a text; in memory alone, where the system can do that."""
    if hasattr(os, "memfd_create"):
        handle = os.memfd_create("muster")
        try:
            os.write(handle, text.encode())
            yield f"/proc/self/fd/{handle}"
        finally:
            os.close(handle)
        return
    with tempfile.NamedTemporaryFile() as file:  # readable by its owner alone
        file.write(text.encode())
        file.flush()
        yield file.name


def _parsed(body: bytearray) -> object:
    """What the JSON says; None where it says nothing, or too much. The parser's errors quote it: none gets out."""
    if body.count(b"{") + body.count(b"[") > _MOST_BRACKETS:
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _continues(meta: object, what: str) -> str:
    token = meta.get("continue") if isinstance(meta, dict) else None
    if token is None:
        return ""
    if not isinstance(token, str) or len(token) > _LONGEST_TOKEN:
        raise Refused(f"The API server's list of {what} goes on in a way that cannot be read.")
    return token


def _refusal(response: aiohttp.ClientResponse, what: str) -> AzureError:
    status = response.status
    match status:
        case 401:
            return NotAuthorized("The API server does not accept the credential.", status=status)
        case 403:
            return NotAuthorized(f"Muster's identity may not read {what} in the cluster.", status=status)
        case 404:
            return Absent(f"The API server does not know {what}.", status=status)
        case 429:
            wait = _seconds(response.headers.get("Retry-After", ""))
            after = f"; asked again in {wait:g} seconds it may" if wait else ""
            return Throttled(f"The API server is too busy to tell {what}{after}.", status=status, retry_after=wait)
    text = f"The API server answered {status} when asked for {what}."
    return Unavailable(text, status=status) if status >= 500 else Refused(text, status=status)


def _seconds(text: str) -> float | None:
    """Whole seconds of a Retry-After; None for anything else."""
    return min(float(text), _LONGEST_WAIT) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _told(error: Exception, what: str) -> AzureError:
    """A failed exchange, in words that hold nothing from the other side."""
    if isinstance(error, _Redirected):
        return Refused("The API server redirects; Muster goes nowhere else.", status=302)
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        reason = getattr(error.certificate_error, "verify_message", "") or "it cannot be checked"
        return Unavailable(f"The API server's certificate does not hold: {reason}.")
    if isinstance(error, aiohttp.ClientConnectorError):
        return Unavailable(f"The API server could not be reached ({type(error).__name__}).")
    return Unavailable(f"The connection to the API server broke over {what} ({type(error).__name__}).")
