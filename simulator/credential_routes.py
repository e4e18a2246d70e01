"""Credentials of AKS clusters: listClusterUserCredential and listClusterAdminCredential.

Sources: azure-mgmt-containerservice 41.8.0 (API 2026-08-01); Microsoft Learn, "Manage local accounts with
AKS-managed Microsoft Entra integration" (no static credential where local accounts are disabled) and
"Quotas ... in Azure Kubernetes Service" (all other APIs: 60 for each subscription and region, refilled at 1/s).

Azure tells of each such call by a ResourceActionSuccess event; the simulator does not.
"""

import base64

from simulator.arm import GROUP, Call, Reply, Route, route
from simulator.arm_errors import ArmError
from simulator.clusters import Cluster
from simulator.kubernetes_config import Kubeconfigs, Who
from simulator.kubernetes_state import entra, local_accounts
from simulator.throttling import Throttling
from simulator.world import World

_AKS = GROUP + r"/providers/(?P<type>Microsoft\.ContainerService/managedClusters)/(?P<cluster>[^/]+)"
_STYLES = {"exec", "azure"}


class CredentialRoutes:
    """Hands out kubeconfigs."""

    def __init__(self, world: World, throttling: Throttling, kubeconfigs: Kubeconfigs) -> None:
        self._world, self._throttling, self._kubeconfigs = world, throttling, kubeconfigs

    def routes(self) -> list[Route]:
        """All routes of this service."""
        return [
            route("POST", f"{_AKS}/listClusterUserCredential", "credentials", self.user),
            route("POST", f"{_AKS}/listClusterAdminCredential", "credentials", self.admin),
        ]

    def user(self, call: Call) -> Reply:
        """The user's credential: without any secret where the cluster has Microsoft Entra ID."""
        cluster, style = self._asked(call), call.query.get("format", "exec").lower()
        if style not in _STYLES:
            raise _refused(f"The value '{style}' of parameter 'format' is not one of azure, exec.")
        if not entra(cluster) and not local_accounts(cluster):
            raise _no_static_credential()
        return self._given(cluster, "user", style)

    def admin(self, call: Call) -> Reply:
        """The admin's credential; 400 where local accounts are disabled."""
        cluster = self._asked(call)
        if not local_accounts(cluster):
            raise _no_static_credential()
        return self._given(cluster, "admin")

    def _asked(self, call: Call) -> Cluster:
        cluster = self._world.cluster(call.parts)
        self._throttling.spend_aks_other(cluster.subscription, cluster.location)
        return cluster

    def _given(self, cluster: Cluster, who: Who, style: str = "exec") -> Reply:
        text = self._kubeconfigs.text(cluster, who, style)
        name = "clusterAdmin" if who == "admin" else "clusterUser"
        return Reply(200, {"kubeconfigs": [{"name": name, "value": base64.b64encode(text.encode()).decode()}]})


def _refused(message: str) -> ArmError:
    # The AKS resource provider does not put its errors under `error`.
    return ArmError(400, "BadRequest", message, wrapped=False)


def _no_static_credential() -> ArmError:
    return _refused("Getting static credential is not allowed because this cluster is set to disable local accounts.")
