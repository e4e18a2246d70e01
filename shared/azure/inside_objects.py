"""Kubernetes objects as our facts: nodes, pods, workloads, services. Pure, and ready for anything.

Objects come from a server that nobody vouches for. A field of the wrong type counts as absent; a text is cut to
the length that Kubernetes allows it and holds nothing that cannot be printed or stored. Only an amount
that cannot be read refuses its object, because zero would be a false fact.
Shapes: Kubernetes API reference, v1 of core, apps and networking.k8s.io (1.19 and newer).
"""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from shared.errors import Refused
from shared.model.inside import Form, Node, Pod, Workload

type Json = Mapping[str, Any]

HELM_RELEASE = "meta.helm.sh/release-name"

_LONGEST_NAME = 253
_LONGEST_LABEL = 320  # a prefix of 253, a slash and a name of 63
_MOST_LABELS = 256
_MOST_CONTAINERS = 64
_HIGHEST_COUNT = 1_000_000
_GIB = 2.0**30
_AMOUNT = re.compile(
    r"([+-]?(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30}))(m|u|n|k|[KMGTPE]i|[MGTPE]|[eE][+-]?[0-9]{1,2})?"
)
_SCALE = {"": 1.0, "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3} | {
    f"{letter}{binary}": (1024.0 if binary else 1000.0) ** power
    for power, letter in enumerate("KMGTPE", start=1)
    for binary in ("i", "")
}
_CONTROL_PLANE = frozenset({"node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"})
_KEEPS_AWAY = frozenset({"NoSchedule", "NoExecute"})
# Resource names of GPUs: whole ones, shared ones, slices.
_GPU = re.compile(r"nvidia\.com/(?:gpu(?:\.shared)?|mig-.*)|amd\.com/gpu")


def mapping(item: object, *path: str) -> Json:
    """The object at a path; empty where there is none."""
    for key in path:
        item = item.get(key) if isinstance(item, dict) else None
    return item if isinstance(item, dict) else {}


def listed(item: Json, key: str) -> list[Json]:
    """The objects in a list; what is no object is left out."""
    value = item.get(key)
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def text(value: object, longest: int = _LONGEST_NAME) -> str:
    """A text, cut and made printable; "" where it is none. Lone surrogates would break whoever stores it."""
    if not isinstance(value, str):
        return ""
    value = value[:longest]
    if value.isprintable():
        return value
    return "".join(char if char.isprintable() or char in "\n\t" else "\ufffd" for char in value)


def count(value: object, default: int = 0) -> int:
    """A number of things."""
    if isinstance(value, bool) or not isinstance(value, int):
        return default
    return max(0, min(value, _HIGHEST_COUNT))


def amount(value: object) -> float:
    """A Kubernetes quantity as a number: 3920m, 16Gi, 1e3 (API reference, "Quantity").

    Raises:
        Refused: it cannot be read.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = f"{value:f}" if isinstance(value, float) else str(min(value, 10**18))
    match = _AMOUNT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise Refused("An amount of a node cannot be read.")
    suffix = match[2] or ""
    scale = 10.0 ** int(suffix[1:]) if suffix[:1] in {"e", "E"} and suffix[1:] not in {"", "i"} else _SCALE[suffix]
    number = float(match[1]) * scale
    if not math.isfinite(number) or number < 0:
        raise Refused("An amount of a node cannot be read.")
    return number


def name_of(item: Json) -> str:
    """An object's name."""
    return text(mapping(item, "metadata").get("name"))


def namespace_of(item: Json) -> str:
    """An object's namespace."""
    return text(mapping(item, "metadata").get("namespace"))


def release_of(item: Json) -> str | None:
    """The Helm release that owns an object, by the annotation that Helm 3 writes."""
    return text(mapping(item, "metadata", "annotations").get(HELM_RELEASE)) or None


