"""The control surface's verbs about the inside of clusters: the client's half.

`simulator.control.Control` has them as its own; they stand here to keep its file short. Cluster ids are
ARM ids in any letter case.
"""

from typing import Any, Literal, Protocol

type Work = Literal["amljobs", "jobs", "onlinedeployments", "onlineendpoints", "instancetypes"]
type Mode = Literal[
    "slow", "drip", "huge", "garbage", "misshapen", "endless", "redirect", "error", "tls", "unreachable"
]


class _Asks(Protocol):
    """What `Control` has."""

    def _ask(self, verb: str, *, patience: float = ..., **given: Any) -> Any:
        """Make one control request."""


class KubernetesControl:
    """Changes what API servers show, and how they behave."""

    def kubeconfig(self: _Asks, cluster_id: str, who: Literal["user", "admin"] = "user") -> str:
        """A kubeconfig as YAML: as AKS would give it, or with a service account's token on Arc."""
        return str(self._ask("kubeconfig", cluster_id=cluster_id, who=who))

    def kubernetes_url(self: _Asks, cluster_id: str) -> str:
        """The address of a cluster's API server: `<url>/_kubernetes/<base64url of the lower-case ARM id>`."""
        return str(self._ask("kubernetes_url", cluster_id=cluster_id))

    # Workloads

    def change_workload(
        self: _Asks,
        cluster_id: str,
        name: str,
        *,
        namespace: str = "azureml",
        missing: bool = False,
        ready: int | None = None,
        reason: str = "",
    ) -> None:
        """Have a workload be gone (`missing`), or only `ready` of its pods ready; None: all.

        `reason` is why the others wait: ImagePullBackOff, CrashLoopBackOff, Unschedulable, ...
        It may be said before the workload is there, and holds until `restore_workload`.
        """
        given: dict[str, Any] = {"namespace": namespace, "missing": missing, "ready": ready, "reason": reason}
        self._ask("change_workload", cluster_id=cluster_id, name=name, **given)

    def restore_workload(self: _Asks, cluster_id: str, name: str, namespace: str = "azureml") -> None:
        """End `change_workload`."""
        self._ask("restore_workload", cluster_id=cluster_id, name=name, namespace=namespace)

    def add_component(
        self: _Asks, cluster_id: str, part: str, *, namespace: str | None = None, release: str | None = None
    ) -> None:
        """Install a foreign component, as its public chart would unless a namespace or Helm release is given.

        Parts: prometheus-operator, volcano, nvidia-device-plugin, gpu-operator, dcgm-exporter,
        ingress-nginx (with its ingress class) and azureml-fe (the legacy objects in namespace default).
        """
        self._ask("add_component", cluster_id=cluster_id, part=part, namespace=namespace, release=release)

    def remove_component(self: _Asks, cluster_id: str, part: str) -> None:
        """Remove a foreign component."""
        self._ask("remove_component", cluster_id=cluster_id, part=part)

    # Single objects

    def put_cluster_secret(
        self: _Asks,
        cluster_id: str,
        name: str,
        data: dict[str, str],
        *,
        namespace: str = "azureml",
        type_: str = "Opaque",
    ) -> None:
        """Write a secret; `data` in clear, as `kubectl create secret` takes it. Makes its namespace too."""
        given: dict[str, Any] = {"data": data, "namespace": namespace, "type_": type_}
        self._ask("put_cluster_secret", cluster_id=cluster_id, name=name, **given)

    def delete_cluster_secret(self: _Asks, cluster_id: str, name: str, namespace: str = "azureml") -> None:
        """Delete a secret."""
        self._ask("delete_cluster_secret", cluster_id=cluster_id, name=name, namespace=namespace)

    def put_service(
        self: _Asks,
        cluster_id: str,
        name: str,
        *,
        namespace: str = "default",
        type_: str = "LoadBalancer",
        address: str | None = None,
    ) -> None:
        """Make a service. On Arc, a load balancer's address here shows that the cluster has one."""
        given: dict[str, Any] = {"namespace": namespace, "type_": type_, "address": address}
        self._ask("put_service", cluster_id=cluster_id, name=name, **given)

    def start_work(
        self: _Asks,
        cluster_id: str,
        name: str,
        *,
        kind: Work = "amljobs",
        namespace: str = "default",
        phase: str = "Running",
    ) -> None:
        """Have a job or an endpoint, in a phase; again with another phase to change it."""
        self._ask("start_work", cluster_id=cluster_id, name=name, kind=kind, namespace=namespace, phase=phase)

    def stop_work(
        self: _Asks, cluster_id: str, name: str, *, kind: Work = "amljobs", namespace: str = "default"
    ) -> None:
        """Delete a job or an endpoint."""
        self._ask("stop_work", cluster_id=cluster_id, name=name, kind=kind, namespace=namespace)

    def set_healthcheck(self: _Asks, cluster_id: str, data: dict[str, str] | None) -> None:
        """Set the data of configmap arcml-healthcheck; {} for no configmap, None for what a failure leaves."""
        self._ask("set_healthcheck", cluster_id=cluster_id, data=data)

    def set_namespace(self: _Asks, cluster_id: str, name: str = "azureml", phase: str | None = None) -> None:
        """Have a namespace, Active or Terminating, whatever stands in it; None ends that."""
        self._ask("set_namespace", cluster_id=cluster_id, name=name, phase=phase)

    # Nodes

    def change_node(self: _Asks, cluster_id: str, number: int, **facts: Any) -> None:
        """Change a node, counted from 0 through all pools.

        Facts: labels (added), ready, schedulable, gpus, cpu, memory_gib, os, arch.
        """
        self._ask("change_node", cluster_id=cluster_id, number=number, **facts)

    def set_gpus(self: _Asks, cluster_id: str, gpus: int, nodes: int | None = None) -> None:
        """Give the first `nodes` nodes (None: all) so many NVIDIA GPUs each."""
        self._ask("set_gpus", cluster_id=cluster_id, gpus=gpus, nodes=nodes)

    # The API server itself

    def forbid(self: _Asks, cluster_id: str, resources: list[str]) -> None:
        """Answer 403 to readings of these resources (secrets, pods, version, ...; `*`: all); [] ends it."""
        self._ask("forbid", cluster_id=cluster_id, resources=resources)

    def hostile(self: _Asks, cluster_id: str, mode: Mode | None = None, path: str | None = None) -> None:
        """Have the API server misbehave on paths that a regular expression finds (None: all); None ends it.

        The modes are told in `simulator.kubernetes_state.MODES`. After `redirect`, a request whose path has
        `/_kubernetes/elsewhere` in the journal was made by a client that followed; its caller is
        "somebody" where it brought its token along.
        """
        self._ask("hostile", cluster_id=cluster_id, mode=mode, path=path)
