"""Nodes: from the agent pools of AKS, or as many as Arc counts.

Sources: Microsoft Learn, "Azure VM naming conventions" and the pages of the N-series (GPUs of each size);
labels and reserved resources as AKS documents them ("Node resource reservations", "Reserved system labels").
A GPU size shows its GPUs at once, as an AKS node image with the NVIDIA device plugin does; Arc nodes have
none until a test says so.
"""

import re
import uuid
from dataclasses import dataclass, fields, replace

from simulator.arm import Json
from simulator.clusters import Cluster
from simulator.kubernetes_objects import MADE, metadata
from simulator.kubernetes_state import NodeChange

_SIZE = re.compile(r"standard_([a-z]+)(\d+)(?:-\d+)?([a-z]*)(.*)", re.IGNORECASE)
_GIB_PER_CPU = {"e": 8.0, "f": 2.0, "m": 28.0}
# The numbers of D and DS v2 name no CPUs.
_D_V2 = {1: (1, 3.5), 2: (2, 7.0), 3: (4, 14.0), 4: (8, 28.0), 5: (16, 56.0), 12: (4, 28.0), 13: (8, 56.0)}
_UNKNOWN_SIZE = (4, 16.0, 0)


@dataclass(frozen=True, slots=True)
class Node:
    """What a node is made of."""

    name: str
    version: str
    labels: dict[str, str]
    cpu: int
    memory_gib: float
    gpus: int = 0
    os: str = "linux"
    arch: str = "amd64"
    taints: tuple[str, ...] = ()
    ready: bool = True
    schedulable: bool = True


def nodes(cluster: Cluster, changes: dict[int, NodeChange]) -> list[Node]:
    """All nodes; `changes` count them through all pools, from 0."""
    if cluster.kind == "arc":
        made = [_arc_node(cluster, number) for number in range(cluster.nodes)]
    else:
        made = [
            _aks_node(cluster, pool, number) for pool in cluster.pools for number in range(int(pool.get("count") or 0))
        ]
    return [_changed(node, changes.get(number)) for number, node in enumerate(made)]


def size_facts(size: str) -> tuple[int, float, int]:
    """CPUs, memory (GiB) and NVIDIA GPUs of a VM size, near enough for tests."""
    match = _SIZE.fullmatch(size)
    if match is None:
        return _UNKNOWN_SIZE
    family, cpus, tail = match[1].lower(), int(match[2]), (match[3] + match[4]).lower()
    if family in {"d", "ds"} and tail.endswith("_v2"):
        return (*_D_V2.get(cpus, _UNKNOWN_SIZE[:2]), 0)
    return cpus, cpus * _GIB_PER_CPU.get(family[0], 4.0), _gpus(family, cpus, tail)


