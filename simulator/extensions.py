"""The life of cluster extensions: what one is, and how an operation on it begins and ends.

Sources: swagger of Microsoft.KubernetesConfiguration/extensions 2025-03-01; recorded az CLI traffic
(azure-cli-extensions, test_k8s_extension.yaml): states Creating, Updating and Deleting, settings
returned in clear, protected ones never, `currentVersion` filled before the operation ends; Microsoft
Learn, "Cluster extensions for Azure Arc-enabled Kubernetes": settings merge on update, protected
settings are replaced as a whole and kept for 48 hours, an unreachable cluster stays pending that long.
Helm runs atomic: a failed create leaves nothing, a failed update leaves the old release running.
"""

import copy
import uuid
from dataclasses import dataclass, field

from simulator.arm import TENANT, Caller, Json
from simulator.clock import Clock, iso
from simulator.clusters import Cluster
from simulator.health import Health, Verdict, failure_text
from simulator.publication import Publication

DEFAULT_VERSION = "1.1.79"
PENDING_LIMIT = 48 * 3600.0
LEFTOVER = 3600.0


@dataclass(slots=True)
class Operation:
    """One asynchronous operation. `status` is the provisioning state while it runs."""

    id: str
    status: str
    started: float
    due: float
    hang: bool = False
    fail: str | None = None
    error: Json | None = None
    running: bool = True


@dataclass(slots=True)
class Extension:
    """One extension; `serving` is what the release in the cluster runs with, None where there is none."""

    cluster: Cluster
    name: str
    type: str
    properties: Json
    settings: dict[str, str]
    protected: dict[str, str]
    identity: Json | None
    created_by: str | None
    created_at: float
    state: str = "Creating"
    current_version: str | None = None
    error: Json | None = None
    statuses: list[Json] = field(default_factory=list)
    modified_by: str | None = None
    modified_at: float = 0.0
    serving: Json | None = None
    operation: Operation | None = None
    operations: dict[str, Operation] = field(default_factory=dict)
    health_report: list[str] = field(default_factory=list)

    @property
    def id(self) -> str:
        """The ARM id."""
        return f"{self.cluster.id}/providers/Microsoft.KubernetesConfiguration/extensions/{self.name}"

    @property
    def running(self) -> bool:
        """Whether an operation runs on it."""
        return self.operation is not None and self.operation.running

    def body(self) -> Json:
        """The resource as the service returns it: protected values never."""
        shown: Json = {
            "extensionType": self.type,
            "autoUpgradeMode": self.properties["autoUpgradeMode"],
            "autoUpgradeMinorVersion": self.properties["autoUpgradeMinorVersion"],
            "releaseTrain": self.properties["releaseTrain"],
            "version": self.properties["version"],
            "scope": copy.deepcopy(self.properties["scope"]),
            "configurationSettings": dict(self.settings),
            "configurationProtectedSettings": {},
            "currentVersion": self.current_version,
            "provisioningState": self.state,
            "statuses": copy.deepcopy(self.statuses),
            "errorInfo": copy.deepcopy(self.error),
            "isSystemExtension": bool(self.properties.get("isSystemExtension", False)),
            "customLocationSettings": None,
            "packageUri": None,
            "aksAssignedIdentity": copy.deepcopy(self.properties.get("aksAssignedIdentity")),
            "extensionState": self.properties.get("extensionState"),
            "managementDetails": copy.deepcopy(self.properties.get("managementDetails")),
            "additionalDetails": None,
        }
        body: Json = {
            "id": self.id,
            "name": self.name,
            "type": "Microsoft.KubernetesConfiguration/extensions",
            "properties": shown,
            "identity": copy.deepcopy(self.identity),
            "plan": None,
            "systemData": {
                "createdBy": self.created_by,
                "createdByType": "Application" if self.created_by else None,
                "createdAt": iso(self.created_at),
                "lastModifiedBy": self.modified_by,
                "lastModifiedByType": "Application" if self.modified_by else None,
                "lastModifiedAt": iso(self.modified_at or self.created_at),
            },
        }
        if self.properties.get("managedBy"):
            body["managedBy"] = self.properties["managedBy"]
        return body

    def inside(self) -> Json:
        """The body and what nobody sees through ARM; values of protected settings stay out."""
        return {
            **self.body(),
            "protectedKeys": sorted(self.protected),
            "serving": copy.deepcopy(self.serving),
            "healthReport": list(self.health_report),
            "operationRunning": self.running,
        }


@dataclass(slots=True)
class Durations:
    """How long operations take, in simulated seconds; `request` is how long a write takes to be answered."""

    create: float = 2.0
    update: float = 2.0
    delete: float = 1.0
    terminate: float = 0.0
    relay: float = 0.5
    register: float = 5.0
    request: float = 0.0


class Extensions:
    """Begins operations and ends them on the clock."""

    def __init__(self, clock: Clock, publication: Publication, health: Health, durations: Durations) -> None:
        self._clock = clock
        self._publication = publication
        self._health = health
        self.durations = durations

    def create(self, cluster: Cluster, name: str, wanted: Json, caller: Caller) -> Extension:
        """Accept a new extension."""
        now = self._clock.now()
        identity = None
        if cluster.kind == "arc" and wanted["identity"]:
            identity = {"type": "SystemAssigned", "principalId": str(uuid.uuid4()), "tenantId": TENANT}
        extension = Extension(
            cluster,
            name,
            wanted["type"],
            wanted["properties"],
            wanted["settings"],
            wanted["protected"],
            identity,
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
        if extension.operation:
            extension.operation.running = False
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


def planted(cluster: Cluster, name: str, given: Json, created_by: str | None, now: float, state: str) -> Extension:
    """An extension that somebody else installed, in whatever state: nothing of it was checked."""
    properties: Json = {
        "autoUpgradeMode": "compatible",
        "autoUpgradeMinorVersion": True,
        "releaseTrain": "stable",
        "version": None,
        "scope": {"cluster": {"releaseNamespace": "azureml"}},
    }
    taken = {"extensionType", "configurationSettings", "configurationProtectedSettings"}
    properties.update({key: value for key, value in given.items() if key not in taken})
    settings = dict(given.get("configurationSettings") or {})
    protected = dict(given.get("configurationProtectedSettings") or {})
    type_ = str(given.get("extensionType", "microsoft.azureml.kubernetes")).lower()
    extension = Extension(cluster, name, type_, properties, settings, protected, None, created_by, now, state=state)
    extension.modified_by = created_by
    if cluster.kind == "arc":
        extension.identity = {"type": "SystemAssigned", "principalId": str(uuid.uuid4()), "tenantId": TENANT}
    if state == "Succeeded":
        extension.current_version = properties["version"] or DEFAULT_VERSION
        extension.serving = {
            "settings": dict(settings),
            "protectedKeys": sorted(protected),
            "version": extension.current_version,
        }
    elif state == "Failed":
        text = failure_text(name, "Create", "failed pre-install: pod healthcheck failed")
        extension.error = {"code": "ExtensionOperationFailed", "message": text}
    cluster.extensions[name.lower()] = extension
    return extension
