"""Whether the nodes are of the right kind, number and size (reference for configuring Kubernetes clusters)."""

from shared.azureml.derivation import SMALL_CLUSTER
from shared.azureml.preflight.places import (
    AUTOPROVISIONING,
    INSIDE_ONLY,
    Count,
    amd64_linux,
    has_labels,
    largest,
    matching_pools,
    room,
    runs_images,
    selector,
    usable_nodes,
)
from shared.azureml.preflight.question import (
    AKS_ONLY,
    ARC_ONLY,
    Answer,
    Question,
    failed,
    no_concern,
    no_inference,
    not_asked,
    nothing_on,
    passed,
    unknown,
    unread_inside,
)
from shared.model.check import Severity

_NO_IMAGE = "the extension needs one, its images do not run on Windows or Arm64."


def linux_amd64_pool(question: Question) -> Answer:
    """Some AKS pool must run the images; node autoprovisioning makes such nodes by itself."""
    if not question.aks:
        return AKS_ONLY
    pools = question.cluster.pools
    if pools is None:
        return unknown("the node pools")
    usable = [(pool.name, amd64_linux(question, pool)) for pool in pools]
    if fitting := [name for name, runs in usable if runs]:
        return passed(f"the extension's images run on the pools {', '.join(fitting)}.")
    if question.cluster.node_autoprovisioning:
        return no_concern("nodes are made by node autoprovisioning, as pods ask for them.")
    if open_pools := [name for name, runs in usable if runs is None]:
        return unknown(f"operating system or VM size of the pools {', '.join(open_pools)}")
    return failed(f"no linux/amd64 node pool was found; {_NO_IMAGE}", "Add a pool of Linux nodes with x86 processors.")


def linux_amd64_node(question: Question) -> Answer:
    """ARM does not tell what the nodes of an Arc cluster are; whoever may look inside sees it."""
    if question.aks:
        return ARC_ONLY
    nodes = question.inside.nodes if question.inside else None
    if nodes is None:
        return unread_inside(question, "nodes", "operating system and processors of the nodes")
    fitting = [node.name for node in nodes if runs_images(node)]
    if fitting:
        return passed(f"{len(fitting)} nodes are linux/amd64.")
    return failed(f"no linux/amd64 node was found; {_NO_IMAGE}", "Add a Linux node with x86 processors.")


def high_availability(question: Question) -> Answer:
    """Three router replicas want three nodes now: the healthcheck counts before an autoscaler adds any (E40002)."""
    if not question.inference:
        return no_inference(question)
    if question.undecided("inferenceRouterHA"):
        return unknown("inferenceRouterHA, which is still auto")
    if question.off("inferenceRouterHA"):
        return no_concern("one router replica is asked for.")
    total = question.cluster.nodes
    # Without the setting the chart places three replicas; for small clusters the derivation switches that off.
    if not question.on("inferenceRouterHA") and not question.derived and (total is None or total < SMALL_CLUSTER):
        return no_concern("high availability is not asked for.")
    found = _nodes_now(question)
    if found.nodes >= SMALL_CLUSTER:
        return passed(f"{found.nodes} nodes can carry the three router replicas.")
    if found.unknown:
        return unknown("; ".join(found.unknown))
    those = " that match the nodeSelector" if selector(question) else ""
    return failed(
        f"inferenceRouterHA wants {SMALL_CLUSTER} nodes; {found.nodes} linux/amd64 nodes{those} were found (E40002).",
        "Add nodes, widen the nodeSelector or set inferenceRouterHA to False.",
    )


def _nodes_now(question: Question) -> Count:
    """Nodes as they are at this moment, which is what the healthcheck sees."""
    wanted, nodes, cluster = selector(question), usable_nodes(question), question.cluster
    if nodes is not None:
        return Count(sum(has_labels(node, wanted) for node in nodes))
    if question.aks and cluster.pools is not None:
        pools = list(matching_pools(question, wanted))
        open_pools = [pool.name for pool, matches in pools if pool.count is None or (matches is None and pool.count)]
        facts = tuple(f"the nodes of pool {name}" for name in open_pools)
        facts += (AUTOPROVISIONING,) if cluster.node_autoprovisioning else ()
        return Count(sum(pool.count or 0 for pool, matches in pools if matches), unknown=facts)
    if wanted or cluster.nodes is None:
        return Count(unknown=(INSIDE_ONLY if cluster.nodes is not None else "the number of nodes",))
    return Count(cluster.nodes)


