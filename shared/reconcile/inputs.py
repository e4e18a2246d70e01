"""Fingerprints of what a decision rests on, so that a sweep can tell a changed cluster from a known one."""

import hashlib
import json

from shared.model.cluster import Cluster
from shared.model.extension import Extension
from shared.model.intent import Intent
from shared.model.observation import Gates
from shared.policy.model import Policy


def _hash(parts: object) -> str:
    text = json.dumps(parts, sort_keys=True, default=str, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def _words(intent: Intent | None) -> object:
    return None if intent is None else (intent.word, intent.at.isoformat(), intent.profile)


def _tags(cluster: Cluster) -> object:
    return sorted((name.casefold(), value) for name, value in cluster.tags.items())


def choice_of(policy: Policy, cluster: Cluster, intent: Intent | None) -> str:
    """What a profile is chosen by, apart from facts: the policy, the cluster's tags, a person's word."""
    return _hash(("v1", policy.digest, _tags(cluster), _words(intent)))


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
        [(pool.name, pool.vm_size, pool.os_type) for pool in cluster.pools or ()],
    )


def basis_of(policy: Policy, cluster: Cluster, intent: Intent | None) -> str:
    """What failed attempts are counted against: a cluster whose basis changes gets a fresh start."""
    return _hash(("v1", choice_of(policy, cluster, intent), _lasting(cluster)))


def inputs_of(
    policy: Policy,
    cluster: Cluster,
    extensions: tuple[Extension, ...] | None,
    intent: Intent | None,
    gates: Gates,
) -> str:
    """All that a decision rests on, apart from the time. Heartbeats are left out: they always change."""
    moving = (cluster.provisioning_state, cluster.power_state, cluster.connectivity)
    listed = [
        (each.name.lower(), each.provisioning_state.lower(), each.current_version, sorted(each.settings.items()))
        for each in extensions or ()
        if each.azureml
    ]
    return _hash(("v1", basis_of(policy, cluster, intent), moving, sorted(listed), gates.mode, gates.stopped))
