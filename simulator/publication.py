"""Who hears of changes: Resource Graph gets rows, Event Grid gets events.

Rows have the columns that Microsoft Learn documents for the tables. Those of extensions have
PascalCase property names and `Extensions` in their ids, as Microsoft's own sample queries read them.
"""

import copy
from typing import TYPE_CHECKING, Any, Protocol

from simulator.arm import TENANT, Json

if TYPE_CHECKING:
    from simulator.clusters import Cluster
    from simulator.extensions import Extension

_OPERATIONS = {
    "aks": "Microsoft.ContainerService/managedClusters",
    "arc": "Microsoft.Kubernetes/connectedClusters",
}
_TAGS = "/providers/Microsoft.Resources/tags/default"


class Graph(Protocol):
    """The part of Resource Graph that takes rows."""

    def record(self, table: str, resource_id: str, row: Json | None) -> None:
        """Take a row, or None for a resource that is gone."""


class Events(Protocol):
    """The part of Event Grid that takes events."""

    def publish(self, operation_name: str, resource_id: str, *, kind: Any = "Write", scope_suffix: str = "") -> None:
        """Deliver an event of a subscription to whoever subscribed."""


class Publication:
    """Tells Resource Graph and Event Grid. `now` is the clock that decides what ARM shows."""

    def __init__(self, graph: Graph, events: Events, now: Any) -> None:
        self._graph = graph
        self._events = events
        self._now = now

    def subscription_changed(self, subscription: str, management_groups: list[str]) -> None:
        """A subscription appeared or moved."""
        resource_id = f"/subscriptions/{subscription}"
        self._graph.record(
            "resourcecontainers",
            resource_id,
            {
                "id": resource_id,
                "name": f"sub-{subscription[:8]}",
                "type": "microsoft.resources/subscriptions",
                "tenantId": TENANT,
                "kind": "",
                "location": "",
                "resourceGroup": "",
                "subscriptionId": subscription,
                "managedBy": "",
                "sku": None,
                "plan": None,
                "properties": {
                    "state": "Enabled",
                    "managementGroupAncestorsChain": [
                        {"displayName": name, "name": name} for name in management_groups
                    ],
                },
                "tags": None,
                "identity": None,
                "zones": None,
                "extendedLocation": None,
            },
        )

    def cluster_changed(self, cluster: "Cluster", *, write: bool, tags_api: bool = False) -> None:
        """A cluster changed; `write` says whether somebody wrote it, so that there is an event."""
        self._graph.record("resources", cluster.id, cluster_row(cluster, self._now()))
        if not write:
            return
        if tags_api:
            self._events.publish("Microsoft.Resources/tags/write", cluster.id, scope_suffix=_TAGS)
        else:
            # The provider's action list spells it Write for Arc and write for AKS.
            verb = "write" if cluster.kind == "aks" else "Write"
            self._events.publish(f"{_OPERATIONS[cluster.kind]}/{verb}", cluster.id)

    def pool_written(self, cluster: "Cluster", pool: str) -> None:
        """Somebody wrote an agent pool of an AKS cluster."""
        self._graph.record("resources", cluster.id, cluster_row(cluster, self._now()))
        operation = "Microsoft.ContainerService/managedClusters/agentPools/write"
        self._events.publish(operation, f"{cluster.id}/agentPools/{pool}")

    def cluster_deleted(self, cluster: "Cluster", *, emit: bool) -> None:
        """A cluster is gone, and its extensions with it."""
        for extension in cluster.extensions.values():
            self._graph.record("kubernetesconfigurationresources", extension.id, None)
        self._graph.record("resources", cluster.id, None)
        if emit:
            verb = "delete" if cluster.kind == "aks" else "Delete"
            self._events.publish(f"{_OPERATIONS[cluster.kind]}/{verb}", cluster.id, kind="Delete")

    def extension_changed(self, extension: "Extension", *, write: bool) -> None:
        """An extension's state or settings changed; `write` as for clusters."""
        self._graph.record("kubernetesconfigurationresources", extension.id, extension_row(extension))
        if write:
            self._events.publish("Microsoft.KubernetesConfiguration/extensions/write", extension.id)

    def extension_deleted(self, extension: "Extension", *, emit: bool) -> None:
        """An extension is gone."""
        self._graph.record("kubernetesconfigurationresources", extension.id, None)
        if emit:
            operation = "Microsoft.KubernetesConfiguration/extensions/delete"
            self._events.publish(operation, extension.id, kind="Delete")


def cluster_row(cluster: "Cluster", now: float) -> Json:
    """A row of table `resources`."""
    return {
        "id": cluster.id,
        "name": cluster.name,
        "type": cluster.type.lower(),
        "tenantId": TENANT,
        "kind": "",
        "location": cluster.location.lower(),
        "resourceGroup": cluster.resource_group.lower(),
        "subscriptionId": cluster.subscription,
        "managedBy": "",
        "sku": cluster.sku,
        "plan": None,
        "properties": cluster.shown_properties(now),
        "tags": dict(cluster.tags),
        "identity": copy.deepcopy(cluster.identity),
        "zones": None,
        "extendedLocation": None,
    }


def extension_row(extension: "Extension") -> Json:
    """A row of table `kubernetesconfigurationresources`."""
    shown: Json = extension.body()["properties"]
    error = shown["errorInfo"]
    scope = shown["scope"] or {}
    cluster = extension.cluster
    return {
        "id": f"{cluster.id}/providers/Microsoft.KubernetesConfiguration/Extensions/{extension.name}",
        "name": extension.name,
        "type": "microsoft.kubernetesconfiguration/extensions",
        "tenantId": TENANT,
        "kind": "",
        "location": "",
        "resourceGroup": cluster.resource_group.lower(),
        "subscriptionId": cluster.subscription,
        "properties": {
            "ExtensionType": shown["extensionType"],
            "AutoUpgradeMinorVersion": shown["autoUpgradeMinorVersion"],
            "ReleaseTrain": shown["releaseTrain"],
            "Version": shown["version"],
            "CurrentVersion": shown["currentVersion"],
            "Scope": {name: {_pascal(key): value for key, value in part.items()} for name, part in scope.items()},
            "ConfigurationSettings": shown["configurationSettings"],
            "ConfigurationProtectedSettings": {},
            "ProvisioningState": shown["provisioningState"],
            "InstallState": "Unknown",
            "IsSystemExtension": shown["isSystemExtension"],
            "Statuses": shown["statuses"],
            "ErrorInfo": {"Code": error["code"], "Message": error["message"]} if error else None,
        },
        "tags": None,
    }


def _pascal(key: str) -> str:
    return key[:1].upper() + key[1:]
