"""Components that others put into clusters, as their public charts and manifests name them.

Sources: the Helm charts kube-prometheus-stack, volcano, gpu-operator, dcgm-exporter and ingress-nginx, the
manifest of NVIDIA/k8s-device-plugin, and Microsoft Learn, "How to attach Kubernetes (v1)", which lists the
objects of the legacy azureml-fe for deletion.
"""

from dataclasses import dataclass

from simulator.kubernetes_objects import Form, Workload

type Load = tuple[str, Form, str]  # name, form, image
_VOLCANO = "docker.io/volcanosh"
_NVIDIA = "nvcr.io/nvidia"


@dataclass(frozen=True, slots=True)
class Part:
    """One component. `definitions` are plural, group, kind and version; `ingress` is class and controller."""

    namespace: str
    release: str | None
    loads: tuple[Load, ...]
    definitions: tuple[tuple[str, str, str, str], ...] = ()
    ingress: tuple[str, str] | None = None
    services: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    bindings: tuple[str, ...] = ()
    configmaps: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()

    def workloads(self, nodes: int) -> list[Workload]:
        """Its workloads; daemonsets stand on so many nodes."""
        return [
            Workload(self.namespace, name, form, nodes if form == "daemonset" else 1, ((name, image),), self.release)
            for name, form, image in self.loads
        ]


PARTS = {
    "prometheus-operator": Part(
        "monitoring",
        "kube-prometheus-stack",
        (
            (
                "kube-prometheus-stack-operator",
                "deployment",
                "quay.io/prometheus-operator/prometheus-operator:v0.82.2",
            ),
        ),
        (
            ("prometheuses", "monitoring.coreos.com", "Prometheus", "v1"),
            ("servicemonitors", "monitoring.coreos.com", "ServiceMonitor", "v1"),
        ),
    ),
    "volcano": Part(
        "volcano-system",
        "volcano",
        (
            ("volcano-admission", "deployment", f"{_VOLCANO}/vc-webhook-manager:v1.11.2"),
            ("volcano-controllers", "deployment", f"{_VOLCANO}/vc-controller-manager:v1.11.2"),
            ("volcano-scheduler", "deployment", f"{_VOLCANO}/vc-scheduler:v1.11.2"),
        ),
        (("jobs", "batch.volcano.sh", "Job", "v1alpha1"), ("queues", "scheduling.volcano.sh", "Queue", "v1beta1")),
    ),
    "nvidia-device-plugin": Part(
        "kube-system",
        None,  # applied from its manifest
        (("nvidia-device-plugin-daemonset", "daemonset", f"{_NVIDIA}/k8s-device-plugin:v0.17.1"),),
    ),
    "gpu-operator": Part(
        "gpu-operator",
        "gpu-operator",
        (
            ("gpu-operator", "deployment", f"{_NVIDIA}/gpu-operator:v25.3.0"),
            ("nvidia-device-plugin-daemonset", "daemonset", f"{_NVIDIA}/k8s-device-plugin:v0.17.1"),
            ("nvidia-dcgm-exporter", "daemonset", f"{_NVIDIA}/k8s/dcgm-exporter:4.2.0-4.1.0-ubuntu22.04"),
        ),
        (("clusterpolicies", "nvidia.com", "ClusterPolicy", "v1"),),
    ),
    "dcgm-exporter": Part(
        "monitoring",
        "dcgm-exporter",
        (("dcgm-exporter", "daemonset", f"{_NVIDIA}/k8s/dcgm-exporter:4.2.0-4.1.0-ubuntu22.04"),),
    ),
    "ingress-nginx": Part(
        "ingress-nginx",
        "ingress-nginx",
        (("ingress-nginx-controller", "deployment", "registry.k8s.io/ingress-nginx/controller:v1.12.1"),),
        ingress=("nginx", "k8s.io/ingress-nginx"),
        services=("ingress-nginx-controller",),
    ),
    "azureml-fe": Part(
        "default",
        None,
        (("azureml-fe", "deployment", "mcr.microsoft.com/azureml/azureml-fe:1.0.0"),),
        services=("azureml-fe", "azureml-fe-int-http"),
        accounts=("azureml-fe",),
        roles=("azureml-fe-role",),
        bindings=("azureml-fe-binding",),
        configmaps=("azuremlfeconfig",),
        secrets=("azuremlfessl",),
    ),
}
