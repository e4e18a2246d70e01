"""The two kinds of Kubernetes cluster, as ARM shows them.

Bodies follow azure-mgmt-containerservice 41.8.0 (API 2026-08-01) and azure-mgmt-hybridkubernetes
2.0.0 (API 2026-05-01). Arc clusters know nothing about their nodes right after `connect`: Microsoft
Learn's quickstart allows ten minutes for the metadata, and until then those properties are null.
"""

import copy
import re
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simulator.arm import TENANT, Json
from simulator.clock import iso

if TYPE_CHECKING:
    from simulator.extensions import Extension

TYPES = {
    "aks": "Microsoft.ContainerService/managedClusters",
    "arc": "Microsoft.Kubernetes/connectedClusters",
}
_LATE_FACTS = ("kubernetesVersion", "totalNodeCount", "totalCoreCount", "agentVersion", "lastConnectivityTime")
# Sizes with a `p` among the feature letters have Arm processors (Azure VM naming conventions).
_ARM64 = re.compile(r"standard_[a-z]+\d+(?:-\d+)?[a-z]*p[a-z]*(?:_|$)", re.IGNORECASE)


@dataclass(slots=True)
class Outcome:
    """How the next operations on a cluster end, where a test has said so."""

    fail: str | None
    hang: bool
    times: int


@dataclass(slots=True)
class Cluster:
    """One cluster. `properties` is the truth; ARM shows less of it while an Arc agent has not reported."""

    kind: str
    subscription: str
    resource_group: str
    name: str
    location: str
    tags: dict[str, str]
    properties: Json
    created: float
    facts_at: float | None = None
    identity: Json | None = None
    sku: Json | None = None
    extensions: "dict[str, Extension]" = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)
    namespace_terminating_until: float = 0.0
    leftovers: dict[str, float] = field(default_factory=dict)

    @property
    def type(self) -> str:
        """The resource type in ARM's letter case."""
        return TYPES[self.kind]

    @property
    def id(self) -> str:
        """The ARM id in ARM's letter case."""
        return (
            f"/subscriptions/{self.subscription}/resourceGroups/{self.resource_group}/providers/{self.type}/{self.name}"
        )

    def shown_properties(self, now: float) -> Json:
        """The properties as ARM returns them at a time."""
        shown = copy.deepcopy(self.properties)
        if self.facts_at is not None and now < self.facts_at:
            late: tuple[str, ...] = _LATE_FACTS
            if self.distribution == "openshift":
                late = (*late, "distribution", "distributionVersion")
            shown.update(dict.fromkeys(late))
        return shown

    def body(self, now: float) -> Json:
        """The resource as ARM returns it."""
        body: Json = {
            "id": self.id,
            "name": self.name,
            "type": self.type,
            "location": self.location,
            "tags": dict(self.tags),
            "identity": copy.deepcopy(self.identity),
            "properties": self.shown_properties(now),
            "systemData": {
                "createdBy": "test.user@contoso.com",
                "createdByType": "User",
                "createdAt": iso(self.created),
                "lastModifiedBy": "test.user@contoso.com",
                "lastModifiedByType": "User",
                "lastModifiedAt": iso(self.created),
            },
        }
        if self.sku:
            body["sku"] = dict(self.sku)
        return body

    @property
    def pools(self) -> list[Json]:
        """AKS agent pools; empty on Arc."""
        pools = self.properties.get("agentPoolProfiles")
        return pools if isinstance(pools, list) else []

    @property
    def nodes(self) -> int:
        """How many nodes there really are, whether ARM shows it yet or not."""
        if self.kind == "arc":
            return int(self.properties.get("totalNodeCount") or 0)
        return sum(int(pool.get("count") or 0) for pool in self.pools)

    @property
    def distribution(self) -> str:
        """What the cluster really runs, in lower case; `aks` on AKS."""
        return "aks" if self.kind == "aks" else str(self.properties.get("distribution") or "").lower()

    @property
    def managed_identity(self) -> bool:
        """Whether the control plane has a managed identity rather than a service principal."""
        if self.kind == "arc":
            return True
        profile = self.properties.get("servicePrincipalProfile") or {}
        return str(profile.get("clientId", "msi")).lower() == "msi"

    @property
    def linux_amd64(self) -> bool:
        """Whether the extension's images run anywhere: Arc does not say, so there it is taken for granted."""
        return self.kind == "arc" or any(
            str(pool.get("osType", "Linux")).lower() == "linux" and not _ARM64.match(str(pool.get("vmSize")))
            for pool in self.pools
        )

    @property
    def reachable(self) -> bool:
        """Whether the agents answer, so that an extension operation can go on."""
        return self.kind == "aks" or self.properties.get("connectivityStatus") == "Connected"


