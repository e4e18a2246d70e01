"""HTTP of clusters, their tags, resource groups and subscriptions.

Tags: Microsoft.Resources/tags, "Tags - Create Or Update At Scope" and "Update At Scope": PUT replaces,
PATCH merges, replaces or deletes by `operation`.
"""

from simulator import arm_errors
from simulator.arm import CLUSTER, GROUP, SUBSCRIPTION, TENANT, Call, Json, Reply, Route, route
from simulator.clusters import Cluster
from simulator.world import World

_TAGS = CLUSTER + r"/providers/Microsoft\.Resources/tags/default"


class ClusterRoutes:
    """Serves what exists."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[Route]:
        """All routes of this service."""
        return [
            route("GET", CLUSTER, "clusters", self.get),
            route("GET", _TAGS, "tags", self.get_tags),
            route("PUT", _TAGS, "tags", self.put_tags),
            route("PATCH", _TAGS, "tags", self.patch_tags),
            route("GET", SUBSCRIPTION, "subscriptions", self.get_subscription),
            route("GET", GROUP, "subscriptions", self.get_group),
        ]

    def get(self, call: Call) -> Reply:
        """GET of a cluster."""
        return Reply(200, self._world.cluster(call.parts).body(self._world.clock.now()))

    def get_tags(self, call: Call) -> Reply:
        """GET of a cluster's tags."""
        return Reply(200, _tags_body(self._world.cluster(call.parts)))

    def put_tags(self, call: Call) -> Reply:
        """PUT: these tags and no others."""
        cluster = self._world.cluster(call.parts)
        return self._written(cluster, _tags(call.document()))

    def patch_tags(self, call: Call) -> Reply:
        """PATCH with operation Merge, Replace or Delete."""
        cluster = self._world.cluster(call.parts)
        given, operation = _tags(call.document()), str(call.document().get("operation", "")).lower()
        if operation == "replace":
            return self._written(cluster, given)
        if operation not in {"merge", "delete"}:
            raise arm_errors.bad_request("The operation must be one of Merge, Replace and Delete.")
        names = {name.lower() for name in given}
        kept = {name: value for name, value in cluster.tags.items() if name.lower() not in names}
        return self._written(cluster, kept | given if operation == "merge" else kept)

    def _written(self, cluster: Cluster, tags: dict[str, str]) -> Reply:
        cluster.tags = tags
        self._world.publication.cluster_changed(cluster, write=True, tags_api=True)
        return Reply(200, _tags_body(cluster))

    def get_subscription(self, call: Call) -> Reply:
        """GET of a subscription."""
        known = self._world.subscription(call.parts["subscription"])
        body = {
            "id": f"/subscriptions/{known.id}",
            "subscriptionId": known.id,
            "tenantId": TENANT,
            "displayName": f"sub-{known.id[:8]}",
            "state": "Enabled",
        }
        return Reply(200, body)

    def get_group(self, call: Call) -> Reply:
        """GET of a resource group."""
        subscription = self._world.subscription(call.parts["subscription"]).id
        group = self._world.group(subscription, call.parts["group"])
        body = {
            "id": f"/subscriptions/{subscription}/resourceGroups/{group}",
            "name": group,
            "type": "Microsoft.Resources/resourceGroups",
            "location": "eastus",
            "properties": {"provisioningState": "Succeeded"},
        }
        return Reply(200, body)


def _tags(document: Json) -> dict[str, str]:
    properties = document.get("properties")
    tags = properties.get("tags") if isinstance(properties, dict) else None
    if not isinstance(tags, dict) or not all(isinstance(value, str) for value in tags.values()):
        raise arm_errors.invalid_content(["properties.tags is not a map of strings"])
    return dict(tags)


def _tags_body(cluster: Cluster) -> Json:
    return {
        "id": f"{cluster.id}/providers/Microsoft.Resources/tags/default",
        "name": "default",
        "type": "Microsoft.Resources/tags",
        "properties": {"tags": dict(cluster.tags)},
    }
