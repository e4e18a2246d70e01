"""Names of changes that a person may approve: the same change keeps its name, another one gets another."""

import hashlib
import json

from shared.model.cluster import Cluster
from shared.model.decision import Decision
from shared.model.observation import Memory


def approval_of(cluster: Cluster, decision: Decision) -> str:
    """The name under which a step on one cluster is approved.

    It stands for the cluster in its present incarnation, the action and every value that would change; a look that
    wants anything else asks anew.
    """
    changes = sorted((key, wanted) for key, (_, wanted) in decision.changes.items())
    parts = (cluster.id.key, cluster.incarnation, decision.action.value, decision.extension, changes)
    digest = hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()
    return f"change-{digest[:16]}"


def revert_of(cluster: Cluster, memory: Memory) -> str:
    """The name under which one more revert of contested changes is approved: after these, and after no later one."""
    parts = (cluster.id.key, cluster.incarnation, [(each.at.isoformat(), each.hand.value) for each in memory.reverts])
    return f"revert-{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]}"


def retry_of(cluster: Cluster, memory: Memory) -> str:
    """The name under which another try after a failure is approved: of this failure, and of no later one.

    When the failure was seen is left out: each look that finds it says another moment until one has written it down.
    """
    sent_at = memory.sent_at.isoformat() if memory.sent_at else ""
    parts = (cluster.id.key, cluster.incarnation, memory.basis, memory.attempts, sent_at)
    return f"retry-{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]}"
