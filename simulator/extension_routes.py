"""HTTP of Microsoft.KubernetesConfiguration/extensions and their operations.

Status codes and headers follow swagger 2025-03-01 and recorded az CLI traffic: 201 for a new extension,
200 for an existing one, 202 or 200 for PATCH, 202 or 204 for DELETE; `Azure-AsyncOperation` on 201 and
202 with `api-Version` and `ConnectedClusters` spelt as recorded, and no Retry-After. The swagger's
example of a 200 has no such header, so a PUT on an existing extension is followed by its state.
"""

import re
from dataclasses import dataclass

from simulator import arm_errors, extension_requests
from simulator.arm import CLUSTER, Call, Json, Reply, Route, route
from simulator.clock import Clock, iso
from simulator.clusters import Cluster
from simulator.extensions import Extension, Operation
from simulator.lifecycle import Lifecycle
from simulator.world import World

NAMESPACE = "Microsoft.KubernetesConfiguration"
_LIST = CLUSTER + r"/providers/Microsoft\.KubernetesConfiguration/extensions"
_ONE = _LIST + r"/(?P<extension>[^/]+)"
_OPERATION = _ONE + r"/operations/(?P<operation>[^/]+)"
_CONNECTED = re.compile("/connectedClusters/")


@dataclass(frozen=True, slots=True)
class Violation:
    """A write that met another request or operation on the same cluster."""

    at: float
    cluster: str
    method: str
    path: str
    caller: str
    met: str


