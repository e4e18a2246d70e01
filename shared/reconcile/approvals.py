"""Names of changes that a person may approve: the same change keeps its name, another one gets another."""

import hashlib
import json

from shared.model.cluster import Cluster
from shared.model.decision import Decision


def approval_of(cluster: Cluster, decision: Decision) -> str:
    """The name under which a step on one cluster is approved.

    It stands for the cluster in its present incarnation, the action and every value that would change; a look that
    wants anything else asks anew.
    """
    changes = sorted((key, wanted) for key, (_, wanted) in decision.changes.items())
    parts = (cluster.id.key, cluster.incarnation, decision.action.value, decision.extension, changes)
    digest = hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()
    return f"change-{digest[:16]}"
