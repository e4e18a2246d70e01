"""Fingerprints of what a decision rests on, so that a sweep can tell a changed cluster from a known one."""

import hashlib
import json
from datetime import datetime

from shared.model.cluster import Cluster
from shared.model.decision import Decision
from shared.model.intent import Intent
from shared.model.observation import Observation
from shared.model.state import HoldCode, Management
from shared.policy.model import Policy

_GATES = frozenset(
    {
        HoldCode.PAUSE,
        HoldCode.RING,
        HoldCode.WINDOW,
        HoldCode.BUDGET,
        HoldCode.BREAKER,
        HoldCode.MASS_SELECTION,
        HoldCode.APPROVAL,
    }
)
_NOT_OURS = frozenset({Management.NOT_SELECTED, Management.HANDS_OFF, Management.EXEMPT})


def _hash(parts: object) -> str:
    text = json.dumps(parts, sort_keys=True, default=str, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def _words(intent: Intent | None, cluster: Cluster, now: datetime) -> object:
    if intent is None or not intent.stands(now, cluster.incarnation):
        return None
    return (intent.word, intent.at.isoformat(), intent.profile, intent.accept_disruption)


def _tags(cluster: Cluster) -> object:
    return sorted((name.casefold(), value) for name, value in cluster.tags.items())


def choice_of(policy: Policy, cluster: Cluster, intent: Intent | None, now: datetime) -> str:
    """What a profile is chosen by, apart from facts: the policy, the cluster's tags, a person's word."""
    return _hash(("v1", policy.digest, _tags(cluster), _words(intent, cluster, now)))


def _lasting(cluster: Cluster) -> object:
    """Facts that change only when somebody changes the cluster."""
    return (
        cluster.location,
        cluster.nodes,
        cluster.gpu,
        cluster.kubernetes_version,
        cluster.distribution,
        cluster.managed_identity,
        cluster.incarnation,
        [(pool.name, pool.vm_size, pool.os_type, pool.labels) for pool in cluster.pools or ()],
        (cluster.local_accounts_disabled, cluster.pod_identity, cluster.kubelet_identity, cluster.http_proxy),
        (cluster.authorized_ranges, cluster.private, cluster.outbound_type, cluster.node_autoprovisioning),
    )


def basis_of(policy: Policy, cluster: Cluster, intent: Intent | None, now: datetime) -> str:
    """What failed attempts are counted against: a cluster whose basis changes gets a fresh start."""
    return _hash(("v1", choice_of(policy, cluster, intent, now), _lasting(cluster)))


def inputs_of(policy: Policy, seen: Observation, decision: Decision, now: datetime) -> str | None:
    """All that a decision rests on, apart from the time; None for a cluster that could not be read.

    Heartbeats are left out, since they always change. Extensions count where the cluster is ours to look
    after: a look at another does not list them.
    """
    cluster = seen.cluster
    if cluster is None:
        return None
    moving = (cluster.provisioning_state, cluster.power_state, cluster.connectivity)
    listed = [
        (each.name.lower(), each.provisioning_state.lower(), each.current_version or "", sorted(each.settings.items()))
        for each in seen.extensions or ()
        if each.azureml and decision.state.management not in _NOT_OURS
    ]
    basis = basis_of(policy, cluster, seen.intent, now)
    version = seen.certificate.version if seen.certificate else None
    certificate = (version.fingerprint,) if version else ()
    # A gate of the fleet that opens makes another decision of the same facts, and whoever waits for it is asked for.
    hold = decision.state.hold
    gate = hold.code.value if hold is not None and hold.code in _GATES else None
    return _hash(("v1", basis, moving, sorted(listed), seen.gates.mode, seen.gates.stopped, *certificate, gate))
