"""What must hold on a cluster before anything is written to it.

Pure functions over a cluster's facts; each finding says what is wrong and what to do. A fact that
is not known is a finding too: a gate never opens on ignorance.
"""

from shared.errors import Finding
from shared.model.cluster import Cluster
from shared.model.identity import Kind


def gate(cluster: Cluster) -> tuple[Finding, ...]:
    """Everything that stands between this cluster and a write; empty when the way is free.

    Sources: Azure Machine Learning "Deploy extension" (managed identity, running cluster), Azure Arc
    "Cluster extensions" (a linux/amd64 node; offline clusters keep requests for 48 hours only), AKS
    "Cluster extensions" (operations while AKS itself updates end in conflicts).
    """
    return _settled(cluster) + (_aks(cluster) if cluster.kind is Kind.AKS else _arc(cluster))


def settled(cluster: Cluster) -> tuple[Finding, ...]:
    """The part of the gate that a removal needs: nothing else is under way and the cluster is reachable."""
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


def _aks(cluster: Cluster) -> tuple[Finding, ...]:
    findings = list(_powered(cluster))
    if cluster.managed_identity is False:
        findings.append(
            Finding(
                "servicePrincipalProfile",
                "the cluster uses a service principal, which cluster extensions do not support; "
                "move it to a managed identity (az aks update --enable-managed-identity) and recreate its node "
                "pools.",
            )
        )
    elif cluster.managed_identity is None:
        findings.append(Finding("identity", "whether the cluster uses a managed identity is not known."))
    if not _has_amd64_linux(cluster):
        findings.append(
            Finding(
                "agentPoolProfiles",
                "no linux/amd64 node pool was found; the extension needs one (Arm64 is no use).",
            )
        )
    return tuple(findings)


def _has_amd64_linux(cluster: Cluster) -> bool:
    return any((pool.os_type or "").lower() == "linux" and pool.arm64 is False for pool in cluster.pools or ())


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
