"""Bodies of Kubernetes objects, complete enough for the models of the official client.

Source: the OpenAPI definitions of Kubernetes 1.33. As a real API server does, counts of nothing are left
out of a status (`readyReplicas`), and items of a list have neither kind nor apiVersion.
"""

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from simulator.arm import Json

type Form = Literal["deployment", "daemonset", "statefulset"]

MADE = "2026-01-05T08:00:00Z"
_PENDING = {"ImagePullBackOff", "ErrImagePull", "ContainerCreating", "Unschedulable"}
_KINDS = {"deployment": "Deployment", "daemonset": "DaemonSet", "statefulset": "StatefulSet"}


@dataclass(frozen=True, slots=True)
class Workload:
    """A deployment, daemonset or statefulset; `ready` of None stands for as many as are wanted.

    `reason` is why its other pods wait; `containers` are names and images.
    """

    namespace: str
    name: str
    form: Form
    wanted: int
    containers: tuple[tuple[str, str], ...]
    release: str | None = None
    ready: int | None = None
    reason: str = ""

    @property
    def ready_pods(self) -> int:
        """How many of its pods are ready."""
        return self.wanted if self.ready is None else min(self.ready, self.wanted)


@dataclass(frozen=True, slots=True)
class Definition:
    """A custom resource and the Helm release that brought it."""

    plural: str
    group: str
    kind: str
    version: str
    release: str | None


def metadata(
    kind: str,
    name: str,
    namespace: str | None = None,
    *,
    release: str | None = None,
    labels: Mapping[str, str] | None = None,
) -> Json:
    """Metadata; an object of a Helm release carries Helm's label and annotations."""
    made: Json = {
        "name": name,
        "uid": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{kind}/{namespace}/{name}")),
        "resourceVersion": "1042",
        "creationTimestamp": MADE,
        "labels": dict(labels or {}),
        "annotations": {},
    }
    if namespace is not None:
        made["namespace"] = namespace
    if release is not None:
        made["labels"]["app.kubernetes.io/managed-by"] = "Helm"
        made["annotations"]["meta.helm.sh/release-name"] = release
        made["annotations"]["meta.helm.sh/release-namespace"] = namespace or "azureml"
    return made


def namespace(name: str, phase: str) -> Json:
    """A namespace, Active or Terminating."""
    meta = metadata("Namespace", name, labels={"kubernetes.io/metadata.name": name})
    if phase == "Terminating":
        meta["deletionTimestamp"] = MADE
    return {"metadata": meta, "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": phase}}


def workload(load: Workload) -> Json:
    """A deployment, daemonset or statefulset."""
    labels = {"app": load.name}
    meta = metadata(_KINDS[load.form], load.name, load.namespace, release=load.release, labels=labels)
    meta["generation"] = 1
    containers = [{"name": name, "image": image, "resources": {}} for name, image in load.containers]
    spec: Json = {
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
    }
    if load.form != "daemonset":
        spec["replicas"] = load.wanted
    if load.form == "statefulset":
        spec["serviceName"] = load.name
    return {"metadata": meta, "spec": spec, "status": _status(load)}


def _status(load: Workload) -> Json:
    wanted, ready = load.wanted, load.ready_pods
    if load.form == "daemonset":
        counted = {"updatedNumberScheduled": wanted, "numberAvailable": ready, "numberUnavailable": wanted - ready}
        always = {"currentNumberScheduled": wanted, "desiredNumberScheduled": wanted, "numberReady": ready}
        return {"observedGeneration": 1, "numberMisscheduled": 0, **always, **_counts(counted)}
    counted = {"readyReplicas": ready, "availableReplicas": ready, "updatedReplicas": wanted}
    if load.form == "statefulset":
        return {"observedGeneration": 1, "replicas": wanted, "currentReplicas": wanted, **_counts(counted)}
    available = {
        "type": "Available",
        "status": "True" if ready == wanted else "False",
        "reason": "MinimumReplicasAvailable" if ready == wanted else "MinimumReplicasUnavailable",
        "lastUpdateTime": MADE,
        "lastTransitionTime": MADE,
    }
    counted |= {"replicas": wanted, "unavailableReplicas": wanted - ready}
    return {"observedGeneration": 1, **_counts(counted), "conditions": [available]}