def node_selector(question: Question) -> Answer:
    """Where no node matches, the extension's pods stay Pending until the installation times out."""
    wanted = selector(question)
    if not wanted:
        return not_asked(question, "no nodeSelector is set.")
    told = ", ".join(f"{name}={value}" for name, value in wanted.items())
    seen = [node.name for node in usable_nodes(question) or () if has_labels(node, wanted)]
    if seen:
        return passed(f"{len(seen)} nodes match the nodeSelector {told}.")
    if not question.aks:
        if question.inside is None or question.inside.nodes is None:
            return unread_inside(question, "nodes", "the labels of the nodes")
    elif question.cluster.pools is None:
        return unknown("the node pools")
    else:
        pools = [(pool, matches) for pool, matches in matching_pools(question, wanted) if largest(pool) != 0]
        if sure := [pool.name for pool, matches in pools if matches and largest(pool)]:
            return passed(f"the pools {', '.join(sure)} match the nodeSelector {told}.")
        if pools:
            return unknown(f"whether the pools {', '.join(pool.name for pool, _ in pools)} match {told}")
        if question.cluster.node_autoprovisioning:
            return unknown(AUTOPROVISIONING)
    return failed(
        f"no linux/amd64 node matches the nodeSelector {told}.",
        "Label nodes (AKS: az aks nodepool update --labels) or correct the nodeSelector.",
    )


# Documented minimum of the cluster for production.
_VCPUS, _GIB = 4, 14
# A node offers less than its machine has: AKS keeps up to a quarter of the memory and a few per cent of the cores.
_OFFERED_VCPUS, _OFFERED_GIB = 0.9, 0.75


def minimum_size(question: Question) -> Answer:
    """4 vCPU and 14 GiB "for production purposes"; a cluster for tests is only warned."""
    if not question.training and not question.inference:
        return nothing_on(question)
    found = room(question)
    vcpus = _VCPUS * (_OFFERED_VCPUS if found.allocatable else 1)
    memory = _GIB * (_OFFERED_GIB if found.allocatable else 1)
    if found.vcpus >= vcpus and found.memory_gib >= memory:
        return passed(f"{_told(found)}, of {_VCPUS} vCPU and {_GIB} GiB.")
    if found.unknown:
        return unknown("; ".join(found.unknown))
    purpose = production(question)
    return failed(
        f"the cluster has {_told(found)} for the extension; {_VCPUS} vCPU and {_GIB} GiB are the least for production.",
        "Add nodes or take larger ones.",
        at_most=Severity.WARN if purpose is False else Severity.BLOCK,
    )


# (production, inference, training) -> millicores and MiB: requests for tests, limits for production.
_TOTALS = {
    (False, True, False): (1780, 2440),
    (False, False, True): (410, 1492),
    (False, True, True): (1910, 2884),
    (True, True, False): (12700, 15296),
    (True, False, True): (4420, 10960),
    (True, True, True): (14820, 18744),
}


def scenario_resources(question: Question) -> Answer:
    """What the components of the scenario ask for in total."""
    purpose = production(question)
    if not question.training and not question.inference:
        return nothing_on(question)
    if purpose is None:
        return unknown("the number of nodes, which tells tests from production")
    millicores, mebibytes = _TOTALS[purpose, question.inference, question.training]
    vcpus, memory = millicores / 1000, mebibytes / 1024
    found = room(question)
    kind = "limits, for production" if purpose else "requests, for tests"
    asked = f"{vcpus:.1f} vCPU and {memory:.1f} GiB ({kind})"
    if found.vcpus >= vcpus and found.memory_gib >= memory:
        return passed(f"{_told(found)}; the components take {asked}.")
    if found.unknown:
        return unknown("; ".join(found.unknown))
    return failed(f"the cluster has {_told(found)}; the components take {asked}.", "Add nodes or take larger ones.")


def production(question: Question) -> bool | None:
    """Whether the settings are meant for production; None where only an unknown number of nodes could tell."""
    purpose = question.value("clusterPurpose")
    if purpose in {"devtest", "fastprod"}:
        return purpose == "fastprod"
    nodes = question.cluster.nodes
    if not question.derived and nodes is not None and nodes < SMALL_CLUSTER:
        return False  # the derivation will say DevTest
    if question.inference and question.off("inferenceRouterHA"):
        return False
    if question.inference and question.on("inferenceRouterHA"):
        return True
    return None if nodes is None else nodes >= SMALL_CLUSTER


def _told(found: Count) -> str:
    """`12 vCPU and 48.0 GiB on 3 nodes (VM sizes by Muster's table of 2026-11-25)`."""
    source = f" (VM sizes by Muster's table of {found.dated})" if found.dated else ""
    return f"{found.vcpus:.4g} vCPU and {found.memory_gib:.1f} GiB on {found.nodes} linux/amd64 nodes{source}"
