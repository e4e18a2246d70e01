"""Who may do what: the AKS cluster's identity, its accounts, and whose subscription it is in."""

from shared.azureml.preflight.question import AKS_ONLY, Answer, Question, failed, no_concern, passed, unknown


def service_principal(question: Question) -> Answer:
    """Cluster extensions work under managed identities alone."""
    if not question.aks:
        return AKS_ONLY
    managed = question.cluster.managed_identity
    if managed is None:
        return unknown("whether the cluster uses a managed identity")
    if managed:
        return passed("the cluster uses a managed identity.")
    return failed(
        "the cluster uses a service principal, which cluster extensions do not support.",
        "Move it to a managed identity (az aks update --enable-managed-identity) and recreate its node pools.",
    )


def converted_identity(question: Question) -> Answer:
    """After a conversion the old nodes work under the service principal until they are made anew."""
    if not question.aks:
        return AKS_ONLY
    cluster = question.cluster
    if cluster.managed_identity is False:
        return no_concern("concerns clusters with a managed identity.")
    if cluster.managed_identity is None:
        return unknown("whether the cluster uses a managed identity")
    if cluster.kubelet_identity is None:
        return unknown("whether the nodes have a managed identity (identityProfile.kubeletidentity)")
    if cluster.kubelet_identity:
        return passed("the nodes have a managed identity.")
    return failed(
        "the cluster has a managed identity, its nodes have none: it was probably converted from a service principal "
        "and still has its old node pools.",
        "Delete and recreate all node pools before the extension is installed.",
    )


def local_accounts(question: Question) -> Answer:
    """Attaching asks for admin credentials, unless Trusted Access does it."""
    if not question.aks:
        return AKS_ONLY
    disabled = question.cluster.local_accounts_disabled
    if disabled is None:
        return unknown("whether local accounts are disabled (disableLocalAccounts)")
    if not disabled:
        return passed("local accounts are enabled.")
    return failed(
        "local accounts are disabled, which Azure Machine Learning documents as not supported; with a Trusted Access "
        "role binding (mlworkload) for the workspace it works in the public cloud.",
        "Enable local accounts (az aks update --enable-local-accounts), or lower this check where Trusted Access is "
        "set up.",
    )


def pod_identity(question: Question) -> Answer:
    """Its pods answer for the metadata service, from which the extension's own pods fetch tokens."""
    if not question.aks:
        return AKS_ONLY
    enabled = question.cluster.pod_identity
    if enabled is None:
        return unknown("whether Entra pod identity is on (podIdentityProfile)")
    if not enabled:
        return passed("Entra pod identity is off.")
    return failed(
        "Entra pod identity is on, which Azure Machine Learning does not support.",
        "Move its workloads to workload identity and switch it off (az aks update --disable-pod-identity).",
    )


def workspace_subscription(question: Question) -> Answer:
    """AKS clusters are attached within their subscription; across subscriptions it takes Azure Arc."""
    if not question.aks:
        return AKS_ONLY
    if not question.workspace:
        return no_concern("the policy names no workspace.")
    parts = question.workspace.strip("/").lower().split("/")
    if len(parts) < 2 or parts[0] != "subscriptions" or not parts[1]:
        return unknown("the workspace's subscription; the policy's workspace is no ARM id")
    own = question.cluster.id.subscription.lower()
    if parts[1] == own:
        return passed("the cluster is in the workspace's subscription.")
    return failed(
        f"the cluster is in subscription {own}, the workspace in {parts[1]}; AKS clusters cannot be attached across "
        "subscriptions.",
        "Connect the cluster to Azure Arc in the workspace's subscription and select that resource instead.",
    )
