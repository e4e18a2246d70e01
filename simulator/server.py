"""The simulator put together: one HTTPS server for ARM and its control surface, one for identities.

App Service's identity endpoint is plain http, so it has a port of its own. The certificate authority
is made anew at each start and thrown away at the end; its key usages satisfy the strict verification of
Python 3.13.
"""

import asyncio
import contextlib
import ssl
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import trustme
from aiohttp import web

from simulator.arm import Call, Json, Reply, route
from simulator.blobs import ACCOUNT, Blobs
from simulator.clock import Clock
from simulator.cluster_routes import ClusterRoutes
from simulator.control_inside import InsideControl
from simulator.control_regions import RegionControl
from simulator.control_routes import ControlRoutes
from simulator.control_traffic import TrafficControl
from simulator.control_world import WorldControl
from simulator.credential_routes import CredentialRoutes
from simulator.durations import Durations
from simulator.eventgrid import EventGrid
from simulator.extension_routes import ExtensionRoutes
from simulator.faults import Faults
from simulator.gateway import Gateway, NoAnswer, response
from simulator.graph import ResourceGraph
from simulator.health import Health
from simulator.identity_endpoint import DEFAULT_CLIENT_ID, IdentityEndpoint
from simulator.journal import Journal
from simulator.key_vault import KeyVault
from simulator.key_vault_routes import KeyVaultRoutes
from simulator.kubernetes_config import PREFIX, Kubeconfigs
from simulator.kubernetes_routes import KubernetesRoutes
from simulator.kubernetes_state import Insides
from simulator.lifecycle import Lifecycle
from simulator.lookup_routes import LookupRoutes, Offers
from simulator.providers import ProviderRoutes
from simulator.publication import Publication
from simulator.relay import Relays
from simulator.relay_routes import RelayRoutes
from simulator.roles import Roles
from simulator.specification import Specification
from simulator.throttling import Throttling
from simulator.topic import Topic
from simulator.world import World

_HOST = "127.0.0.1"
_LARGEST_REQUEST = 64 * 1024 * 1024  # a fleet of ten thousand clusters in one control request


