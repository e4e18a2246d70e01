"""What exists: subscriptions, their providers, resource groups and clusters.

Nothing in here speaks HTTP; `simulator.publication` is told of each change, for Resource Graph and
Event Grid.
"""

import uuid
from dataclasses import dataclass, field
from typing import Any

from simulator import arm_errors
from simulator.arm import TENANT, Json
from simulator.clock import Clock
from simulator.clusters import Cluster, aks_properties, arc_properties, merged
from simulator.publication import Publication

DEFAULT_SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
NAMESPACES = (
    "Microsoft.Compute",
    "Microsoft.ContainerService",
    "Microsoft.Kubernetes",
    "Microsoft.KubernetesConfiguration",
    "Microsoft.MachineLearningServices",
    "Microsoft.Network",
    "Microsoft.Relay",
    "Microsoft.ResourceGraph",
    "Microsoft.Resources",
)


@dataclass(slots=True)
class Subscription:
    """One subscription; `providers` holds registration states by namespace in lower case."""

    id: str
    management_groups: list[str] = field(default_factory=list)
    providers: dict[str, str] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    denied: bool = False


class World:
    """All subscriptions and clusters, found without regard to letter case."""

    def __init__(self, clock: Clock, publication: Publication) -> None:
        self.clock = clock
        self.publication = publication
        self.subscriptions: dict[str, Subscription] = {}
        self.clusters: dict[str, Cluster] = {}

    def add_subscription(self, subscription: str, management_groups: list[str] | None = None) -> Subscription:
        """Make a subscription known, or move it to other management groups (nearest first)."""
        known = self.subscriptions.get(subscription.lower())
        if known is None:
            known = Subscription(subscription, providers={name.lower(): "Registered" for name in NAMESPACES})
            self.subscriptions[subscription.lower()] = known
        if management_groups is not None:
            known.management_groups = list(management_groups)
        self.publication.subscription_changed(known.id, known.management_groups)
        return known

    def subscription(self, subscription: str) -> Subscription:
        """The subscription; 404 or 400 where ARM says so."""
        known = self.subscriptions.get(subscription.lower())
        if known is not None:
            return known
        try:
            uuid.UUID(subscription)
        except ValueError:
            raise arm_errors.bad_request(
                f"The provided subscription identifier '{subscription}' is malformed or invalid.",
                "InvalidSubscriptionId",
            ) from None
        raise arm_errors.subscription_not_found(subscription)

    def group(self, subscription: str, group: str) -> str:
        """The resource group's name in ARM's letter case; 404 where there is none."""
        known = self.subscription(subscription).groups.get(group.lower())
        if known is None:
            raise arm_errors.group_not_found(group)
        return known

    def cluster(self, parts: Any) -> Cluster:
        """The cluster that a path names (`subscription`, `group`, `type`, `cluster`); 404 where there is none."""
        group = self.group(parts["subscription"], parts["group"])
        key = (
            f"/subscriptions/{parts['subscription']}/resourceGroups/{group}"
            f"/providers/{parts['type']}/{parts['cluster']}"
        ).lower()
        known = self.clusters.get(key)
        if known is None:
            raise arm_errors.resource_not_found(f"{parts['type']}/{parts['cluster']}", group)
        return known

    def by_id(self, cluster_id: str) -> Cluster:
        """The cluster of an id, for the control surface; KeyError where there is none."""
        return self.clusters[cluster_id.rstrip("/").lower()]

    def create_cluster(  # noqa: PLR0913  one keyword for each fact of a cluster
        self,
        *,
        kind: str,
        name: str,
        subscription: str = DEFAULT_SUBSCRIPTION,
        resource_group: str = "rg-ml",
        location: str = "eastus",
        tags: dict[str, str] | None = None,
        nodes: int = 3,
        pools: list[Json] | None = None,
        properties: Json | None = None,
        facts_after: float | None = None,
        emit: bool = True,
    ) -> Cluster:
        """Create a cluster; `facts_after` seconds pass before an Arc agent reports what it found."""
        if kind not in {"aks", "arc"}:
            raise ValueError("kind is aks or arc")
        known = self.subscriptions.get(subscription.lower()) or self.add_subscription(subscription)
        group = known.groups.setdefault(resource_group.lower(), resource_group)
        now = self.clock.now()
        cluster = Cluster(
            kind, known.id, group, name, location, dict(tags or {}), {}, now, sku=_sku(kind), identity=_identity()
        )
        fresh = aks_properties(cluster, nodes, pools) if kind == "aks" else arc_properties(nodes, now)
        cluster.properties = merged(fresh, properties or {})
        if not cluster.managed_identity:
            cluster.identity = None
        self.clusters[cluster.id.lower()] = cluster
        if facts_after is not None:
            cluster.facts_at = now + facts_after
            self.clock.call_at(cluster.facts_at, lambda: self._facts_arrived(cluster))
        self.publication.cluster_changed(cluster, write=emit)
        return cluster

    def _facts_arrived(self, cluster: Cluster) -> None:
        if self.clusters.get(cluster.id.lower()) is cluster:
            self.publication.cluster_changed(cluster, write=False)

    def delete_cluster(self, cluster: Cluster, *, emit: bool = True) -> None:
        """Remove a cluster and all that hangs on it."""
        del self.clusters[cluster.id.lower()]
        for extension in cluster.extensions.values():
            extension.abandon()
        self.publication.cluster_deleted(cluster, emit=emit)


def _sku(kind: str) -> Json | None:
    return {"name": "Base", "tier": "Standard"} if kind == "aks" else None


def _identity() -> Json:
    return {"type": "SystemAssigned", "principalId": str(uuid.uuid4()), "tenantId": TENANT}
