"""Objects of a cluster with an extension and much else, in the shapes of the Kubernetes API reference."""

from typing import Any

from tests.contract.cluster_server import ClusterServer

type Json = dict[str, Any]

APPS = "/apis/apps/v1"
OURS = "/api/v1/namespaces/azureml"


def meta(name: str, namespace: str | None = None, *, release: str | None = None, **labels: str) -> Json:
    """An object's metadata; in labels' names `__` stands for a slash and `_` for a dot."""
    made: Json = {"name": name, "uid": "0", "labels": {_label(key): value for key, value in labels.items()}}
    if namespace:
        made["namespace"] = namespace
    if release:
        made["annotations"] = {"meta.helm.sh/release-name": release, "meta.helm.sh/release-namespace": "azureml"}
    return made


def _label(key: str) -> str:
    prefix, slash, name = key.rpartition("__")
    return f"{prefix.replace('_', '.')}/{name}" if slash else name


def load(metadata: Json, *, wanted: int = 1, ready: int | None = None, image: str = "mcr/x:1", **more: str) -> Json:
    """A deployment or statefulset. A status leaves zeroes out."""
    count = wanted if ready is None else ready
    containers = [{"name": "main", "image": image}, *({"name": name, "image": one} for name, one in more.items())]
    return {
        "metadata": metadata,
        "spec": {"replicas": wanted, "template": {"spec": {"containers": containers}}},
        "status": {"replicas": wanted} | ({"readyReplicas": count} if count else {}),
    }


def daemons(metadata: Json, *, wanted: int = 2, ready: int = 2, image: str = "mcr/x:1") -> Json:
    """A daemonset."""
    made = load(metadata, image=image)
    del made["spec"]["replicas"]
    made["status"] = {"desiredNumberScheduled": wanted, "currentNumberScheduled": wanted, "numberReady": ready}
    return made


def pod(name: str, phase: str = "Running", *, ready: bool = True, waiting: str = "") -> Json:
    """A pod of namespace azureml."""
    state = {"waiting": {"reason": waiting, "message": "Back-off pulling image"}} if waiting else {"running": {}}
    return {
        "metadata": meta(name, "azureml"),
        "spec": {},
        "status": {
            "phase": phase,
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
            "containerStatuses": [{"name": "main", "ready": ready, "state": state}],
        },
    }


def node(name: str, *, gpus: str | None = None, cpu: str = "3860m", memory: str = "12880720Ki", **spec: Any) -> Json:
    """A node."""
    resources = {"cpu": cpu, "memory": memory, "pods": "110"} | ({"nvidia.com/gpu": gpus} if gpus else {})
    return {
        "metadata": meta(name, kubernetes_io__os="linux", kubernetes_io__arch="amd64"),
        "spec": spec,
        "status": {
            "allocatable": resources,
            "capacity": resources | {"cpu": "4"},
            "conditions": [{"type": "MemoryPressure", "status": "False"}, {"type": "Ready", "status": "True"}],
            "nodeInfo": {"operatingSystem": "linux", "architecture": "amd64", "kubeletVersion": "v1.33.2"},
        },
    }


def service(name: str, namespace: str, kind: str = "ClusterIP", *, address: str | None = None) -> Json:
    """A service."""
    return {
        "metadata": meta(name, namespace),
        "spec": {"type": kind},
        "status": {"loadBalancer": {"ingress": [{"ip": address}]} if address else {}},
    }


def job(name: str, **status: Any) -> Json:
    """A custom resource of namespace training."""
    return {"metadata": meta(name, "training"), "spec": {"job": {"jobId": name}}, "status": status}


def group(name: str, *versions: str) -> Json:
    """An API group as discovery tells it."""
    served = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"kind": "APIGroup", "apiVersion": "v1", "name": name, "versions": served, "preferredVersion": served[0]}


def furnish(server: ClusterServer) -> None:
    """An AKS cluster with the extension `aml` and nothing foreign."""
    server.single |= {
        "/version": {"major": "1", "minor": "33", "gitVersion": "v1.33.2"},
        OURS: {"kind": "Namespace", "metadata": meta("azureml"), "status": {"phase": "Active"}},
        "/apis/amlarc.azureml.com": group("amlarc.azureml.com", "v1alpha1"),
    }
    server.lists |= {
        f"{APPS}/deployments": [
            load(meta("aml-operator", "azureml", release="aml"), fluent_bit="mcr/fluent-bit:1"),
            load(meta("gateway", "azureml", release="aml"), ready=0),
            load(meta("coredns", "kube-system"), wanted=2),
        ],
        f"{APPS}/daemonsets": [daemons(meta("csi-node", "kube-system"))],
        f"{APPS}/statefulsets": [load(meta("prometheus-prom-prometheus", "azureml"))],
        f"{OURS}/pods": [pod("aml-operator-1"), pod("gateway-1", "Pending", ready=False, waiting="ImagePullBackOff")],
        "/api/v1/nodes": [node("a"), node("b", gpus="2", unschedulable=True)],
        "/api/v1/services": [service("kubernetes", "default"), service("gateway", "azureml", "LoadBalancer")],
        "/apis/networking.k8s.io/v1/ingressclasses": [],
        "/apis/amlarc.azureml.com/v1alpha1/amljobs": [],
    }
