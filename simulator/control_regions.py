"""The control surface's verbs about regions and about workspaces: the server's half.

What each verb does is told in `simulator.control_lookups`, its client.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from simulator.arm import TENANT, Json
from simulator.lookup_routes import Offers
from simulator.publication import Graph
from simulator.regions import region_of
from simulator.world import World

_TYPE = "Microsoft.MachineLearningServices/workspaces"


@dataclass(slots=True)
class RegionControl:
    """Verbs as methods that take and give JSON."""

    world: World
    offers: Offers
    graph: Graph

    def verbs(self) -> list[Callable[..., Any]]:
        """All of them; their names are the verbs'."""
        return [
            *(self.kubernetes_versions, self.control_plane, self.withdraw_size),
            *(self.attach_compute, self.detach_compute),
        ]

    def kubernetes_versions(self, region: str, versions: list[str | Json]) -> None:
        """Set the versions that AKS offers in a region."""
        entries = [
            {"version": each, "isPreview": None, "capabilities": {"supportPlan": ["KubernetesOfficial"]}}
            if isinstance(each, str)
            else each
            for each in versions
        ]
        self.offers.versions[_name(region)] = entries

    def control_plane(self, region: str, prefixes: list[str] | None = None) -> None:
        """Set the addresses of the control plane in a region."""
        self.offers.prefixes[_name(region)] = prefixes

    def withdraw_size(self, size: str) -> None:
        """Offer a VM size nowhere any more."""
        self.offers.withdrawn.add(size.lower())

    def attach_compute(
        self,
        cluster_id: str,
        *,
        name: str | None = None,
        workspace: str = "ws-ml",
        subscription: str | None = None,
        resource_group: str = "rg-workspaces",
        compute_type: str = "Kubernetes",
    ) -> str:
        """Attach a cluster to a workspace; the compute's id."""
        cluster = self.world.by_id(cluster_id)
        owner = subscription or cluster.subscription
        if owner.lower() not in self.world.subscriptions:
            self.world.add_subscription(owner)
        compute = name or cluster.name
        group = f"/subscriptions/{owner}/resourceGroups/{resource_group}"
        resource_id = f"{group}/providers/{_TYPE}/{workspace}/computes/{compute}"
        row = {
            "id": resource_id,
            "name": compute,
            "type": f"{_TYPE}/computes".lower(),
            "tenantId": TENANT,
            "location": cluster.location.lower(),
            "resourceGroup": resource_group.lower(),
            "subscriptionId": owner,
            "properties": {
                "computeType": compute_type,
                "computeLocation": cluster.location.lower(),
                "resourceId": cluster.id,
                "provisioningState": "Succeeded",
                "isAttachedCompute": True,
                "disableLocalAuth": False,
                "properties": {"namespace": "default", "defaultInstanceType": "defaultinstancetype"},
            },
        }
        self.graph.record("resources", resource_id, row)
        return resource_id

    def detach_compute(self, compute_id: str) -> None:
        """Detach a compute."""
        self.graph.record("resources", compute_id, None)


def _name(region: str) -> str:
    known = region_of(region)
    if known is None:
        raise LookupError(f"there is no region {region}")
    return known.name