class ExtensionRoutes:
    """Serves extensions, and keeps watch that a cluster sees one write at a time."""

    def __init__(self, clock: Clock, world: World, lifecycle: Lifecycle) -> None:
        self._clock = clock
        self._world = world
        self._lifecycle = lifecycle
        self._writes: dict[str, int] = {}
        self._finished: dict[tuple[str, str], Operation] = {}
        self.violations: list[Violation] = []

    def routes(self) -> list[Route]:
        """All routes of this service."""
        return [
            route("GET", _OPERATION, "operations", self.get_operation),
            route("GET", _LIST, "extensions", self.list),
            route("GET", _ONE, "extensions", self.get),
            route("PUT", _ONE, "extensions", self.put, exclusive=True),
            route("PATCH", _ONE, "extensions", self.patch, exclusive=True),
            route("DELETE", _ONE, "extensions", self.delete, exclusive=True),
        ]

    def write_arrives(self, cluster: str) -> None:
        """A write request reached the service; it runs until `write_leaves`."""
        self._writes[cluster.lower()] = self._writes.get(cluster.lower(), 0) + 1

    def write_leaves(self, cluster: str) -> None:
        """A write request was answered."""
        self._writes[cluster.lower()] -= 1

    def list(self, call: Call) -> Reply:
        """GET of all extensions of a cluster."""
        extension_requests.checked_api_version(call.api_version)
        cluster = self._world.cluster(call.parts)
        return Reply(200, {"value": [item.body() for item in cluster.extensions.values()], "nextLink": None})

    def get(self, call: Call) -> Reply:
        """GET of one extension."""
        _, extension = self._found(call)
        if extension is None:
            raise arm_errors.extension_not_found(call.parts["extension"])
        return Reply(200, extension.body())

    def put(self, call: Call) -> Reply:
        """PUT: create, or replace in full."""
        cluster, extension = self._writable(call)
        wanted = extension_requests.wanted(cluster, call.body)
        if extension is None:
            extension = self._lifecycle.create(cluster, call.parts["extension"], wanted, call.caller)
            return Reply(201, extension.body(), self._headers(call, extension))
        extension_requests.same_type(extension, wanted["type"])
        self._lifecycle.replace(extension, wanted, call.caller)
        return Reply(200, extension.body())

    def patch(self, call: Call) -> Reply:
        """PATCH: merge settings, replace protected ones."""
        _, extension = self._writable(call)
        if extension is None:
            raise arm_errors.extension_not_found(call.parts["extension"])
        changes, settings, protected = extension_requests.changes(extension, call.body)
        if not self._lifecycle.update(extension, changes, settings, protected, call.caller):
            return Reply(200, extension.body())
        return Reply(202, extension.body(), self._headers(call, extension))

    def delete(self, call: Call) -> Reply:
        """DELETE; `forceDelete=true` removes the ARM resource at once, even under a running operation."""
        force = call.query.get("forcedelete", "").lower() == "true"
        _, extension = self._writable(call, force=force)
        if extension is None:
            return Reply(204)
        if force:
            self._lifecycle.remove_by_force(extension)
            return Reply(200, {"version": "1.1", "content": None, "statusCode": 200, "reasonPhrase": "OK"})
        self._lifecycle.delete(extension, call.caller)
        headers = self._headers(call, extension)
        operation = extension.operation
        if operation is not None:
            self._finished[extension.id.lower(), operation.id] = operation
        return Reply(202, None, headers)

    def get_operation(self, call: Call) -> Reply:
        """GET of an operation's status; operations of a deletion outlive their extension."""
        cluster, extension = self._found(call)
        name = extension.name if extension else call.parts["extension"]
        extension_id = f"{cluster.id}/providers/{NAMESPACE}/extensions/{name}"
        wanted = call.parts["operation"].lower()
        operation = extension.operations.get(wanted) if extension else None
        operation = operation or self._finished.get((extension_id.lower(), wanted))
        if operation is None:
            raise arm_errors.extension_not_found(f"{name}/operations/{wanted}")
        body: Json = {
            "id": f"{extension_id}/operations/{operation.id}",
            "name": operation.id,
            "status": operation.status,
        }
        if operation.status == "Succeeded":
            body |= {"properties": {}, "error": None}
        elif operation.error:
            body["error"] = operation.error
        return Reply(200, body)

    def _found(self, call: Call) -> tuple[Cluster, Extension | None]:
        extension_requests.checked_api_version(call.api_version)
        cluster = self._world.cluster(call.parts)
        return cluster, cluster.extensions.get(call.parts["extension"].lower())

    def _writable(self, call: Call, *, force: bool = False) -> tuple[Cluster, Extension | None]:
        """Cluster and extension for a write; 409 where the provider or the cluster is not ready for one."""
        subscription = self._world.subscription(call.parts["subscription"])
        if subscription.providers.get(NAMESPACE.lower()) != "Registered":
            raise arm_errors.missing_registration(NAMESPACE)
        cluster, extension = self._found(call)
        met = self._met(cluster, ignore_operations=force)
        if met:
            self.violations.append(
                Violation(self._clock.now(), cluster.id, call.method, call.path, call.caller.app_id, met)
            )
            raise arm_errors.operation_in_progress()
        state = str(cluster.properties.get("provisioningState"))
        if cluster.kind == "aks" and state != "Succeeded":
            raise arm_errors.cluster_busy(state)
        return cluster, extension

    def _met(self, cluster: Cluster, *, ignore_operations: bool) -> str:
        if self._writes.get(cluster.id.lower(), 0) > 1:
            return "another write request"
        for extension in cluster.extensions.values():
            operation = extension.operation
            if operation and operation.running and not ignore_operations:
                return f"operation {operation.status} of {extension.name} since {iso(operation.started)}"
        return ""

    def _headers(self, call: Call, extension: Extension) -> dict[str, str]:
        assert extension.operation is not None  # noqa: S101  an accepted write has begun one
        path = _CONNECTED.sub("/ConnectedClusters/", extension.id)
        return {
            "Azure-AsyncOperation": (
                f"{call.base_url}{path}/operations/{extension.operation.id}?api-Version={call.api_version}"
            ),
            "Location": (f"https://{extension.cluster.location}.rp.kubernetesconfiguration.azure.com{extension.id}"),
            "x-ms-async-operation-timeout": "PT48H",
            "api-supported-versions": call.api_version,
        }