def labels_of(item: Json) -> dict[str, str]:
    """An object's labels."""
    labels = mapping(item, "metadata", "labels")
    pairs = list(labels.items())[:_MOST_LABELS]
    return {text(key, _LONGEST_LABEL): text(value) for key, value in pairs if isinstance(value, str)}


def containers_of(item: Json) -> list[Json]:
    """The containers of a workload's pod template."""
    return listed(mapping(item, "spec", "template", "spec"), "containers")[:_MOST_CONTAINERS]


def workload(form: Form, item: Json) -> Workload:
    """One deployment, daemonset or statefulset."""
    spec, status = mapping(item, "spec"), mapping(item, "status")
    daemons = form is Form.DAEMONSET
    wanted = count(status.get("desiredNumberScheduled")) if daemons else count(spec.get("replicas"), default=1)
    return Workload(
        namespace=namespace_of(item),
        name=name_of(item),
        form=form,
        wanted=wanted,
        ready=count(status.get("numberReady" if daemons else "readyReplicas")),
        release=release_of(item),
        containers=tuple(text(container.get("name")) for container in containers_of(item)),
    )


def pod(item: Json) -> Pod:
    """One pod, and why it waits."""
    status = mapping(item, "status")
    ready = any(one.get("type") == "Ready" and one.get("status") == "True" for one in listed(status, "conditions"))
    return Pod(name_of(item), text(status.get("phase")), ready, "" if ready else next(_reasons(status), ""))


def _reasons(status: Json) -> Iterator[str]:
    """Why a pod is not ready, the most telling first."""
    for kind in ("initContainerStatuses", "containerStatuses"):
        for container in listed(status, kind):
            waiting, ended = mapping(container, "state", "waiting"), mapping(container, "state", "terminated")
            why = text(waiting.get("reason")) or (text(ended.get("reason")) if ended.get("exitCode") else "")
            if why and why != "PodInitializing":
                yield why
    if why := text(status.get("reason")):
        yield why
    for condition in listed(status, "conditions"):
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            yield text(condition.get("reason"))


def node(item: Json) -> Node:
    """One node.

    GPUs are those of its capacity: a plugin that is down takes them out of what it can allocate, not out of the
    machine. Without any plugin the number is zero, and labels alone may tell of GPUs. A control-plane
    node's taint counts as not schedulable; other taints may be tolerated by settings.

    Raises:
        Refused: its CPUs or memory cannot be read.
    """
    spec, status, labels = mapping(item, "spec"), mapping(item, "status"), labels_of(item)
    info, free = mapping(status, "nodeInfo"), mapping(status, "allocatable")
    conditions = listed(status, "conditions")
    return Node(
        name=name_of(item),
        labels=labels,
        os=text(info.get("operatingSystem")) or labels.get("kubernetes.io/os", ""),
        arch=text(info.get("architecture")) or labels.get("kubernetes.io/arch", ""),
        cpu=round(amount(free.get("cpu", 0)), 3),
        memory_gib=round(amount(free.get("memory", 0)) / _GIB, 3),
        gpus=max(_gpus(free), _gpus(mapping(status, "capacity"))),
        ready=any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions),
        schedulable=spec.get("unschedulable") is not True and not _for_control_plane(spec),
    )


def _for_control_plane(spec: Json) -> bool:
    return any(
        taint.get("key") in _CONTROL_PLANE and taint.get("effect") in _KEEPS_AWAY for taint in listed(spec, "taints")
    )


def _gpus(resources: Json) -> int:
    found = (amount(value) for key, value in resources.items() if _GPU.fullmatch(key))
    return count(round(min(sum(found), float(_HIGHEST_COUNT))))


def has_address(service: Json) -> bool:
    """Whether a service of type LoadBalancer was given an address."""
    if mapping(service, "spec").get("type") != "LoadBalancer":
        return False
    entries = listed(mapping(service, "status", "loadBalancer"), "ingress")
    return any(text(entry.get("ip")) or text(entry.get("hostname")) for entry in entries)
