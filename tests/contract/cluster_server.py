"""A small API server over TLS, friendly or hostile, with authorities of its own."""

import asyncio
import base64
import datetime as dt
import gzip
import ipaddress
import json
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import trustme
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

type Json = dict[str, Any]
type Behaviour = Callable[[web.Request], Awaitable[web.StreamResponse]]

TOKEN = "a-token-that-nobody-may-see"
HOST = "127.0.0.1"


def kubeconfig(server: str, ca: str, **user: str) -> Json:
    """A kubeconfig as a mapping; JSON is YAML."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "it",
        "contexts": [{"name": "it", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [
            {
                "name": "c",
                "cluster": {"server": server, "certificate-authority-data": base64.b64encode(ca.encode()).decode()},
            }
        ],
        "users": [{"name": "u", "user": user or {"token": TOKEN}}],
    }


@dataclass
class ClusterServer:
    """What it serves, how it misbehaves, and what it was asked.

    Attributes:
        lists: objects by the path of their list.
        single: objects by their own path.
        behaviours: what is done instead, for paths that match a regular expression.
        asked: path and query of every request.
    """

    url: str = ""
    ca: str = ""
    lists: dict[str, list[Json]] = field(default_factory=dict)
    single: dict[str, Json] = field(default_factory=dict)
    behaviours: dict[str, Behaviour] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def kubeconfig(self) -> str:
        """A kubeconfig with a token."""
        return json.dumps(kubeconfig(self.url, self.ca))

    def paths(self) -> list[str]:
        """The paths that were asked for."""
        return [path for path, _ in self.asked]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One request."""
        self.asked.append((request.path, dict(request.query)))
        self.headers.append(dict(request.headers))
        for pattern, behaviour in self.behaviours.items():
            if re.search(pattern, request.path):
                return await behaviour(request)
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return status(401, "Unauthorized")
        if request.path in self.single:
            return web.json_response(self.single[request.path])
        if request.path in self.lists:
            return web.json_response(self._page(request))
        return status(404, "NotFound")

    def _page(self, request: web.Request) -> Json:
        """As real ones do it: `continue` says where the next page starts; items have no kind."""
        items, start = self.lists[request.path], int(request.query.get("continue", "0"))
        end = start + int(request.query.get("limit", "1000000"))
        meta: Json = {"resourceVersion": "1"}
        if end < len(items):
            meta |= {"continue": str(end), "remainingItemCount": len(items) - end}
        return {"kind": "List", "apiVersion": "v1", "metadata": meta, "items": items[start:end]}


@asynccontextmanager
async def serving(
    *, names: tuple[str, ...] = (HOST,), client_ca: trustme.CA | None = None, old: bool = False
) -> AsyncIterator[ClusterServer]:
    """A running server. `old` gives it certificates like those of clusters of 2020."""
    server, context = ClusterServer(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    if old:
        server.ca, certificate = _old_certificates()
        with certificate.tempfile() as name:
            context.load_cert_chain(name)
    else:
        authority = trustme.CA()
        authority.issue_cert(*names).configure_cert(context)
        server.ca = authority.cert_pem.bytes().decode()
    if client_ca is not None:
        client_ca.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    app = web.Application(client_max_size=2**20)
    app.router.add_route("*", "/{path:.*}", server.answer)
    # None, or zero, would wait for a handler that never ends.
    runner = web.AppRunner(app, shutdown_timeout=0.05, handler_cancellation=True)
    await runner.setup()
    try:
        site = web.TCPSite(runner, HOST, 0, ssl_context=context)
        await site.start()
        port = runner.addresses[0][1]
        server.url = f"https://{HOST}:{port}"
        yield server
    finally:
        await runner.cleanup()


def _old_certificates() -> tuple[str, trustme.Blob]:
    """An authority without key identifiers, and a server's certificate with its key: RFC 5280 asks for more."""
    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "kubernetes")])

    def certificate(subject: x509.Name, public: ec.EllipticCurvePublicKey, *extensions: Any) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(key, hashes.SHA256())

    authority = certificate(name, key.public_key(), (x509.BasicConstraints(ca=True, path_length=None), True))
    own = ec.generate_private_key(ec.SECP256R1())
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))])
    leaf = certificate(
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "kube-apiserver")]),
        own.public_key(),
        (alternative, False),
    )
    pem = serialization.Encoding.PEM
    secret = own.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return authority.public_bytes(pem).decode(), trustme.Blob(leaf.public_bytes(pem) + secret)


# Behaviours


def status(code: int, reason: str, message: str = "no", **headers: str) -> web.Response:
    """A Status as API servers write them."""
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "reason": reason,
        "message": message,
        "code": code,
    }
    return web.json_response(
        body, status=code, headers={key.replace("_", "-"): value for key, value in headers.items()}
    )


def saying(code: int, reason: str = "Failure", **headers: str) -> Behaviour:
    """A Status that gives the caller's own token back to him."""

    async def behave(request: web.Request) -> web.StreamResponse:
        return status(code, reason, f"you said {request.headers.get('Authorization')}", **headers)

    return behave


def giving(body: bytes, **headers: str) -> Behaviour:
    """200 with these bytes."""

    async def behave(request: web.Request) -> web.StreamResponse:
        del request
        named = {"Content-Type": "application/json"} | {key.replace("_", "-"): value for key, value in headers.items()}
        return web.Response(body=body, headers=named)

    return behave


def _listening(request: web.Request) -> bool:
    return request.transport is not None and not request.transport.is_closing()


async def never(request: web.Request) -> web.StreamResponse:
    """The request is taken, and no answer comes."""
    del request
    await asyncio.Event().wait()
    raise AssertionError


async def dripping(request: web.Request) -> web.StreamResponse:
    """An answer without an end, a byte at a time: no limit on a single read ever strikes."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    while _listening(request):
        await response.write(b" ")
        await asyncio.sleep(0.02)  # what makes it slow; nothing waits for it
    return response


async def flooding(request: web.Request) -> web.StreamResponse:
    """An answer without an end, as fast as it is taken."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    while _listening(request):
        await response.write(b'{"items":[' + b" " * 65536)
        await asyncio.sleep(0)
    return response


async def resetting(request: web.Request) -> web.StreamResponse:
    """The connection is torn down."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def breaking_off(request: web.Request) -> web.StreamResponse:
    """Half an answer, then the connection is torn down."""
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"items":')
    assert request.transport is not None
    request.transport.abort()
    return response


async def endless(request: web.Request) -> web.StreamResponse:
    """A list whose every page promises another one."""
    return web.json_response({"kind": "List", "metadata": {"continue": "x" * 20}, "items": [], "for": request.path})


def redirecting(target: str) -> Behaviour:
    """Elsewhere."""

    async def behave(request: web.Request) -> web.StreamResponse:
        return web.Response(status=307, headers={"Location": f"{target}{request.path}"})

    return behave


def bomb(size: int = 64 * 1024 * 1024) -> Behaviour:
    """A small answer that unpacks to a large one."""
    return giving(gzip.compress(b" " * size), Content_Encoding="gzip")
