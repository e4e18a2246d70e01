"""Facts about one cluster, as ARM or Resource Graph told them. None means: not known."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.model.identity import ClusterId, Kind


class Source(StrEnum):
    """Who told us. Resource Graph lags behind ARM and alone never justifies a write."""

    ARM = "arm"
    GRAPH = "graph"


# Azure's VM size names: family letters, vCPU count, feature letters. N families carry GPUs; a `p`
# among the features means an Arm processor (Azure VM naming conventions).
_SIZE = re.compile(r"(?:standard|basic)_(?P<family>[a-z]+)(?P<cpus>\d+)(?:-\d+)?(?P<features>[a-z]*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class NodePool:
    """One AKS agent pool. `count` is its size now; the autoscaler moves it between the bounds."""

    name: str
    count: int | None
    min_count: int | None
    max_count: int | None
    vm_size: str | None
    os_type: str | None
    mode: str | None
    power_state: str | None
    labels: tuple[tuple[str, str], ...] = ()
    gpu_driver: str | None = None
    autoscaled: bool = False

    @property
    def gpu(self) -> bool | None:
        """Whether its machines carry GPUs, told from the size's family; None where the size is unknown."""
        match = _SIZE.match(self.vm_size or "")
        return match["family"].lower().startswith("n") if match else None

    @property
    def arm64(self) -> bool | None:
        """Whether its machines have Arm processors; None where the size is unknown."""
        match = _SIZE.match(self.vm_size or "")
        return "p" in match["features"].lower() if match else None


@dataclass(frozen=True, slots=True)
class Cluster:
    """One AKS or Arc cluster.

    Attributes:
        id: its ARM id in comparable form.
        name: its name in ARM's letter case.
        resource_group: its resource group in the letter case of the id that ARM returned.
        location: Azure region, lower case.
        tags: the cluster's own tags, names as written.
        source: who told these facts.
        incarnation: tells a cluster from a later one of the same id: AKS resourceUID or identity, Arc
            agent identity. None where neither is known.
        provisioning_state: ARM's word, as written.
        power_state: AKS only: Running or Stopped.
        connectivity: Arc only: Connecting, Connected, Offline, Expired or AgentNotInstalled.
        last_connectivity: Arc only: the agent's last heartbeat.
        nodes: number of nodes now. Arc reports null for up to ten minutes after connecting.
        cores: number of cores, Arc only.
        gpu: whether any node has a GPU; Arc's ARM body never says, so None there.
        gpu_models: VM sizes of the pools with GPUs (AKS).
        kubernetes_version: the version that runs.
        distribution: Arc: openshift, k3s, ...; AKS: aks.
        managed_identity: AKS: False where a service principal is used. None on Arc.
        kubelet_identity: AKS: whether the nodes work under a managed identity of their own; None where the
            body does not tell.
        pools: AKS agent pools. None on Arc.
        local_accounts_disabled: AKS: whether local accounts are switched off.
        entra: AKS: whether people and programs sign in with Entra ID.
        authorized_ranges: AKS: networks that may reach the API server; empty where everybody may.
        private: AKS: whether the API server has no public address.
        pod_identity: AKS: whether Entra pod identity is on.
        outbound_type: AKS: how nodes reach the internet: loadBalancer, userDefinedRouting, none, ...
        http_proxy: AKS: whether nodes go through a proxy.
        node_autoprovisioning: AKS: whether nodes are made as pods need them, so that pools tell no capacity.
        agent_errors: Arc: what the agents reported as wrong.
    """

    id: ClusterId
    name: str
    resource_group: str
    location: str
    tags: Mapping[str, str]
    source: Source
    incarnation: str | None = None
    provisioning_state: str | None = None
    power_state: str | None = None
    connectivity: str | None = None
    last_connectivity: datetime | None = None
    nodes: int | None = None
    cores: int | None = None
    gpu: bool | None = None
    gpu_models: tuple[str, ...] | None = None
    kubernetes_version: str | None = None
    distribution: str | None = None
    managed_identity: bool | None = None
    kubelet_identity: bool | None = None
    pools: tuple[NodePool, ...] | None = None
    local_accounts_disabled: bool | None = None
    entra: bool | None = None
    authorized_ranges: tuple[str, ...] | None = None
    private: bool | None = None
    pod_identity: bool | None = None
    outbound_type: str | None = None
    http_proxy: bool | None = None
    node_autoprovisioning: bool | None = None
    agent_errors: tuple[str, ...] | None = None

    @property
    def kind(self) -> Kind:
        """AKS or Arc."""
        return self.id.kind

    @property
    def arm_id(self) -> str:
        """The id as the official CLI builds it for the extension's settings: parts in ARM's letter case."""
        return (
            f"/subscriptions/{self.id.subscription}/resourceGroups/{self.resource_group}"
            f"/providers/{self.kind.provider}/{self.kind.resource}/{self.name}"
        )

    def tag(self, name: str) -> str | None:
        """The value of a tag; names are compared without case."""
        wanted = name.casefold()
        return next((value for key, value in self.tags.items() if key.casefold() == wanted), None)
