"""What a request to write an extension must look like, and what it then means.

The rules are those of swagger 2025-03-01 and of azure-cli-extensions' HISTORY (1.5.0: since API
2023-05-01 a version together with autoUpgradeMinorVersion=true is refused), of Azure/azure-powershell
22455 (an identity on managedClusters) and of Azure/AML-Kubernetes 283 (namespace scope).
"""

from typing import Any

from simulator import arm_errors
from simulator.arm import Json
from simulator.clusters import Cluster
from simulator.extensions import Extension
from simulator.health import AZUREML

API_VERSIONS = frozenset(
    {
        "2021-09-01",
        "2022-03-01",
        "2022-07-01",
        "2022-11-01",
        "2023-05-01",
        "2024-11-01",
        "2025-03-01",
    }
)
_PATCHABLE = ("autoUpgradeMode", "autoUpgradeMinorVersion", "releaseTrain", "version")
_PINNED = "To pin to specific version, autoUpgradeMinorVersion must be set to 'false'."


def checked_api_version(version: str) -> None:
    """400 for a version that the provider never had."""
    if version not in API_VERSIONS:
        raise arm_errors.bad_request(
            "The resource type 'extensions' could not be found in the namespace "
            f"'Microsoft.KubernetesConfiguration' for api version '{version}'. The supported api-versions are "
            f"'{','.join(sorted(API_VERSIONS))}'.",
            "InvalidResourceType",
        )


def wanted(cluster: Cluster, body: Any) -> Json:
    """Read the body of a PUT: type, properties with the service's defaults, both maps, identity."""
    properties = _properties(body)
    type_ = properties.get("extensionType")
    if not isinstance(type_, str) or not type_:
        raise arm_errors.invalid_content(["properties.extensionType is required"])
    identity = body.get("identity")
    if identity and cluster.kind == "aks":
        raise arm_errors.bad_request(
            "Failed to perform resource identity operation. Status: 'BadRequest'.", "FailedIdentityOperation"
        )
    if properties.get("version") and properties.get("autoUpgradeMinorVersion") is True:
        raise arm_errors.bad_request(_PINNED)
    pinned = bool(properties.get("version"))
    return {
        "type": type_.lower(),
        "identity": bool(identity) and identity.get("type") == "SystemAssigned",
        "properties": {
            "autoUpgradeMode": properties.get("autoUpgradeMode") or ("none" if pinned else "compatible"),
            "autoUpgradeMinorVersion": properties.get("autoUpgradeMinorVersion", not pinned),
            "releaseTrain": properties.get("releaseTrain") or "Stable",
            "version": properties.get("version"),
            "scope": _scope(properties.get("scope"), type_.lower()),
        },
        "settings": _strings(properties, "configurationSettings"),
        "protected": _strings(properties, "configurationProtectedSettings"),
    }


def same_type(extension: Extension, type_: str) -> None:
    """400: the type of an extension cannot be changed."""
    if extension.type != type_:
        raise arm_errors.bad_request(
            f"The extensionType of '{extension.name}' cannot be changed from '{extension.type}' to '{type_}'."
        )


def changes(extension: Extension, body: Any) -> tuple[Json, dict[str, str], dict[str, str] | None]:
    """Read the body of a PATCH: changed properties, settings to merge, and the protected map or None."""
    properties = _properties(body)
    changed = {key: properties[key] for key in _PATCHABLE if key in properties}
    automatic = changed.get("autoUpgradeMinorVersion", extension.properties["autoUpgradeMinorVersion"])
    if changed.get("version") and automatic:
        raise arm_errors.bad_request(_PINNED)
    protected = None
    if properties.get("configurationProtectedSettings") is not None:
        protected = _strings(properties, "configurationProtectedSettings")
    return changed, _strings(properties, "configurationSettings"), protected


def _properties(body: Any) -> Json:
    if not isinstance(body, dict):
        raise arm_errors.invalid_content(["the body is not a JSON object"])
    properties = body.get("properties")
    if not isinstance(properties, dict):
        raise arm_errors.invalid_content(["properties is required"])
    return properties


def _strings(properties: Json, key: str) -> dict[str, str]:
    given = properties.get(key)
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise arm_errors.invalid_content([f"properties.{key} is not an object"])
    wrong = [f"properties.{key}.{name} is not a string" for name, v in given.items() if not isinstance(v, str)]
    if wrong:
        raise arm_errors.invalid_content(wrong)
    return dict(given)


def _scope(given: Any, type_: str) -> Json:
    """The scope as it is kept; a cluster scope where the request names none."""
    scope = given if isinstance(given, dict) else {}
    present = [name for name in ("cluster", "namespace") if scope.get(name) is not None]
    if len(present) > 1:
        raise arm_errors.bad_request("Only one of scope.cluster and scope.namespace can be given.")
    if present == ["namespace"] and type_ == AZUREML:
        raise arm_errors.bad_request(
            "Invalid scope 'namespace'. This extension can be installed only at 'cluster' scope."
        )
    return {present[0]: dict(scope[present[0]])} if present else {"cluster": {"releaseNamespace": None}}
