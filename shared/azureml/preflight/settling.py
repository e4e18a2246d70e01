"""What must hold of a cluster before an installed extension is changed or removed: it is reachable and at rest."""

from shared.errors import Finding
from shared.model.cluster import Cluster
from shared.model.identity import Kind


def settled(cluster: Cluster) -> tuple[Finding, ...]:
    """What stands against a change or a removal: something else is under way, or nobody would carry it out.

    Sources: Azure Arc "Cluster extensions" (offline clusters keep requests for 48 hours only), AKS "Cluster
    extensions" (operations while AKS itself updates end in conflicts).
    """
    return _settled(cluster) + (_powered(cluster) if cluster.kind is Kind.AKS else _arc(cluster))


def _settled(cluster: Cluster) -> tuple[Finding, ...]:
    state = cluster.provisioning_state
    if state is not None and state.lower() == "succeeded":
        return ()
    told = f"is {state}" if state else "is not known"
    return (Finding("provisioningState", f"the cluster's provisioningState {told}; it must be Succeeded first."),)


def _powered(cluster: Cluster) -> tuple[Finding, ...]:
    if cluster.power_state is None or cluster.power_state.lower() != "running":
        told = cluster.power_state or "not known"
        return (Finding("powerState", f"the cluster's power state is {told}; start it (az aks start)."),)
    return ()


def _arc(cluster: Cluster) -> tuple[Finding, ...]:
    status = cluster.connectivity
    if status is not None and status.lower() == "connected":
        return ()
    if status is not None and status.lower() == "connecting":
        return (Finding("connectivityStatus", "the cluster is still connecting to Azure Arc."),)
    if status is not None and status.lower() == "expired":
        return (
            Finding(
                "connectivityStatus",
                "the agents' identity certificate has expired; connect the cluster to Azure Arc anew.",
            ),
        )
    told = status or "not known"
    return (
        Finding(
            "connectivityStatus",
            f"the cluster's connectivity is {told}; its Azure Arc agents must be Connected, since a request is "
            "kept for 48 hours only.",
        ),
    )