def _gpus(family: str, cpus: int, tail: str) -> int:
    if not family.startswith("n") or (family == "nv" and tail.endswith("_v4")):  # NV v4 has AMD's
        return 0
    if family == "nd" and cpus >= 96:
        return 8
    for mark, cpus_each in (("a100", 24), ("h100", 40), ("a10", 36), ("t4", 16)):
        if mark in tail:
            return max(1, cpus // cpus_each)
    return max(1, cpus // (12 if family == "nv" and tail.endswith("_v3") else 6))


def _arm64(size: str) -> bool:
    match = _SIZE.fullmatch(size)
    return match is not None and "p" in match[3].lower()


def _aks_node(cluster: Cluster, pool: Json, number: int) -> Node:
    name, size = str(pool["name"]), str(pool.get("vmSize"))
    cpus, memory, gpus = size_facts(size)
    labels = {
        "agentpool": name,
        "kubernetes.azure.com/agentpool": name,
        "kubernetes.azure.com/cluster": str(cluster.properties.get("nodeResourceGroup")),
        "kubernetes.azure.com/mode": str(pool.get("mode", "System")).lower(),
        "node.kubernetes.io/instance-type": size,
        "topology.kubernetes.io/region": cluster.location,
        **({"accelerator": "nvidia", "kubernetes.azure.com/accelerator": "nvidia"} if gpus else {}),
        **{str(key): str(value) for key, value in (pool.get("nodeLabels") or {}).items()},
    }
    return Node(
        name=f"aks-{name}-31337000-vmss{number:06}",
        version=str(pool.get("currentOrchestratorVersion") or "1.33.2"),
        labels=labels,
        cpu=cpus,
        memory_gib=memory,
        gpus=gpus,
        os=str(pool.get("osType", "Linux")).lower(),
        arch="arm64" if _arm64(size) else "amd64",
        taints=tuple(map(str, pool.get("nodeTaints") or ())),
    )


def _arc_node(cluster: Cluster, number: int) -> Node:
    cpus = max(1, int(cluster.properties.get("totalCoreCount") or 0) // max(1, cluster.nodes))
    version = str(cluster.properties.get("kubernetesVersion") or "1.32.4+k3s1")
    return Node(f"{cluster.name}-node-{number}".lower(), version, {}, cpus, cpus * 4.0)


def _changed(node: Node, change: NodeChange | None) -> Node:
    if change is None:
        return node
    given = {field.name: getattr(change, field.name) for field in fields(change)}
    new = {name: value for name, value in given.items() if value is not None}
    return replace(node, **{**new, "labels": {**node.labels, **new.get("labels", {})}})


def node_body(node: Node) -> Json:
    """A node as the API server shows it."""
    own = {"kubernetes.io/os": node.os, "kubernetes.io/arch": node.arch, "kubernetes.io/hostname": node.name}
    spec: Json = {"providerID": f"sim:///{node.name}", "taints": [_taint(text) for text in node.taints]}
    if not node.schedulable:
        spec["unschedulable"] = True
        spec["taints"].append({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"})
    capacity = {"cpu": str(node.cpu), "memory": f"{int(node.memory_gib * 1024**2)}Ki", "pods": "110"}
    # What is left after the kubelet's own share is told in other units than the capacity, as on real nodes.
    allocatable = {"cpu": f"{node.cpu * 1000 - 140}m", "memory": f"{int(node.memory_gib * 870)}Mi", "pods": "110"}
    if node.gpus:
        capacity["nvidia.com/gpu"] = allocatable["nvidia.com/gpu"] = str(node.gpus)
    ready = {"status": "True", "reason": "KubeletReady"}
    if not node.ready:
        ready = {"status": "Unknown", "reason": "NodeStatusUnknown"}
    return {
        "metadata": metadata("Node", node.name, labels=own | node.labels),
        "spec": spec,
        "status": {
            "capacity": capacity,
            "allocatable": allocatable,
            "conditions": [
                {"type": "MemoryPressure", "status": "False", "lastTransitionTime": MADE},
                {"type": "Ready", "lastTransitionTime": MADE, **ready},
            ],
            "addresses": [{"type": "Hostname", "address": node.name}],
            "nodeInfo": _system(node),
        },
    }


def _system(node: Node) -> Json:
    identity = uuid.uuid5(uuid.NAMESPACE_DNS, node.name)
    return {
        "architecture": node.arch,
        "bootID": str(identity),
        "containerRuntimeVersion": "containerd://1.7.27-1",
        "kernelVersion": "5.15.0-1089-azure",
        "kubeProxyVersion": "",
        "kubeletVersion": f"v{node.version}",
        "machineID": identity.hex,
        "operatingSystem": node.os,
        "osImage": "Ubuntu 22.04.5 LTS" if node.os == "linux" else "Windows Server 2022 Datacenter",
        "systemUUID": str(identity),
    }


def _taint(text: str) -> Json:
    key, _, effect = text.rpartition(":")
    name, _, value = key.partition("=")
    return {"key": name, "value": value, "effect": effect}
