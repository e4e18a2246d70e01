"""The nodes that the extension's pods could run on, from AKS pools or from what was seen inside the cluster."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from shared.azureml import machine_sizes
from shared.azureml.preflight.question import Question
from shared.model.cluster import NodePool
from shared.model.inside import Node
from shared.model.surroundings import MachineSize

_SELECTOR = "nodeSelector."
# Labels under these domains are set by Kubernetes, AKS or the cloud; ARM's body tells only some of them.
_NOT_TOLD = ("kubernetes.io", "k8s.io", "kubernetes.azure.com")
AUTOPROVISIONING = "which nodes node autoprovisioning makes as pods ask for them"
INSIDE_ONLY = "the nodes, which only the cluster's own API server tells"


@dataclass(frozen=True, slots=True)
class Size:
    """What one machine holds; `dated` is the date of Muster's own table where it came from there."""

    machine: MachineSize
    dated: str | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """How many nodes, cores and GiB are certainly there, and which facts could add to them."""

    nodes: int = 0
    vcpus: float = 0.0
    memory_gib: float = 0.0
    unknown: tuple[str, ...] = ()
    dated: str | None = None
    allocatable: bool = False


def selector(question: Question) -> dict[str, str]:
    r"""The labels that the settings ask nodes for. Helm writes a dot inside a name as `\.`."""
    return {
        key[len(_SELECTOR) :].replace("\\", ""): value
        for key, value in question.settings.items()
        if key.startswith(_SELECTOR) and len(key) > len(_SELECTOR)
    }


def size_of(question: Question, pool: NodePool) -> Size | None:
    """What a pool's machines hold: as the region says, else by Muster's own table."""
    name = (pool.vm_size or "").lower()
    around = question.surroundings
    if around is not None and around.sizes is not None and name in around.sizes:
        return Size(around.sizes[name], around.sizes_dated)
    machine = machine_sizes.MACHINE_SIZES.get(name)
    return Size(machine, machine_sizes.DATED) if machine else None


def amd64_linux(question: Question, pool: NodePool) -> bool | None:
    """Whether the extension's images run on a pool; None where its system or its size is unknown."""
    if pool.os_type is None:
        return None
    if pool.os_type.lower() != "linux":
        return False
    size = size_of(question, pool)
    arm64 = size.machine.arm64 if size else pool.arm64
    return None if arm64 is None else not arm64


def running(pool: NodePool) -> bool:
    """Whether a pool has, or can have, nodes; AKS stops pools one by one as well."""
    return (pool.power_state or "running").lower() != "stopped"


def largest(pool: NodePool) -> int | None:
    """The most nodes that a pool comes to without anybody's doing."""
    if pool.autoscaled and pool.max_count is not None:
        return max(pool.max_count, pool.count or 0)
    return pool.count


def usable_nodes(question: Question) -> tuple[Node, ...] | None:
    """Healthy linux/amd64 nodes that were seen inside; None where nodes were not read."""
    nodes = question.inside.nodes if question.inside else None
    if nodes is None:
        return None
    return tuple(node for node in nodes if node.ready and node.schedulable and runs_images(node))


def runs_images(node: Node) -> bool:
    """Whether the extension's images run on a node."""
    return node.os.lower() == "linux" and node.arch.lower() == "amd64"


def room(question: Question) -> Count:
    """What the extension can count on: AKS pools at their largest, or the nodes that were seen.

    Nodes of an autoprovisioned cluster come as pods ask for them, so that both are a lower bound there.
    """
    nodes = usable_nodes(question)
    wanted = selector(question)
    if not question.aks or question.cluster.pools is None:
        missing = INSIDE_ONLY if not question.aks else "the node pools"
        return Count(unknown=(missing,)) if nodes is None else _observed(nodes, wanted)
    from_pools = _from_pools(question, wanted)
    if not question.cluster.node_autoprovisioning:
        return from_pools
    best = max(from_pools, _observed(nodes or (), wanted), key=lambda count: (count.vcpus, count.memory_gib))
    return Count(best.nodes, best.vcpus, best.memory_gib, (AUTOPROVISIONING,), best.dated, best.allocatable)


def _observed(nodes: tuple[Node, ...], wanted: Mapping[str, str]) -> Count:
    chosen = [node for node in nodes if has_labels(node, wanted)]
    return Count(
        len(chosen), sum(node.cpu for node in chosen), sum(node.memory_gib for node in chosen), allocatable=True
    )


def _from_pools(question: Question, wanted: Mapping[str, str]) -> Count:
    nodes, vcpus, memory = 0, 0.0, 0.0
    unknown: list[str] = []
    dates: set[str] = set()
    for pool, matches in matching_pools(question, wanted):
        most, size = largest(pool), size_of(question, pool)
        if most == 0:
            continue
        if matches is None:
            unknown.append(f"whether pool {pool.name} matches the nodeSelector")
        elif most is None:
            unknown.append(f"the number of nodes of pool {pool.name}")
        else:
            nodes += most
            if size is None:
                unknown.append(f"what VM size {pool.vm_size or 'of pool ' + pool.name} holds")
                continue
            vcpus += most * size.machine.vcpus
            memory += most * size.machine.memory_gib
            dates |= {size.dated} if size.dated else set()
    return Count(nodes, vcpus, memory, tuple(unknown), max(dates, default=None))


def matching_pools(question: Question, wanted: Mapping[str, str]) -> Iterator[tuple[NodePool, bool | None]]:
    """Pools that certainly (True) or possibly (None) match a selector; the others are left out."""
    for pool in question.cluster.pools or ():
        usable = amd64_linux(question, pool)
        if not running(pool) or usable is False:
            continue
        matches = _matches(question, pool, wanted)
        if matches is False:
            continue
        yield pool, True if matches and usable else None


def _matches(question: Question, pool: NodePool, wanted: Mapping[str, str]) -> bool | None:
    """Whether a pool's nodes carry these labels; None where a label is one that ARM does not tell."""
    labels = _labels(question, pool)
    open_labels = [name for name in wanted if name not in labels and _not_told(name)]
    told = {name: value for name, value in wanted.items() if name not in open_labels}
    if any(labels.get(name) != value for name, value in told.items()):
        return False
    if not open_labels:
        return True
    nodes = question.inside.nodes if question.inside else None
    mine = [node for node in nodes or () if node.labels.get("agentpool") == pool.name]
    return any(has_labels(node, wanted) for node in mine) if mine else None


def _not_told(name: str) -> bool:
    domain, slash, _ = name.partition("/")
    return bool(slash) and any(domain == end or domain.endswith(f".{end}") for end in _NOT_TOLD)


def _labels(question: Question, pool: NodePool) -> dict[str, str]:
    """A pool's own labels and those that AKS gives its nodes by itself ("Use labels in AKS")."""
    implied = {
        "agentpool": pool.name,
        "kubernetes.azure.com/agentpool": pool.name,
        "kubernetes.io/os": (pool.os_type or "").lower(),
        "kubernetes.azure.com/mode": (pool.mode or "").lower(),
        "node.kubernetes.io/instance-type": pool.vm_size or "",
        "topology.kubernetes.io/region": question.cluster.location,
    }
    usable = amd64_linux(question, pool)
    if usable is not None:
        implied["kubernetes.io/arch"] = "amd64" if usable else "arm64"
    if pool.gpu:
        implied["accelerator"] = "nvidia"
    return {**{name: value for name, value in implied.items() if value}, **dict(pool.labels)}


def has_labels(node: Node, wanted: Mapping[str, str]) -> bool:
    """Whether a node carries all of these labels."""
    return all(node.labels.get(name) == value for name, value in wanted.items())
