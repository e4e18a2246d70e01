"""How an operation on an extension begins and ends.

Sources: recorded az CLI traffic (azure-cli-extensions, test_k8s_extension.yaml): states Creating,
Updating and Deleting, `currentVersion` filled before the operation ends; Microsoft Learn, "Cluster
extensions for Azure Arc-enabled Kubernetes": settings merge on update, protected settings are replaced as
a whole and kept for 48 hours, an unreachable cluster stays pending that long.
Helm runs atomic: a failed create leaves nothing, a failed update leaves the old release running.
"""

import uuid

from simulator.arm import TENANT, Caller, Json
from simulator.clock import Clock
from simulator.clusters import Cluster
from simulator.durations import Durations
from simulator.extensions import DEFAULT_VERSION, Extension, Operation
from simulator.health import Health, Verdict
from simulator.publication import Publication

PENDING_LIMIT = 48 * 3600.0
LEFTOVER = 3600.0


class Lifecycle:
    """Begins operations and ends them on the clock."""

    def __init__(self, clock: Clock, publication: Publication, health: Health, durations: Durations) -> None:
        self._clock = clock
        self._publication = publication
        self._health = health
        self.durations = durations

    def create(self, cluster: Cluster, name: str, wanted: Json, caller: Caller) -> Extension:
        """Accept a new extension."""
        now = self._clock.now()
        extension = Extension(
            cluster,
            name,
            wanted["type"],
            wanted["properties"],
            wanted["settings"],
            wanted["protected"],
            _identity(cluster, wanted),
            caller.app_id or None,
            now,
        )
        cluster.extensions[name.lower()] = extension
        self._begin(extension, "Creating", caller)
        return extension

    def replace(self, extension: Extension, wanted: Json, caller: Caller) -> None:
        """Accept a full replacement: what the request leaves out is gone."""
        assigned = extension.properties.get("aksAssignedIdentity")
        extension.properties = {**wanted["properties"], "aksAssignedIdentity": assigned}
        extension.settings, extension.protected = wanted["settings"], wanted["protected"]
        extension.identity = extension.identity or _identity(extension.cluster, wanted)
        self._begin(extension, "Updating" if extension.serving else "Creating", caller)

    def update(
        self, extension: Extension, changes: Json, settings: Json, protected: Json | None, caller: Caller
    ) -> bool:
        """Accept a patch; False where it changes nothing. Settings merge, protected ones are replaced whole."""
        properties = {**extension.properties, **changes}
        merged = {**extension.settings, **settings}
        same = properties == extension.properties and merged == extension.settings and protected is None
        if same and extension.state == "Succeeded":
            return False
        extension.properties, extension.settings = properties, merged
        if protected is not None:
            extension.protected = dict(protected)
        self._begin(extension, "Updating", caller)
        return True

    def delete(self, extension: Extension, caller: Caller) -> None:
        """Accept a deletion."""
        self._begin(extension, "Deleting", caller)

    def remove_by_force(self, extension: Extension) -> None:
        """Delete the ARM resource at once; the release stays in the cluster for as long as nobody cleans up."""
        extension.abandon()
        if extension.serving:
            extension.cluster.leftovers[extension.name.lower()] = self._clock.now() + LEFTOVER
        self._drop(extension)

    def release(self, cluster: Cluster) -> None:
        """Let hanging operations of a cluster end, each with the verdict it deserves."""
        cluster.outcomes.clear()
        for extension in list(cluster.extensions.values()):
            if extension.operation and extension.running and extension.operation.hang:
                extension.operation.hang = False
                self._end(extension, extension.operation)

    def cluster_reachable(self, cluster: Cluster) -> None:
        """An Arc agent connected: what waited for it goes on."""
        for extension in list(cluster.extensions.values()):
            if extension.operation:
                self._end(extension, extension.operation)

    def _begin(self, extension: Extension, status: str, caller: Caller) -> None:
        now = self._clock.now()
        extension.state, extension.error, extension.statuses = status, None, []
        extension.health_report = []
        extension.modified_by, extension.modified_at = caller.app_id or None, now
        said = _next_outcome(extension.cluster) if status != "Deleting" else None
        took = {
            "Creating": self.durations.create,
            "Updating": self.durations.update,
            "Deleting": self.durations.delete,
        }[status]
        operation = Operation(str(uuid.uuid4()), status, now, now + took)
        if said is not None:
            operation.hang, operation.fail = said
        extension.operation = operation
        extension.operations[operation.id] = operation
        if status == "Creating":
            self._clock.call_after(took / 2, lambda: self._version_appears(extension, operation))
        self._clock.call_at(operation.due, lambda: self._end(extension, operation))
        self._clock.call_after(PENDING_LIMIT, lambda: self._give_up(extension, operation))
        self._publication.extension_changed(extension, write=status != "Deleting")

    def _version_appears(self, extension: Extension, operation: Operation) -> None:
        if operation.running and extension.cluster.reachable:
            extension.current_version = extension.properties["version"] or DEFAULT_VERSION
            self._publication.extension_changed(extension, write=False)

    def _end(self, extension: Extension, operation: Operation) -> None:
        waits = operation.hang or self._clock.now() < operation.due or not extension.cluster.reachable
        if waits or not operation.running:
            return
        if operation.status == "Deleting":
            operation.running, operation.status = False, "Succeeded"
            terminating = self._clock.now() + self.durations.terminate
            extension.cluster.namespace_terminating_until = terminating
            self._drop(extension)
            return
        verdict = self._health.verdict(extension, self._clock.now())
        if operation.fail is not None:
            verdict = Verdict(operation.fail, [])
        if verdict.message is None:
            self._succeed(extension, operation)
        else:
            self._fail(extension, operation, verdict)
        self._publication.extension_changed(extension, write=False)

    def _succeed(self, extension: Extension, operation: Operation) -> None:
        operation.running, operation.status = False, "Succeeded"
        extension.state = "Succeeded"
        extension.current_version = extension.properties["version"] or extension.current_version or DEFAULT_VERSION
        if extension.cluster.kind == "aks" and not extension.properties.get("aksAssignedIdentity"):
            extension.properties["aksAssignedIdentity"] = {
                "principalId": str(uuid.uuid4()),
                "tenantId": None,
                "type": None,
            }
        extension.serving = {
            "settings": dict(extension.settings),
            "protectedKeys": sorted(extension.protected),
            "version": extension.current_version,
        }

    def _fail(self, extension: Extension, operation: Operation, verdict: Verdict) -> None:
        error = {"code": "ExtensionOperationFailed", "message": verdict.message}
        operation.running, operation.status, operation.error = False, "Failed", error
        extension.state, extension.error = "Failed", dict(error)
        extension.health_report = verdict.findings
        extension.current_version = extension.serving["version"] if extension.serving else None

    def _give_up(self, extension: Extension, operation: Operation) -> None:
        if operation.running and not extension.cluster.reachable:
            text = "Error: [ InnerError: [Unable to get a response from the Agent in time] ]"
            self._fail(extension, operation, Verdict(text, []))
            extension.protected = {}
            self._publication.extension_changed(extension, write=False)

    def _drop(self, extension: Extension) -> None:
        extension.cluster.extensions.pop(extension.name.lower(), None)
        self._publication.extension_deleted(extension, emit=True)


def _next_outcome(cluster: Cluster) -> tuple[bool, str | None] | None:
    """What a test has set for this operation (hang, failure's text), used up."""
    if not cluster.outcomes:
        return None
    first = cluster.outcomes[0]
    first.times -= 1
    if first.times <= 0:
        cluster.outcomes.pop(0)
    return first.hang, first.fail


def _identity(cluster: Cluster, wanted: Json) -> Json | None:
    if cluster.kind == "aks" or not wanted["identity"]:
        return None
    return {"type": "SystemAssigned", "principalId": str(uuid.uuid4()), "tenantId": TENANT}
