"""Reads ARM bodies and Resource Graph rows into our facts. Pure: no request is made here.

Both sources are read by the same functions: a Resource Graph row that was queried with its whole
`properties` has the shape of an ARM body, save that extension rows spell their properties in
PascalCase (Microsoft's sample queries for microsoft.kubernetesconfiguration/extensions). Names of
properties are therefore matched without case at the levels known here; names of the extension's
settings are Helm values and are left exactly as they are.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from shared.errors import InvalidClusterId, Refused
from shared.model.cluster import Cluster, NodePool, Source
from shared.model.extension import Extension
from shared.model.identity import ClusterId, Kind
from shared.model.lenient import Lenient


def read_cluster(body: Mapping[str, Any], source: Source) -> Cluster:
    """Read an AKS or Arc cluster from the body of its ARM GET, or from its Resource Graph row.

    Raises:
        Refused: the body is no mapping, or its id is not a cluster's.
    """
    arm_id = _text(_fields(body, "cluster").get("id"))
    if not arm_id:
        raise Refused("Azure's answer for a cluster has no id.")
    try:
        cluster_id = ClusterId.parse(arm_id)
    except InvalidClusterId as error:
        raise Refused("Azure's answer for a cluster has an id that is not a cluster's.") from error
    fields = Lenient(body)
    segments = arm_id.strip("/").split("/")
    common: dict[str, Any] = {
        "id": cluster_id,
        "name": fields.text("name") or segments[-1],
        "resource_group": segments[3],
        "location": (fields.text("location") or "").replace(" ", "").lower(),
        "tags": {str(name): _text(value) or "" for name, value in fields.mapping("tags").items()},
        "source": source,
    }
    properties = fields.inner("properties")
    common["provisioning_state"] = properties.text("provisioningState")
    if cluster_id.kind is Kind.AKS:
        return Cluster(**common, **_aks(fields, properties))
    return Cluster(**common, **_arc(fields, properties))


def _aks(fields: Lenient, properties: Lenient) -> dict[str, Any]:
    """Facts that AKS alone reports (Microsoft.ContainerService/managedClusters, swagger 2025-10-01)."""
    pools = _pools(properties)
    return {
        "incarnation": properties.text("resourceUID") or fields.inner("identity").text("principalId"),
        "power_state": properties.inner("powerState").text("code"),
        "nodes": _sum_of_counts(pools),
        "gpu": _any_gpu(pools),
        "gpu_models": None if pools is None else _gpu_models(pools),
        "kubernetes_version": properties.text("currentKubernetesVersion") or properties.text("kubernetesVersion"),
        "distribution": "aks",
        "managed_identity": _managed_identity(fields, properties),
        "pools": pools,
        **(_aks_features(properties) if pools is not None else {}),
    }


def _aks_features(properties: Lenient) -> dict[str, Any]:
    """What is switched on, from a body that tells its pools, which ARM's and Resource Graph's bodies always do.

    AKS leaves out the profiles of features that are not used, so that in such a body an absent profile
    means off (az aks reads them in the same way: `mc.pod_identity_profile is None`). Fields that AKS always
    fills in (disableLocalAccounts, networkProfile) stay unknown when they are absent.

    Every path that is read here is one of `shared.azure.kql.FACTS`: what Resource Graph is not asked for
    would differ between the two sources.
    """
    access = properties.inner("apiServerAccessProfile")
    ranges = access.get("authorizedIPRanges")
    entra = properties.inner("aadProfile")
    proxy = properties.inner("httpProxyConfig")
    kubelet = properties.inner("identityProfile").inner("kubeletidentity")
    return {
        "kubelet_identity": kubelet.text("resourceId") is not None,
        "local_accounts_disabled": properties.flag("disableLocalAccounts"),
        "entra": bool(entra.flag("managed") or entra.text("tenantID")),
        "authorized_ranges": tuple(text for text in ranges if isinstance(text, str))
        if isinstance(ranges, list)
        else (),
        "private": bool(access.flag("enablePrivateCluster")),
        "pod_identity": bool(properties.inner("podIdentityProfile").flag("enabled")),
        "outbound_type": properties.inner("networkProfile").text("outboundType"),
        "http_proxy": proxy.flag("enabled") is not False and bool(proxy.text("httpProxy") or proxy.text("httpsProxy")),
        "node_autoprovisioning": (properties.inner("nodeProvisioningProfile").text("mode") or "").lower() == "auto",
    }


def _arc(fields: Lenient, properties: Lenient) -> dict[str, Any]:
    """Facts that Azure Arc alone reports (Microsoft.Kubernetes/connectedClusters).

    Node and core counts, version and distribution are null for up to ten minutes after connecting.
    """
    return {
        "incarnation": fields.inner("identity").text("principalId"),
        "connectivity": properties.text("connectivityStatus"),
        "last_connectivity": _time(properties.text("lastConnectivityTime")),
        "nodes": properties.number("totalNodeCount"),
        "cores": properties.number("totalCoreCount"),
        "kubernetes_version": properties.text("kubernetesVersion"),
        "distribution": properties.text("distribution"),
        "agent_errors": _agent_errors(properties),
    }


# Told errors are shown to people; a cluster in trouble may repeat itself.
_ERRORS, _LENGTH = 10, 300


def _agent_errors(properties: Lenient) -> tuple[str, ...] | None:
    """Component and message of each of `arcAgentProfile.agentErrors`; their times would make every look differ."""
    errors = properties.inner("arcAgentProfile").items("agentErrors")
    if errors is None:
        return None
    told = (": ".join(filter(None, (error.text("component"), error.text("message")))) for error in errors)
    return tuple(dict.fromkeys(text[:_LENGTH] for text in told if text))[:_ERRORS]


def _managed_identity(fields: Lenient, properties: Lenient) -> bool | None:
    """Whether the AKS cluster works under a managed identity; None where the body does not tell.

    `servicePrincipalProfile.clientId` is the word "msi" for managed identities and a service
    principal's id otherwise (swagger ManagedClusterServicePrincipalProfile).
    """
    client_id = properties.inner("servicePrincipalProfile").text("clientId")
    if client_id is not None:
        return client_id.lower() == "msi"
    kind = fields.inner("identity").text("type")
    return True if kind and kind.lower() != "none" else None


def _pools(properties: Lenient) -> tuple[NodePool, ...] | None:
    profiles = properties.items("agentPoolProfiles")
    return None if profiles is None else tuple(_pool(profile) for profile in profiles)


def _pool(profile: Lenient) -> NodePool:
    gpu_profile = profile.inner("gpuProfile")
    managed = (gpu_profile.inner("nvidia").text("managementMode") or "").lower() == "managed"
    labels = profile.mapping("nodeLabels")
    return NodePool(
        name=profile.text("name") or "",
        count=profile.number("count"),
        min_count=profile.number("minCount"),
        max_count=profile.number("maxCount"),
        vm_size=profile.text("vmSize") or _virtual_machines_size(profile),
        os_type=profile.text("osType"),
        mode=profile.text("mode"),
        power_state=profile.inner("powerState").text("code"),
        labels=tuple(sorted((str(name), str(value)) for name, value in labels.items())),
        # With managementMode "Managed" AKS itself installs the device plugin and the DCGM exporter
        # (AKS documentation, managed GPU node pools), so it says more than gpuProfile.driver does.
        gpu_driver="Managed" if managed else gpu_profile.text("driver"),
        autoscaled=bool(profile.flag("enableAutoScaling")),
    )


def _virtual_machines_size(profile: Lenient) -> str | None:
    """One size of a pool of type VirtualMachines, which has no vmSize; a size with GPUs is preferred."""
    manual = profile.inner("virtualMachinesProfile").inner("scale").items("manual")
    sizes = [size for entry in manual or () if (size := entry.text("size"))]
    return min(sizes, key=lambda size: not size.lower().startswith("standard_n"), default=None)


def _sum_of_counts(pools: tuple[NodePool, ...] | None) -> int | None:
    """The number of nodes now; one pool that does not tell its count makes the sum unknown."""
    if pools is None:
        return None
    counts = [pool.count for pool in pools]
    return None if None in counts else sum(count for count in counts if count is not None)


def _any_gpu(pools: tuple[NodePool, ...] | None) -> bool | None:
    if pools is None:
        return None
    known = [pool.gpu for pool in pools]
    return True if True in known else None if None in known else False


def _gpu_models(pools: tuple[NodePool, ...]) -> tuple[str, ...]:
    return tuple(sorted({pool.vm_size for pool in pools if pool.gpu and pool.vm_size}))


def read_extension(body: Mapping[str, Any]) -> Extension:
    """Read a cluster extension from its ARM body or its Resource Graph row.

    Null where a list or a mapping is expected is taken as empty, as the service sends both.

    Raises:
        Refused: the body is no mapping, or has no name.
    """
    fields = Lenient(_fields(body, "cluster extension"))
    arm_id = fields.text("id") or ""
    name = fields.text("name") or arm_id.rstrip("/").rpartition("/")[2]
    if not name:
        raise Refused("Azure's answer for a cluster extension has neither id nor name.")
    properties = fields.inner("properties")
    system = fields.inner("systemData")
    state = properties.text("provisioningState") or ""
    code, message = _failure(properties, failed=state.lower() == "failed")
    return Extension(
        name=name,
        type=properties.text("extensionType") or "",
        provisioning_state=state,
        settings={
            str(key): text
            for key, value in properties.mapping("configurationSettings").items()
            if (text := _text(value)) is not None
        },
        version=properties.text("version"),
        current_version=properties.text("currentVersion"),
        release_train=properties.text("releaseTrain"),
        auto_upgrade_minor_version=properties.flag("autoUpgradeMinorVersion"),
        auto_upgrade_mode=properties.text("autoUpgradeMode"),
        release_namespace=properties.inner("scope").inner("cluster").text("releaseNamespace"),
        error_code=code,
        error_message=message,
        system_managed=_system_managed(fields, properties),
        created_by=system.text("createdBy"),
        created_at=_time(system.text("createdAt")),
        modified_by=system.text("lastModifiedBy"),
        modified_by_type=system.text("lastModifiedByType"),
        modified_at=_time(system.text("lastModifiedAt")),
    )


def _system_managed(fields: Lenient, properties: Lenient) -> bool:
    """Whether Azure itself manages the extension, so that a write would be refused (swagger 2025-03-01)."""
    return bool(
        properties.flag("isSystemExtension")
        or properties.text("managedBy")
        or fields.text("managedBy")
        or properties.inner("managementDetails").text("category")
    )


# A status without a level was seen on a failed installation (azure-cli-extensions issue 5501).
_LEVELS = {"error": 3, "": 2, "warning": 1}


def _failure(properties: Lenient, *, failed: bool) -> tuple[str, str]:
    """Code and message of what went wrong: errorInfo, else the worst status, else nothing."""
    info = properties.inner("errorInfo")
    code, message = info.text("code"), info.text("message")
    if code or message:
        return code or "", message or ""
    graded = [((entry.text("level") or "").lower(), entry) for entry in properties.items("statuses") or ()]
    bad = [(level, entry) for level, entry in graded if level in _LEVELS and (level or failed)]
    if not bad:
        return "", ""
    _, worst = max(bad, key=lambda pair: _LEVELS[pair[0]])
    return worst.text("code") or "", worst.text("message") or worst.text("displayStatus") or ""


def _fields(body: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(body, Mapping):
        raise Refused(f"Azure's answer for a {what} is not a JSON object.")
    return body


def _text(value: Any) -> str | None:
    """A scalar as the service's string map writes it; None for null and for nested values."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, bool | int | float) else None


def _time(text: str | None) -> datetime | None:
    """An RFC 3339 time; one without an offset is taken as UTC, an unreadable one as unknown."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
