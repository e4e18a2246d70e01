"""Cluster extensions: what ARM shows of one, and what really runs in the cluster.

Sources: swagger of Microsoft.KubernetesConfiguration/extensions 2025-03-01 and recorded az CLI traffic:
settings are returned in clear, protected ones never.
"""

import copy
import uuid
from dataclasses import dataclass, field

from simulator.arm import TENANT, Json
from simulator.clock import iso
from simulator.clusters import Cluster
from simulator.health import failure_text

DEFAULT_VERSION = "1.1.79"


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

    def abandon(self) -> None:
        """Have its operation never end: the resource, or what it was, is no longer there."""
        if self.operation:
            self.operation.running = False

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
    before = cluster.extensions.get(name.lower())
    if before:
        before.abandon()
    cluster.extensions[name.lower()] = extension
    return extension
