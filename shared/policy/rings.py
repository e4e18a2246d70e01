"""Which ring of a rollout a cluster is in."""

from collections.abc import Collection

from shared.model.cluster import Cluster
from shared.policy.facts import Facts, facts_of
from shared.policy.matching import answer
from shared.policy.model import Policy
from shared.policy.rollout import REST, Ring


def ring_of(policy: Policy, cluster: Cluster, *, management_groups: Collection[str] | None = None) -> tuple[int, str]:
    """Number and name of a cluster's ring: the first that matches, or a later one that its tag names.

    A ring whose match depends on an unknown fact counts as not matched, so that the cluster comes later, never
    earlier. Who matches none comes last, in a ring of its own where each has a match. A tag that names no ring moves
    the cluster to the last.
    """
    rings = policy.rollout.rings
    if not rings:
        return 0, REST
    facts = facts_of(cluster, policy.tags.gpu)
    last = len(rings) if rings[-1].match is not None else len(rings) - 1
    number = next((n for n, ring in enumerate(rings) if _takes(ring, facts, management_groups)), last)
    wished = facts.tags.get(policy.tags.ring.casefold())
    if wished is not None:
        named = next((n for n, ring in enumerate(rings) if ring.name == wished), last)
        number = max(number, named)
    return number, rings[number].name if number < len(rings) else REST


def _takes(ring: Ring, facts: Facts, management_groups: Collection[str] | None) -> bool:
    return ring.match is None or answer(ring.match, facts, management_groups).truth is True
