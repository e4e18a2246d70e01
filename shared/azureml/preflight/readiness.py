"""Whether the cluster is in a state in which a write can succeed: its own, its power, its agents."""

from datetime import datetime, timedelta

from shared.azureml.preflight.question import (
    AKS_ONLY,
    ARC_ONLY,
    Answer,
    Question,
    failed,
    passed,
    unknown,
    unread_surroundings,
)

KEPT = "Azure Arc keeps a request for 48 hours only, and drops the protected settings with it."


def provisioning_state(question: Question) -> Answer:
    """Operations while the cluster itself changes end in conflicts."""
    state = question.cluster.provisioning_state
    if state is None:
        return unknown("the cluster's provisioningState")
    if state.lower() == "succeeded":
        return passed("the cluster's provisioningState is Succeeded.")
    if state.lower() in {"failed", "canceled"}:
        remedy = "Bring the cluster into order (on AKS: az aks update without arguments reconciles it)."
    else:
        remedy = "Wait until Azure has finished what it does to the cluster."
    return failed(f"the cluster's provisioningState is {state}; it must be Succeeded first.", remedy)


def power_state(question: Question) -> Answer:
    """A stopped AKS cluster has no nodes and no API server."""
    state = question.cluster.power_state
    if not question.aks:
        return AKS_ONLY
    if state is None:
        return unknown("the cluster's power state")
    if state.lower() == "running":
        return passed("the cluster is running.")
    return failed(f"the cluster's power state is {state}.", "Start it (az aks start).")


def arc_connectivity(question: Question) -> Answer:
    """Without agents nobody fetches the request."""
    cluster = question.cluster
    if question.aks:
        return ARC_ONLY
    if cluster.connectivity is None:
        return unknown("the cluster's connectivityStatus")
    status = cluster.connectivity.lower()
    if status == "connected":
        return passed("the Azure Arc agents are Connected.")
    seen = _last_seen(cluster.last_connectivity, question.now)
    if status == "connecting":
        return failed(f"the cluster is still connecting to Azure Arc. {KEPT}", "Wait until its agents are Connected.")
    if status == "expired":
        return failed(
            f"the agents' identity certificate has expired{seen}.",
            "Delete the connected cluster's resource and connect the cluster to Azure Arc anew (az connectedk8s "
            "connect).",
        )
    if status == "agentnotinstalled":
        return failed(
            f"the Azure Arc agents are not installed. {KEPT}", "Install them (az connectedk8s connect or helm)."
        )
    return failed(
        f"the cluster's connectivity is {cluster.connectivity}{seen}. {KEPT}",
        "Bring the agents in namespace azure-arc back and see that they reach Azure.",
    )


def _last_seen(last: datetime | None, now: datetime) -> str:
    if last is None:
        return ""
    gone = max(now - last, timedelta(0))
    return f"; the last heartbeat came at {last.isoformat(timespec='minutes')}, {gone // timedelta(hours=1)} hours ago"


def agent_errors(question: Question) -> Answer:
    """Agents can be Connected and broken: pods of theirs that do not start keep requests in Creating."""
    errors = question.cluster.agent_errors
    if question.aks:
        return ARC_ONLY
    if errors is None:
        return unknown("the Azure Arc agents' errors (arcAgentProfile.agentErrors)")
    if not errors:
        return passed("the Azure Arc agents report no errors.")
    return failed(
        f"the Azure Arc agents report: {'; '.join(errors)}.",
        "Mend them (az connectedk8s troubleshoot) or upgrade them (az connectedk8s upgrade).",
    )


PROVIDER = "provider-registration"
_EXTENSIONS, _ARC, _RELAY = "Microsoft.KubernetesConfiguration", "Microsoft.Kubernetes", "Microsoft.Relay"


def provider_registration(question: Question) -> Answer:
    """Without registration a write is refused (MissingSubscriptionRegistration)."""
    states = question.surroundings.providers if question.surroundings else None
    wanted = _providers(question)
    if states is None:
        return unread_surroundings(question, "providers", f"the registration of {', '.join(wanted)}")
    told = {name: states.get(name.lower()) for name in wanted}
    missing = {name: state for name, state in told.items() if state and state.lower() != "registered"}
    if missing:
        return failed(
            " ".join(f"{name} is {state} in the cluster's subscription." for name, state in missing.items()),
            " ".join(f"Register it: az provider register --namespace {name}." for name in missing)
            + " It takes up to ten minutes. Muster does it where the policy's registerProviders allows it.",
        )
    silent = [name for name, state in told.items() if not state]
    if silent:
        return unread_surroundings(question, "providers", f"the registration of {', '.join(silent)}")
    return passed(f"{', '.join(wanted)}: registered.")


def _providers(question: Question) -> tuple[str, ...]:
    """Relay objects are made for Arc clusters unless the settings switch the relay off."""
    if question.aks:
        return (_EXTENSIONS,)
    relay = () if question.off("relayserver.enabled") else (_RELAY,)
    return (_EXTENSIONS, _ARC, *relay)


def kubernetes_version(question: Question) -> Answer:
    """The extension follows AKS: the newest minor version and the two before it."""
    version, told = question.cluster.kubernetes_version, question.surroundings
    supported = {minor for text in (told.kubernetes_versions or () if told else ()) if (minor := _minor(text))}
    running = _minor(version or "")
    if running is None:
        return unknown("the cluster's Kubernetes version")
    if not supported:
        return unread_surroundings(question, "kubernetes_versions", "the Kubernetes versions that AKS supports")
    newest = max(supported)
    oldest = (newest[0], max(newest[1] - 2, 0))
    fits = running in supported if question.aks else oldest <= running <= newest
    if fits:
        return passed(f"Kubernetes {version} is supported.")
    span = ", ".join(f"{major}.{minor}" for major, minor in sorted(supported))
    known = span if question.aks else f"{oldest[0]}.{oldest[1]} to {newest[0]}.{newest[1]}"
    return failed(
        f"Kubernetes {version} is outside the supported versions ({known}).",
        "Upgrade the cluster to a supported version.",
    )


def _minor(text: str) -> tuple[int, int] | None:
    """Major and minor version of `1.33`, `1.33.2` or `v1.32.4+k3s1`."""
    parts = text.lstrip("vV").split(".")
    if len(parts) < 2 or not all(part.isascii() and part.isdigit() for part in parts[:2]):
        return None
    # int() refuses texts of thousands of digits, which no version has.
    return (int(parts[0]), int(parts[1])) if max(map(len, parts[:2])) <= 4 else None
