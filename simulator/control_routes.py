"""The control surface: `POST /_simulator/<verb>` with JSON keywords. Needs no token.

What each verb does is told in `simulator.control`, its client; here stands only the server's half.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from simulator.arm import Json
from simulator.clock import Clock
from simulator.clusters import Outcome, merged
from simulator.eventgrid import EventGrid
from simulator.eventgrid_schema import Schema
from simulator.extension_routes import ExtensionRoutes
from simulator.extensions import Extensions, planted
from simulator.faults import Faults
from simulator.graph import ResourceGraph
from simulator.identity_endpoint import DEFAULT_CLIENT_ID, IdentityEndpoint
from simulator.journal import Journal
from simulator.publication import Publication
from simulator.relay import RelayRoutes
from simulator.throttling import Throttling
from simulator.world import World

_WRITES = {"PUT", "PATCH", "DELETE"}


@dataclass(slots=True)
class Surface:
    """Every verb of the control surface, as a method that takes and gives JSON."""

    clock: Clock
    world: World
    publication: Publication
    extensions: Extensions
    extension_routes: ExtensionRoutes
    relay: RelayRoutes
    identity: IdentityEndpoint
    throttling: Throttling
    faults: Faults
    journal: Journal
    resource_graph: ResourceGraph
    event_grid: EventGrid
    defect_list: list[str]
    _endpoints: dict[str, str] = field(default_factory=dict)

    def verbs(self) -> dict[str, Callable[..., Any]]:
        """The verbs by name."""
        own: list[Callable[..., Any]] = [
            *(self.create_clusters, self.cluster, self.clusters, self.set_tags, self.change_cluster),
            *(self.set_nodes, self.delete_cluster, self.put_extension, self.change_extension),
            *(self.delete_extension, self.list_extensions, self.extension, self.add_subscription),
            *(self.register_provider, self.provider, self.deny, self.allow, self.outcome, self.durations),
            *(self.limits, self.add_fault, self.clear_faults, self.graph, self.advance, self.now),
            *(self.requests, self.writes, self.counts, self.violations, self.defects, self.relays),
            *(self.subscribe, self.unsubscribe, self.release, self.publish_raw, self.publish, self.events),
            *(self.drained, self.token),
        ]
        return {getattr(verb, "__name__", ""): verb for verb in own}

    # Clusters

    def create_clusters(self, clusters: list[Json]) -> list[str]:
        """Create clusters; their ids."""
        return [self.world.create_cluster(**one).id for one in clusters]

    def cluster(self, cluster_id: str) -> Json:
        """A cluster as ARM shows it."""
        return self.world.by_id(cluster_id).body(self.clock.now())

    def clusters(self) -> list[str]:
        """The ids of all clusters."""
        return [cluster.id for cluster in self.world.clusters.values()]

    def set_tags(self, cluster_id: str, tags: dict[str, str], *, emit: bool = True, via: str = "tags-api") -> None:
        """Replace the tags of a cluster."""
        cluster = self.world.by_id(cluster_id)
        cluster.tags = dict(tags)
        self.publication.cluster_changed(cluster, write=emit, tags_api=via == "tags-api")

    def change_cluster(self, cluster_id: str, properties: Json, *, emit: bool = True) -> None:
        """Merge properties into a cluster."""
        cluster = self.world.by_id(cluster_id)
        cluster.properties = merged(cluster.properties, properties)
        self.publication.cluster_changed(cluster, write=emit)
        self.extensions.cluster_reachable(cluster)

    def set_nodes(self, cluster_id: str, nodes: int, *, emit: bool = False) -> None:
        """Change the number of nodes: of the first pool on AKS."""
        cluster = self.world.by_id(cluster_id)
        if cluster.kind == "arc":
            cluster.properties |= {"totalNodeCount": nodes, "totalCoreCount": nodes * 8}
            self.publication.cluster_changed(cluster, write=emit)
            return
        first, *others = cluster.pools
        first["count"] = nodes - sum(int(pool.get("count") or 0) for pool in others)
        if emit:
            self.publication.pool_written(cluster, first["name"])
        else:
            self.publication.cluster_changed(cluster, write=False)

    def delete_cluster(self, cluster_id: str, *, emit: bool = True) -> None:
        """Remove a cluster."""
        self.world.delete_cluster(self.world.by_id(cluster_id), emit=emit)

    # Extensions

    def put_extension(
        self,
        cluster_id: str,
        name: str,
        properties: Json,
        *,
        created_by: str | None = None,
        state: str = "Succeeded",
    ) -> None:
        """Plant an extension that somebody else installed."""
        cluster = self.world.by_id(cluster_id)
        extension = planted(cluster, name, properties, created_by, self.clock.now(), state)
        self.publication.extension_changed(extension, write=False)

    def change_extension(self, cluster_id: str, name: str, properties: Json) -> None:
        """Change what ARM shows of an extension, without an operation."""
        extension = self.world.by_id(cluster_id).extensions[name.lower()]
        given = dict(properties)
        if "configurationSettings" in given:
            settings = merged(extension.settings, given.pop("configurationSettings"))
            extension.settings = {key: value for key, value in settings.items() if value is not None}
        extension.protected = {**extension.protected, **given.pop("configurationProtectedSettings", {})}
        extension.state = given.pop("provisioningState", extension.state)
        extension.error = given.pop("errorInfo", extension.error)
        extension.statuses = given.pop("statuses", extension.statuses)
        extension.current_version = given.pop("currentVersion", extension.current_version)
        extension.properties = {**extension.properties, **given}
        self.publication.extension_changed(extension, write=False)

    def delete_extension(self, cluster_id: str, name: str, *, emit: bool = True) -> None:
        """Remove an extension at once and without a trace in the cluster."""
        extension = self.world.by_id(cluster_id).extensions.pop(name.lower())
        if extension.operation:
            extension.operation.running = False
        self.publication.extension_deleted(extension, emit=emit)

    def list_extensions(self, cluster_id: str) -> list[Json]:
        """All extensions of a cluster, with what ARM does not show."""
        return [extension.inside() for extension in self.world.by_id(cluster_id).extensions.values()]

    def extension(self, cluster_id: str, name: str) -> Json | None:
        """One extension of a cluster, or None."""
        found = self.world.by_id(cluster_id).extensions.get(name.lower())
        return found.inside() if found else None

    def outcome(self, cluster_id: str, *, fail: str | None = None, times: int = 1, hang: bool = False) -> None:
        """Say how the next operations on a cluster end."""
        cluster = self.world.by_id(cluster_id)
        if fail is None and not hang:
            self.extensions.release(cluster)
        else:
            cluster.outcomes.append(Outcome(fail, hang, times))

    def durations(self, **seconds: float) -> Json:
        """Set how long things take; all durations."""
        for name, value in seconds.items():
            if name not in asdict(self.extensions.durations):
                raise ValueError(f"there is no duration {name}")
            setattr(self.extensions.durations, name, float(value))
        return asdict(self.extensions.durations)

    def relays(self) -> list[Json]:
        """The hybrid connections with their connection strings, for leak tests."""
        return [
            {
                "id": f"{namespace.id}/hybridConnections/{hybrid.name}",
                "namespace": namespace.name,
                "tags": namespace.tags,
                "connectionStrings": sorted(
                    self.relay.connection_strings(f"{namespace.id}/hybridConnections/{hybrid.name}")
                ),
            }
            for namespace in self.relay.namespaces.values()
            for hybrid in namespace.hybrids.values()
        ]

    # Subscriptions and rights

    def add_subscription(self, subscription: str, management_groups: list[str] | None = None) -> None:
        """Make a subscription known."""
        self.world.add_subscription(subscription, management_groups or [])

    def register_provider(self, subscription: str, namespace: str, state: str = "Registered") -> None:
        """Set a provider's registration state."""
        self.world.subscription(subscription).providers[namespace.lower()] = state

    def provider(self, subscription: str, namespace: str) -> str:
        """A provider's registration state."""
        return self.world.subscription(subscription).providers.get(namespace.lower(), "NotRegistered")

    def deny(self, subscription: str) -> None:
        """Take every right on a subscription away."""
        self.world.subscription(subscription).denied = True

    def allow(self, subscription: str) -> None:
        """Give the rights back."""
        self.world.subscription(subscription).denied = False

    def token(self, client_id: str = DEFAULT_CLIENT_ID) -> str:
        """A token of an application, as the identity endpoint would give it."""
        return self.identity.token(client_id, self.identity.audience)[0]

    # Faults, limits, time

    def add_fault(self, **rule: Any) -> str:
        """Add a fault; its id."""
        return self.faults.add(rule)

    def clear_faults(self, fault: str | None = None) -> None:
        """Remove one fault, or all."""
        self.faults.clear(fault)

    def limits(self, *, arm: bool | None = None, aks_gets: bool | None = None) -> None:
        """Switch the documented rate limits on or off."""
        self.throttling.arm = self.throttling.arm if arm is None else arm
        self.throttling.aks_gets = self.throttling.aks_gets if aks_gets is None else aks_gets

    def graph(self, **given: Any) -> None:
        """Lag, frozen, quota and page_bytes of Resource Graph; what is not given stays."""
        unknown = set(given) - {"lag", "frozen", "quota", "page_bytes"}
        if unknown:
            raise ValueError(f"Resource Graph has no {', '.join(sorted(unknown))}")
        if "lag" in given:
            self.resource_graph.lag = float(given["lag"])
        if "frozen" in given:
            self.resource_graph.freeze() if given["frozen"] else self.resource_graph.thaw()
        if "quota" in given:
            self.resource_graph.quota = given["quota"]
        if "page_bytes" in given:
            self.resource_graph.page_bytes = given["page_bytes"]

    def advance(self, seconds: float) -> float:
        """Push the time forward; the time then."""
        self.clock.advance(seconds)
        return self.clock.now()

    def now(self) -> float:
        """The simulated time."""
        return self.clock.now()

    # What was asked

    def requests(self, **filters: Any) -> list[Json]:
        """The request log."""
        return [entry.shown() for entry in self.journal.entries(**filters)]

    def writes(self, since: int = 0) -> list[Json]:
        """Writes to extensions."""
        entries = self.journal.entries(since, service="extensions")
        return [entry.shown() for entry in entries if entry.method in _WRITES]

    def counts(self, since: int = 0) -> Json:
        """Number of requests by service and method, and the last sequence number."""
        return self.journal.counts(since)

    def violations(self) -> list[Json]:
        """Writes that met another one."""
        return [asdict(violation) for violation in self.extension_routes.violations]

    def defects(self) -> list[str]:
        """Mistakes of the simulator itself."""
        return list(self.defect_list)

    # Events

    def subscribe(self, endpoint: str, schema: Schema, **options: Any) -> str:
        """Subscribe a webhook; the subscription's id."""
        made = self.event_grid.subscribe(endpoint, schema, **options)
        self._endpoints[made] = endpoint
        return made

    def unsubscribe(self, subscription: str) -> None:
        """End a subscription."""
        self.event_grid.unsubscribe(subscription)
        self._endpoints.pop(subscription, None)

    def release(self, subscription: str) -> None:
        """Deliver what a subscription has held."""
        self.event_grid.release(subscription)

    def publish(self, operation_name: str, resource_id: str, **options: Any) -> None:
        """Publish an event of any kind."""
        self.event_grid.publish(operation_name, resource_id, **options)

    async def publish_raw(
        self, body: Any, endpoint: str | None = None, content_type: str = "application/json"
    ) -> list[int]:
        """Send a body as it is, a text included, to one endpoint or to every subscriber; the answers' status."""
        data = (body if isinstance(body, str) else json.dumps(body)).encode()
        headers = {"aeg-event-type": "Notification", "Content-Type": content_type}
        targets = [endpoint] if endpoint else sorted(set(self._endpoints.values()))
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
            statuses = []
            for target in targets:
                async with session.post(target, data=data, headers=headers) as answer:
                    statuses.append(answer.status)
        return statuses

    def events(self) -> list[Json]:
        """Every delivery so far."""
        return self.event_grid.deliveries()

    async def drained(self, timeout: float = 10.0) -> bool:  # noqa: ASYNC109  real seconds, given by the client
        """Wait until nothing is left to deliver."""
        return await self.event_grid.drained(timeout)

    async def handle(self, request: web.Request) -> web.Response:
        """Serve one verb."""
        self.clock.run_due()
        verb = self.verbs().get(request.match_info["verb"])
        if verb is None:
            return web.json_response({"error": "no such verb"}, status=404)
        try:
            result = verb(**(await request.json() if request.can_read_body else {}))
            if asyncio.iscoroutine(result):
                result = await result
        except (ValueError, TypeError, KeyError, LookupError, aiohttp.ClientError) as error:
            return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=400)
        self.clock.run_due()
        return web.json_response({"result": result})
