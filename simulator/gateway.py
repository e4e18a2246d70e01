"""The front door: every ARM request passes here on its way to a service, and back.

In order, as in Azure Resource Manager: journal, fault before the effect, token, api-version,
throttling, role, shape of the request; then the service; then shape of the answer, fault after the
effect, common headers.
"""

import asyncio
import json
import time
import traceback
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from aiohttp import web

from simulator import arm_errors
from simulator.arm import Call, Caller, Reply, Route
from simulator.clock import Clock
from simulator.durations import Durations
from simulator.extension_routes import ExtensionRoutes
from simulator.faults import Fault, Faults
from simulator.identity_endpoint import IdentityEndpoint
from simulator.journal import Entry, Journal, without_secrets
from simulator.roles import Roles, action_of
from simulator.throttling import Throttling
from simulator.world import World

_UNKNOWN = "unknown"


class Checks(Protocol):
    """What `simulator.specification.Specification` gives: the shapes of the published swagger."""

    def problems_in_request(self, method: str, path: str, query: Any, body: Any) -> list[str]:
        """What is wrong with a request."""

    def problems_in_response(self, method: str, path: str, status: int, body: Any) -> list[str]:
        """What is wrong with an answer of ours."""


class NoAnswer(Exception):
    """The connection is closed without an answer."""


@dataclass(slots=True)
class Gateway:
    """Answers requests to Azure Resource Manager. `defects` are mistakes of the simulator itself."""

    clock: Clock
    world: World
    routes: list[Route]
    extensions: ExtensionRoutes
    durations: Durations
    identity: IdentityEndpoint
    roles: Roles
    throttling: Throttling
    faults: Faults
    journal: Journal
    specification: Checks
    closing: asyncio.Event
    defects: list[str]
    base_url: str = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one request."""
        self.clock.run_due()
        started = time.perf_counter()
        found = self._route(request.method, request.path)
        service = found[0].service if found else _UNKNOWN
        entry = self.journal.open(self.clock.now(), service, request.method, request.path)
        content = await request.read()
        try:
            reply = await self._answered(request, content, entry, found)
        except NoAnswer:
            entry.duration = time.perf_counter() - started
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=503)
        entry.status, entry.duration = reply.status, time.perf_counter() - started
        return response(reply)

    async def _answered(
        self, request: web.Request, content: bytes, entry: Entry, found: tuple[Route, Mapping[str, str]] | None
    ) -> Reply:
        fault = self.faults.hit(request.method, request.path, entry.service)
        entry.fault = fault.id if fault else ""
        cluster = _cluster_of(request.path) if found and found[0].exclusive else ""
        never_arrives = fault is not None and fault.when == "before" and fault.kind != "delay"
        if cluster and not never_arrives:
            self.extensions.write_arrives(cluster)
        try:
            if fault and fault.when == "before":
                replaced = await self.apply(fault)
                if replaced:
                    return replaced
            reply = self._effect(request, content, entry, found)
            if cluster and self.durations.request:
                await self.clock.sleep(self.durations.request)
            if fault and fault.when == "after" and fault.kind == "delay":
                await self.apply(fault)
        finally:
            if cluster and not never_arrives:
                self.extensions.write_leaves(cluster)
        replaced = await self.apply(fault) if fault and fault.when == "after" and fault.kind != "delay" else None
        return replaced or reply

    async def apply(self, fault: Fault) -> Reply | None:
        """Do what a fault says; the answer that replaces the service's, if any."""
        if fault.kind == "status":
            return fault.reply()
        if fault.kind == "delay":
            await self.clock.sleep(fault.seconds)
            return None
        if fault.kind == "timeout":
            await self.closing.wait()
        raise NoAnswer

    def _effect(
        self, request: web.Request, content: bytes, entry: Entry, found: tuple[Route, Mapping[str, str]] | None
    ) -> Reply:
        headers = {
            "x-ms-request-id": str(uuid.uuid4()),
            "x-ms-correlation-request-id": str(uuid.uuid4()),
            "Cache-Control": "no-cache",
        }
        try:
            reply = self._served(request, content, entry, found, headers)
        except arm_errors.ArmError as error:
            reply = error.reply
        except Exception:  # noqa: BLE001  a mistake of ours: told to the tests, and answered as Azure would
            self.defects.append(f"{request.method} {request.path}: {traceback.format_exc()}")
            reply = arm_errors.ArmError(500, "InternalServerError", "Encountered internal server error.").reply
        writes = request.method in {"PUT", "PATCH", "DELETE"} or entry.action.endswith("/register/action")
        entry.effect = writes and reply.status < 400 and reply.status != 204
        return Reply(reply.status, reply.body, {**headers, **reply.headers})

    def _served(
        self,
        request: web.Request,
        content: bytes,
        entry: Entry,
        found: tuple[Route, Mapping[str, str]] | None,
        headers: dict[str, str],
    ) -> Reply:
        query = {key.lower(): value for key, value in request.query.items()}
        body = _parsed(content)
        entry.query, entry.body = dict(request.query), without_secrets(body)
        entry.api_version, entry.action = query.get("api-version", ""), action_of(request.method, request.path)
        caller = self.identity.caller(request.headers.get("Authorization", ""))
        entry.caller = caller.app_id
        if not entry.api_version:
            raise arm_errors.missing_api_version()
        if found is None:
            raise arm_errors.ArmError(404, "NotFound", f"No route for {request.method} {request.path}.")
        route, parts = found
        subscription = parts.get("subscription", "")
        headers |= self.throttling.spend(request.method, subscription.lower(), caller.app_id)
        if route.service == "clusters" and parts.get("type", "").lower().endswith("managedclusters"):
            self.throttling.spend_cluster_get(request.path)
        self._authorize(caller, entry.action, request.path, subscription)
        problems = self.specification.problems_in_request(request.method, request.path, query, body)
        if problems:
            raise arm_errors.invalid_content(problems)
        reply = route.handle(Call(request.method, request.path, query, body, caller, parts, self.base_url))
        wrong = self.specification.problems_in_response(request.method, request.path, reply.status, reply.body)
        self.defects.extend(f"{request.method} {request.path} {reply.status}: {problem}" for problem in wrong)
        return reply

    def _authorize(self, caller: Caller, action: str, path: str, subscription: str) -> None:
        known = self.world.subscriptions.get(subscription.lower())
        if (known is not None and known.denied) or not self.roles.allow(action):
            raise arm_errors.authorization_failed(caller.app_id, caller.object_id, action, path.rstrip("/"))

    def _route(self, method: str, path: str) -> tuple[Route, Mapping[str, str]] | None:
        for candidate in self.routes:
            if candidate.method == method:
                match = candidate.pattern.fullmatch(path)
                if match:
                    return candidate, match.groupdict()
        return None


def response(reply: Reply) -> web.Response:
    """A reply as it goes over the wire: headers and body in one write."""
    if reply.body is None:
        return web.Response(status=reply.status, headers=reply.headers)
    text = reply.body if isinstance(reply.body, str) else json.dumps(reply.body)
    return web.Response(
        status=reply.status,
        headers=reply.headers,
        body=text.encode(),
        content_type="application/json",
        charset="utf-8",
    )


def _parsed(content: bytes) -> Any:
    if not content:
        return None
    try:
        return json.loads(content)
    except ValueError:
        raise arm_errors.invalid_content(["the body is not JSON"]) from None


def _cluster_of(path: str) -> str:
    return path.lower().partition("/providers/microsoft.kubernetesconfiguration/")[0]