def pool(given: Json) -> Json:
    """An agent pool with what AKS would fill in."""
    return {
        "name": "system",
        "count": 3,
        "vmSize": "Standard_D4s_v5",
        "osDiskSizeGB": 128,
        "osDiskType": "Managed",
        "maxPods": 110,
        "type": "VirtualMachineScaleSets",
        "minCount": None,
        "maxCount": None,
        "enableAutoScaling": False,
        "provisioningState": "Succeeded",
        "powerState": {"code": "Running"},
        "orchestratorVersion": "1.33",
        "currentOrchestratorVersion": "1.33.2",
        "mode": "System",
        "osType": "Linux",
        "osSKU": "Ubuntu",
        **given,
    }


def aks_properties(cluster: Cluster, nodes: int, pools: list[Json] | None) -> Json:
    """The properties of a fresh AKS cluster."""
    group = f"MC_{cluster.resource_group}_{cluster.name}_{cluster.location}"
    return {
        "provisioningState": "Succeeded",
        "powerState": {"code": "Running"},
        "kubernetesVersion": "1.33",
        "currentKubernetesVersion": "1.33.2",
        "dnsPrefix": cluster.name,
        "fqdn": f"{cluster.name.lower()}-abc.hcp.{cluster.location}.azmk8s.io",
        "azurePortalFQDN": f"{cluster.name.lower()}-abc.portal.hcp.{cluster.location}.azmk8s.io",
        "agentPoolProfiles": [pool(given) for given in (pools or [{"count": nodes}])],
        "servicePrincipalProfile": {"clientId": "msi"},
        "identityProfile": {"kubeletidentity": _kubelet_identity(cluster, group)},
        "podIdentityProfile": None,
        "nodeProvisioningProfile": {"mode": "Manual", "defaultNodePools": "Auto"},
        "nodeResourceGroup": group,
        "enableRBAC": True,
        "disableLocalAccounts": False,
        "supportPlan": "KubernetesOfficial",
        "maxAgentPools": 100,
        "networkProfile": {
            "networkPlugin": "azure",
            "networkPluginMode": "overlay",
            "loadBalancerSku": "Standard",
            "outboundType": "loadBalancer",
            "podCidr": "10.244.0.0/16",
            "serviceCidr": "10.0.0.0/16",
            "dnsServiceIP": "10.0.0.10",
            "ipFamilies": ["IPv4"],
        },
        "aadProfile": {"managed": True, "enableAzureRBAC": True, "tenantID": TENANT},
        "apiServerAccessProfile": {"enablePrivateCluster": False},
        "oidcIssuerProfile": {"enabled": True},
        "httpProxyConfig": None,
        "resourceUID": uuid.uuid4().hex[:24],
    }


def _kubelet_identity(cluster: Cluster, group: str) -> Json:
    """The identity that AKS makes for the nodes, in the group that it makes for them."""
    return {
        "resourceId": (
            f"/subscriptions/{cluster.subscription}/resourcegroups/{group}"
            f"/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{cluster.name}-agentpool"
        ),
        "clientId": str(uuid.uuid4()),
        "objectId": str(uuid.uuid4()),
    }


def arc_properties(nodes: int, now: float) -> Json:
    """The properties of an Arc cluster whose agents have reported."""
    return {
        "provisioningState": "Succeeded",
        "connectivityStatus": "Connected",
        "lastConnectivityTime": iso(now),
        "agentPublicKeyCertificate": "MIICCg" + uuid.uuid4().hex,
        "agentVersion": "1.30.1",
        "kubernetesVersion": "1.32.4+k3s1",
        "totalNodeCount": nodes,
        "totalCoreCount": nodes * 8,
        "distribution": "k3s",
        "distributionVersion": "1.32.4+k3s1",
        "infrastructure": "generic",
        "offering": None,
        "managedIdentityCertificateExpirationTime": iso(now + 90 * 86400),
        "privateLinkState": "Disabled",
        "azureHybridBenefit": "NotApplicable",
        "arcAgentProfile": {"agentAutoUpgrade": "Enabled", "agentState": "Succeeded", "agentErrors": []},
        "oidcIssuerProfile": {"enabled": False},
    }


def merged(old: Any, new: Any) -> Any:
    """`new` laid over `old`: objects key by key, everything else replaced, None included."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return copy.deepcopy(new)
    return {**old, **{key: merged(old.get(key), value) for key, value in new.items()}}