class Simulator:
    """A local Azure. Make and use it on one event loop; `start` gives it its addresses.

    Attributes:
        url: address of Resource Manager, also the audience of its tokens.
        identity_url: IDENTITY_ENDPOINT.
        ca_file: the CA certificate to trust, PEM.
    """

    def __init__(self, *, port: int = 0, roles: Roles | None = None, fleet: Json | None = None) -> None:
        self._port = port
        self._roles = roles or Roles()
        self._fleet = fleet or {}
        self.url = ""
        self.identity_url = ""
        self.ca_file = ""

    def environment(self) -> dict[str, str]:
        """What a client process needs in its environment."""
        return {
            "MUSTER_ARM_ENDPOINT": self.url,
            "MUSTER_ARM_AUDIENCE": self.url,
            "IDENTITY_ENDPOINT": self.identity_url,
            "IDENTITY_HEADER": self._identity.header,
            "SSL_CERT_FILE": self.ca_file,
            "REQUESTS_CA_BUNDLE": self.ca_file,
            "AZURE_CLIENT_ID": DEFAULT_CLIENT_ID,
        }

    async def start(self) -> None:
        """Listen."""
        self._build()
        self._folder = tempfile.TemporaryDirectory(prefix="simulator-")
        authority = trustme.CA()
        self.ca_file = str(Path(self._folder.name) / "ca.pem")
        authority.cert_pem.write_to_path(self.ca_file)
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert(_HOST, "localhost").configure_cert(tls)
        self._runners = [web.AppRunner(app, access_log=None, shutdown_timeout=1) for app in self._apps()]
        for runner in self._runners:
            await runner.setup()
        arm = web.TCPSite(self._runners[0], _HOST, self._port, ssl_context=tls)
        identity = web.TCPSite(self._runners[1], _HOST, 0)
        await arm.start()
        await identity.start()
        self.url = f"https://{_HOST}:{self._runners[0].addresses[0][1]}"
        self.identity_url = f"http://{_HOST}:{self._runners[1].addresses[0][1]}/msi/token"
        self._gateway.base_url = self._identity.audience = self.url
        configs = self._kubeconfigs
        configs.base_url, configs.authority = self.url, authority.cert_pem.bytes()
        configs.foreign_authority = trustme.CA().cert_pem.bytes()
        await self._events.start()
        self._pump = asyncio.create_task(self._clock.pump(), name="simulator clock")
        self._load(self._fleet)

    async def stop(self) -> None:
        """Close every connection and forget everything."""
        self._gateway.closing.set()
        self._pump.cancel()
        await asyncio.gather(self._pump, return_exceptions=True)
        await self._events.stop()
        for runner in self._runners:
            await runner.cleanup()
        self._folder.cleanup()

    def _build(self) -> None:
        clock = self._clock = Clock()
        graph = ResourceGraph(clock.now, readable=self._roles.allow)
        events = self._events = EventGrid(clock.now)
        publication = Publication(graph, events, clock.now)
        world = self._world = World(clock, publication)
        durations = Durations()
        relays = Relays()
        insides, offers = Insides(), Offers()
        lifecycle = Lifecycle(clock, publication, Health(relays.connection_strings, insides.of), durations)
        extension_routes = ExtensionRoutes(clock, world, lifecycle)
        identity = self._identity = IdentityEndpoint()
        throttling, faults, journal = Throttling(clock), Faults(clock), Journal()
        kubeconfigs = self._kubeconfigs = Kubeconfigs(insides)
        defects: list[str] = []

        def query(call: Call) -> Reply:
            answer = graph.query(call.document(), caller=call.caller.app_id, visible=lambda name: _visible(world, name))
            return Reply(answer.status, answer.body, answer.headers)

        routes = [
            *ClusterRoutes(world).routes(),
            *extension_routes.routes(),
            *RelayRoutes(world, relays, durations).routes(),
            *ProviderRoutes(world, durations).routes(),
            *LookupRoutes(world, offers).routes(),
            *CredentialRoutes(world, throttling, kubeconfigs).routes(),
        ]
        routes.append(route("POST", "/providers/Microsoft.ResourceGraph/resources", "resource-graph", query))
        self._gateway = Gateway(
            clock=clock,
            world=world,
            routes=routes,
            extensions=extension_routes,
            durations=durations,
            identity=identity,
            roles=self._roles,
            throttling=throttling,
            faults=faults,
            journal=journal,
            specification=Specification.load(),
            closing=asyncio.Event(),
            defects=defects,
        )
        self._kubernetes = KubernetesRoutes(self._gateway, insides)
        vault = KeyVault(clock)
        self._vault = KeyVaultRoutes(self._gateway, vault)
        topic = self._topic = Topic(self._gateway)
        blobs = self._blobs = Blobs(clock, identity, journal)
        world_control = WorldControl(clock, world, publication, lifecycle, relays, identity)
        traffic_control = TrafficControl(
            clock, extension_routes, throttling, faults, journal, graph, events, defects, self._roles
        )
        inside_control = InsideControl(clock, world, insides, kubeconfigs)
        verbs = [*world_control.verbs(), *traffic_control.verbs(), *inside_control.verbs(), *vault.verbs()]
        verbs += [*RegionControl(world, offers, graph).verbs(), blobs.put_blob, *topic.verbs()]
        self._control = ControlRoutes(clock, verbs)

    def _apps(self) -> list[web.Application]:
        arm = web.Application(client_max_size=_LARGEST_REQUEST)
        arm.router.add_post("/_simulator/{verb}", self._control.handle)
        arm.router.add_route("*", f"/{ACCOUNT}/{{path:.*}}", self._blobs.handle)
        arm.router.add_route("*", PREFIX + "/{path:.*}", self._kubernetes.handle)
        arm.router.add_route("*", "/topics/{path:.*}", self._topic.handle)
        arm.router.add_route("*", "/secrets/{path:.*}", self._vault.handle)
        arm.router.add_route("*", "/{path:.*}", self._gateway.handle)
        identity = web.Application()
        identity.router.add_get("/msi/token", self._token)
        return [arm, identity]

    async def _token(self, request: web.Request) -> web.StreamResponse:
        """Serve the identity endpoint, with its line in the journal and its faults."""
        gateway, started = self._gateway, time.perf_counter()
        entry = gateway.journal.open(self._clock.now(), "identity", request.method, request.path)
        fault = gateway.faults.hit(request.method, request.path, "identity")
        reply = self._identity.answer(request.headers, request.query)
        if fault:
            entry.fault = fault.id
            try:
                reply = await gateway.apply(fault) or reply
            except NoAnswer:
                if request.transport is not None:
                    request.transport.abort()
                return web.Response(status=503)
        entry.query, entry.caller = dict(request.query), request.query.get("client_id", "")
        entry.status, entry.duration = reply.status, time.perf_counter() - started
        return response(reply)

    def _load(self, fleet: Json) -> None:
        for subscription in fleet.get("subscriptions", []):
            if isinstance(subscription, str):
                self._world.add_subscription(subscription)
            else:
                groups = subscription.get("management_groups")
                self._world.add_subscription(subscription["id"], groups)
        for cluster in fleet.get("clusters", []):
            self._world.create_cluster(**cluster)


def _visible(world: World, subscription: str) -> bool:
    """Whether Resource Graph shows a subscription's rows: whoever may read nothing there sees nothing."""
    known = world.subscriptions.get(subscription.lower())
    return known is not None and not known.denied


@contextlib.contextmanager
def running(*, roles: Roles | None = None, fleet: Json | None = None) -> Iterator[Simulator]:
    """A simulator on a thread and an event loop of its own, for tests."""
    simulator = Simulator(roles=roles, fleet=fleet)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="simulator", daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(simulator.start(), loop).result(timeout=30)
        yield simulator
        asyncio.run_coroutine_threadsafe(simulator.stop(), loop).result(timeout=30)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=30)
        loop.close()