def _counts(counted: Mapping[str, int]) -> Json:
    return {name: number for name, number in counted.items() if number}


def pods(load: Workload, nodes: Sequence[str]) -> list[Json]:
    """The pods of a workload, spread over nodes."""
    return [
        _pod(load, number, nodes[number % len(nodes)] if nodes else None, ready=number < load.ready_pods)
        for number in range(load.wanted)
    ]


def _pod(load: Workload, number: int, node: str | None, *, ready: bool) -> Json:
    tail = hashlib.sha256(f"{load.namespace}/{load.name}/{number}".encode()).hexdigest()
    name = {
        "deployment": f"{load.name}-{tail[:9]}-{tail[9:14]}",
        "daemonset": f"{load.name}-{tail[:5]}",
        "statefulset": f"{load.name}-{number}",
    }[load.form]
    reason = load.reason or "ContainerCreating"
    pending = not ready and reason in _PENDING
    scheduled = node is not None and (ready or reason != "Unschedulable")
    spec: Json = {"containers": [{"name": name, "image": image} for name, image in load.containers]}
    if scheduled:
        spec["nodeName"] = node
    conditions = [
        {"type": "PodScheduled", "status": _text(scheduled), "lastTransitionTime": MADE},
        {"type": "Ready", "status": _text(ready), "lastTransitionTime": MADE},
    ]
    if not scheduled:
        conditions[0] |= {"reason": "Unschedulable", "message": "0 nodes are available: Insufficient memory."}
    status: Json = {"phase": "Pending" if pending else "Running", "startTime": MADE, "conditions": conditions}
    if scheduled:
        status["containerStatuses"] = [
            _container(name, image, reason, ready=ready, restarts=0 if ready or pending else 7)
            for name, image in load.containers
        ]
    return {
        "metadata": metadata("Pod", name, load.namespace, labels={"app": load.name}),
        "spec": spec,
        "status": status,
    }


def _container(name: str, image: str, reason: str, *, ready: bool, restarts: int) -> Json:
    state: Json = {"running": {"startedAt": MADE}}
    if not ready:
        state = {"waiting": {"reason": reason, "message": f"the container waits: {reason}"}}
    return {
        "name": name,
        "image": image,
        "imageID": f"{image}@sha256:{hashlib.sha256(image.encode()).hexdigest()}",
        "ready": ready,
        "started": ready,
        "restartCount": restarts,
        "state": state,
    }


def _text(yes: bool) -> str:
    return "True" if yes else "False"


def service(name: str, place: str, type_: str, address: str | None, *, release: str | None = None) -> Json:
    """A service; `address` is what a load balancer gave it."""
    made: Json = {
        "metadata": metadata("Service", name, place, release=release),
        "spec": {"type": type_, "clusterIP": "10.0.17.4", "ports": [{"port": 443, "protocol": "TCP"}]},
        "status": {"loadBalancer": {}},
    }
    if type_ == "LoadBalancer" and address:
        made["status"]["loadBalancer"]["ingress"] = [{"ip": address}]
    return made


def definition(one: Definition) -> Json:
    """A CustomResourceDefinition."""
    open_schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    names = {"plural": one.plural, "singular": one.kind.lower(), "kind": one.kind, "listKind": f"{one.kind}List"}
    return {
        "metadata": metadata("CustomResourceDefinition", f"{one.plural}.{one.group}", release=one.release),
        "spec": {
            "group": one.group,
            "names": names,
            "scope": "Namespaced",
            "versions": [{"name": one.version, "served": True, "storage": True, "schema": open_schema}],
        },
        "status": {
            "acceptedNames": names,
            "conditions": [{"type": "Established", "status": "True", "lastTransitionTime": MADE}],
            "storedVersions": [one.version],
        },
    }


def ingress_class(name: str, controller: str, release: str | None) -> Json:
    """An IngressClass."""
    return {"metadata": metadata("IngressClass", name, release=release), "spec": {"controller": controller}}


def status(code: int, reason: str, message: str, *, details: Json | None = None) -> Json:
    """The Status object that stands for an answer without success."""
    body: Json = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    return body | {"message": message, "reason": reason, "details": details or {}, "code": code}
