"""The control surface's verbs about the inside of clusters: the server's half.

What each verb does is told in `simulator.control_kubernetes`, its client.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from simulator.clock import Clock
from simulator.kubernetes_config import Kubeconfigs, Who
from simulator.kubernetes_contents import WORK
from simulator.kubernetes_foreign import PARTS
from simulator.kubernetes_state import (
    MODES,
    Hostility,
    Inside,
    Insides,
    NodeChange,
    Secret,
    ServiceEntry,
    WorkloadChange,
)
from simulator.world import World


@dataclass(slots=True)
class InsideControl:
    """Verbs as methods that take and give JSON."""

    clock: Clock
    world: World
    insides: Insides
    kubeconfigs: Kubeconfigs

    def verbs(self) -> list[Callable[..., Any]]:
        """All of them; their names are the verbs'."""
        return [
            *(self.kubeconfig, self.kubernetes_url, self.change_workload, self.restore_workload, self.change_node),
            *(self.add_component, self.remove_component, self.put_cluster_secret, self.delete_cluster_secret),
            *(self.put_service, self.start_work, self.stop_work, self.set_gpus, self.set_healthcheck),
            *(self.set_namespace, self.forbid, self.hostile),
        ]

    def kubeconfig(self, cluster_id: str, who: Who = "user") -> str:
        """A kubeconfig as YAML."""
        return self.kubeconfigs.text(self.world.by_id(cluster_id), who)

    def kubernetes_url(self, cluster_id: str) -> str:
        """The address of the API server."""
        return self.kubeconfigs.server(self.world.by_id(cluster_id))

    # Workloads

    def change_workload(
        self,
        cluster_id: str,
        name: str,
        *,
        namespace: str = "azureml",
        missing: bool = False,
        ready: int | None = None,
        reason: str = "",
    ) -> None:
        """Have a workload be gone or not ready."""
        self._of(cluster_id).workloads[namespace, name] = WorkloadChange(missing, ready, reason)

    def restore_workload(self, cluster_id: str, name: str, namespace: str = "azureml") -> None:
        """End `change_workload`."""
        self._of(cluster_id).workloads.pop((namespace, name), None)

    def add_component(
        self, cluster_id: str, part: str, *, namespace: str | None = None, release: str | None = None
    ) -> None:
        """Install a foreign component."""
        if part not in PARTS:
            raise ValueError(f"there is no component {part}; there are {', '.join(PARTS)}")
        known = PARTS[part]
        placed = replace(known, namespace=namespace or known.namespace, release=release or known.release)
        self._of(cluster_id).components[part] = placed

    def remove_component(self, cluster_id: str, part: str) -> None:
        """Remove a foreign component."""
        del self._of(cluster_id).components[part]

    # Single objects

    def put_cluster_secret(
        self, cluster_id: str, name: str, data: dict[str, str], *, namespace: str = "azureml", type_: str = "Opaque"
    ) -> None:
        """Write a secret."""
        self._of(cluster_id).secrets[namespace, name] = Secret(dict(data), type_, self.clock.now())

    def delete_cluster_secret(self, cluster_id: str, name: str, namespace: str = "azureml") -> None:
        """Delete a secret."""
        del self._of(cluster_id).secrets[namespace, name]

    def put_service(
        self,
        cluster_id: str,
        name: str,
        *,
        namespace: str = "default",
        type_: str = "LoadBalancer",
        address: str | None = None,
    ) -> None:
        """Make a service."""
        self._of(cluster_id).services[namespace, name] = ServiceEntry(type_, address)

    def start_work(
        self,
        cluster_id: str,
        name: str,
        *,
        kind: str = "amljobs",
        namespace: str = "default",
        phase: str = "Running",
    ) -> None:
        """Have a job or an endpoint, in a phase."""
        if kind not in WORK:
            raise ValueError(f"there is no work {kind}; there are {', '.join(WORK)}")
        self._of(cluster_id).work[kind, namespace, name] = phase

    def stop_work(self, cluster_id: str, name: str, *, kind: str = "amljobs", namespace: str = "default") -> None:
        """Delete a job or an endpoint."""
        del self._of(cluster_id).work[kind, namespace, name]

    def set_healthcheck(self, cluster_id: str, data: dict[str, str] | None) -> None:
        """Set the health check's report."""
        self._of(cluster_id).healthcheck = data

    def set_namespace(self, cluster_id: str, name: str = "azureml", phase: str | None = None) -> None:
        """Set a namespace's phase."""
        phases = self._of(cluster_id).namespaces
        if phase is None:
            phases.pop(name, None)
        else:
            phases[name] = phase

    # Nodes

    def change_node(self, cluster_id: str, number: int, **facts: Any) -> None:
        """Change a node; facts that are not given stay as they were changed before."""
        changes = self._of(cluster_id).nodes
        changes[number] = replace(changes.get(number, NodeChange()), **facts)

    def set_gpus(self, cluster_id: str, gpus: int, nodes: int | None = None) -> None:
        """Give the first nodes so many GPUs each."""
        count = self.world.by_id(cluster_id).nodes if nodes is None else nodes
        for number in range(count):
            self.change_node(cluster_id, number, gpus=gpus)

    # The API server itself

    def forbid(self, cluster_id: str, resources: list[str]) -> None:
        """Have RBAC refuse resources."""
        self._of(cluster_id).forbidden = frozenset(resources)

    def hostile(self, cluster_id: str, mode: str | None = None, path: str | None = None) -> None:
        """Have the API server misbehave, or behave again."""
        if mode is not None and mode not in MODES:
            raise ValueError(f"there is no mode {mode}; there are {', '.join(MODES)}")
        re.compile(path or "")
        self._of(cluster_id).hostility = None if mode is None else Hostility(mode, path)

    def _of(self, cluster_id: str) -> Inside:
        return self.insides.of(self.world.by_id(cluster_id))
