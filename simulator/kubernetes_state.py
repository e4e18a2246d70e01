"""What tests have changed inside a cluster, and the tokens that its API server knows.

Nothing of a cluster's inside is stored but these changes: nodes come from its pools, workloads from its
extensions, each time somebody asks (`simulator.kubernetes_view`).
"""

import re
import secrets
from dataclasses import dataclass, field

from simulator.clusters import Cluster
from simulator.kubernetes_foreign import Part

type Place = tuple[str, str]  # namespace and name

MODES = (
    "slow",  # the connection is taken, and no answer comes
    "drip",  # an answer that never ends, a byte at a time: a limit for each read never strikes
    "huge",  # an answer that never ends, as fast as it is taken
    "garbage",  # 200 and no JSON
    "misshapen",  # 200 and JSON, with lists where objects belong
    "endless",  # lists whose every page promises another one
    "redirect",  # 302 to another origin
    "error",  # 500
    "tls",  # kubeconfigs name a certificate authority that did not sign the server's certificate
    "unreachable",  # kubeconfigs name an address where nobody listens
)


@dataclass(frozen=True, slots=True)
class WorkloadChange:
    """What is wrong with a workload."""

    missing: bool
    ready: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret and when it was written; never shown by the journal."""

    data: dict[str, str] = field(repr=False)
    type: str
    at: float


@dataclass(frozen=True, slots=True)
class ServiceEntry:
    """A service that somebody made."""

    type: str
    address: str | None


@dataclass(frozen=True, slots=True)
class NodeChange:
    """What differs from what the pool or Arc would give; None leaves it."""

    labels: dict[str, str] | None = None
    ready: bool | None = None
    schedulable: bool | None = None
    gpus: int | None = None
    cpu: int | None = None
    memory_gib: float | None = None
    os: str | None = None
    arch: str | None = None


@dataclass(frozen=True, slots=True)
class Hostility:
    """How an API server misbehaves, and for which paths (a regular expression; None for all)."""

    mode: str
    path: str | None = None

    def mode_for(self, path: str) -> str:
        """The mode for a path; empty where the server behaves there."""
        return self.mode if self.path is None or re.search(self.path, path) else ""


@dataclass(slots=True)
class Inside:
    """The changes to one cluster.

    Attributes:
        components: foreign ones by their name in `simulator.kubernetes_foreign.PARTS`, as they were placed.
        work: phases by resource (amljobs, jobs, onlinedeployments, onlineendpoints, instancetypes), namespace and name.
        namespaces: phases that were set by hand.
        healthcheck: data of the configmap, in place of what the extension's failure would give.
        forbidden: resources whose reading RBAC refuses; `*` stands for all.
        admin, user: tokens; on Arc, `user` is that of a service account.
    """

    cluster: Cluster
    workloads: dict[Place, WorkloadChange] = field(default_factory=dict)
    components: dict[str, Part] = field(default_factory=dict)
    secrets: dict[Place, Secret] = field(default_factory=dict)
    services: dict[Place, ServiceEntry] = field(default_factory=dict)
    work: dict[tuple[str, str, str], str] = field(default_factory=dict)
    nodes: dict[int, NodeChange] = field(default_factory=dict)
    namespaces: dict[str, str] = field(default_factory=dict)
    healthcheck: dict[str, str] | None = None
    forbidden: frozenset[str] = frozenset()
    hostility: Hostility | None = None
    admin: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)
    user: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)


class Insides:
    """The changes to all clusters. A cluster that is made anew under its old name starts without any."""

    def __init__(self) -> None:
        self._known: dict[str, Inside] = {}

    def of(self, cluster: Cluster) -> Inside:
        """The changes to a cluster."""
        key = cluster.id.lower()
        known = self._known.get(key)
        if known is None or known.cluster is not cluster:
            known = self._known[key] = Inside(cluster)
        return known


def entra(cluster: Cluster) -> bool:
    """Whether the API server takes tokens of Microsoft Entra ID."""
    return cluster.kind == "aks" and bool((cluster.properties.get("aadProfile") or {}).get("managed"))


def local_accounts(cluster: Cluster) -> bool:
    """Whether the API server takes its own static tokens."""
    return not cluster.properties.get("disableLocalAccounts")
