"""The control surface's verbs that change or show the world: clusters, extensions, subscriptions.

What each verb does is told in `simulator.control`, its client; here stands only the server's half.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from simulator.arm import Json
from simulator.clock import Clock
from simulator.clusters import Outcome, merged
from simulator.extensions import planted
from simulator.identity_endpoint import DEFAULT_CLIENT_ID, IdentityEndpoint
from simulator.lifecycle import Lifecycle
from simulator.publication import Publication
from simulator.relay import Relays
from simulator.world import World


@dataclass(slots=True)
class WorldControl:
    """Verbs as methods that take and give JSON."""

    clock: Clock
    world: World
    publication: Publication
    lifecycle: Lifecycle
    relays_known: Relays
    identity: IdentityEndpoint

    def verbs(self) -> list[Callable[..., Any]]:
        """All of them; their names are the verbs'."""
        return [
            *(self.create_clusters, self.cluster, self.clusters, self.set_tags, self.change_cluster),
            *(self.set_nodes, self.delete_cluster, self.put_extension, self.put_extensions),
            *(self.change_extension, self.delete_extension, self.list_extensions, self.extension),
            *(self.outcome, self.durations, self.relays, self.add_subscription, self.register_provider, self.provider),
            *(self.deny, self.allow, self.token),
        ]

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
        self.lifecycle.cluster_reachable(cluster)

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

    def put_extensions(self, extensions: list[Json]) -> None:
        """Plant many extensions."""
        for one in extensions:
            self.put_extension(**one)

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
        extension.abandon()
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
            self.lifecycle.release(cluster)
        else:
            cluster.outcomes.append(Outcome(fail, hang, times))

    def durations(self, **seconds: float) -> Json:
        """Set how long things take; all durations."""
        for name, value in seconds.items():
            if name not in asdict(self.lifecycle.durations):
                raise ValueError(f"there is no duration {name}")
            setattr(self.lifecycle.durations, name, float(value))
        return asdict(self.lifecycle.durations)

    def relays(self) -> list[Json]:
        """The hybrid connections with their connection strings, for leak tests."""
        return [
            {
                "id": f"{namespace.id}/hybridConnections/{hybrid.name}",
                "namespace": namespace.name,
                "tags": namespace.tags,
                "connectionStrings": sorted(
                    self.relays_known.connection_strings(f"{namespace.id}/hybridConnections/{hybrid.name}")
                ),
            }
            for namespace in self.relays_known.namespaces.values()
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
