"""Decisions and facts as JSON."""

from typing import Any

from shared.fleet.compliance import plain_state
from shared.model.check import CheckResult
from shared.model.cluster import Cluster
from shared.model.decision import Decision
from shared.model.inside import Verification
from shared.model.observation import Observation


def decision_view(decision: Decision, seen: Observation) -> dict[str, Any]:
    """A decision: what, why, from where each setting comes, and what differs."""
    desired = decision.desired
    return {
        "action": decision.action.value,
        "intended": (decision.intended or decision.action).value,
        "reason": decision.reason,
        "state": plain_state(decision.state),
        "profile": decision.profile,
        "rule": decision.rule,
        "generation": decision.generation,
        "why": list(decision.why),
        "settings": None
        if desired is None
        else [
            {"key": key, "value": value, "origin": str(desired.origins[key]) if key in desired.origins else ""}
            for key, value in sorted(desired.settings.items())
        ],
        "protected": list(desired.protected) if desired else [],
        "changes": [
            {"setting": key, "actual": actual, "wanted": wanted}
            for key, (actual, wanted) in sorted(decision.changes.items())
        ],
        "nextLook": decision.next_look.isoformat() if decision.next_look else None,
        "advice": list(decision.advice),
        "preflight": [check_view(result) for result in decision.checks],
        "verification": verification_view(decision.verification or seen.memory.verification),
        "facts": facts_view(seen.cluster) if seen.cluster else None,
        "extensions": [
            {
                "name": each.name,
                "type": each.type,
                "provisioningState": each.provisioning_state,
                "version": each.current_version,
                "error": each.error_message or None,
            }
            for each in seen.extensions or ()
        ],
    }


def check_view(result: CheckResult) -> dict[str, Any]:
    """One preflight check's answer."""
    return {
        "id": result.id,
        "severity": result.severity.value,
        "verdict": result.verdict.value,
        "message": result.message,
        "remedy": result.remedy or None,
        "source": result.source or None,
    }


def verification_view(found: Verification | None) -> dict[str, Any] | None:
    """What the last look inside the cluster found; null where none was taken."""
    if found is None:
        return None
    return {
        "at": found.at.isoformat(),
        "components": found.components,
        "faults": list(found.faults),
        "since": found.since.isoformat() if found.since else None,
        "work": found.activity.value,
        "running": found.work or None,
        "states": [
            {"name": name, "state": state, "sound": not any(told.startswith(f"{name} (") for told in found.faults)}
            for name, state in found.states
        ],
        "trouble": found.trouble or None,
        "advice": list(found.advice),
    }


def facts_view(cluster: Cluster) -> dict[str, Any]:
    """A cluster's facts; null means not known."""
    return {
        "id": cluster.arm_id,
        "kind": cluster.kind.value,
        "location": cluster.location,
        "tags": dict(cluster.tags),
        "source": cluster.source.value,
        "provisioningState": cluster.provisioning_state,
        "powerState": cluster.power_state,
        "connectivity": cluster.connectivity,
        "nodes": cluster.nodes,
        "gpu": cluster.gpu,
        "gpuModels": list(cluster.gpu_models) if cluster.gpu_models is not None else None,
        "kubernetesVersion": cluster.kubernetes_version,
        "distribution": cluster.distribution,
        "managedIdentity": cluster.managed_identity,
    }
