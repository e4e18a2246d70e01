"""What a step would do, without lease, write or record: for dry runs and for people who ask why."""

from dataclasses import replace
from datetime import datetime

from shared.model.decision import Decision
from shared.model.identity import ClusterId
from shared.model.intent import Intent
from shared.model.observation import Observation
from shared.model.request import Reason, Request
from shared.policy.model import LookFirst, Policy
from shared.policy.nearly import Change, smallest_changes
from shared.policy.rings import ring_of
from shared.reconcile.decide import decide, with_observed_gpu
from shared.reconcile.loop import Reconciler


async def preview(
    reconciler: Reconciler, cluster: ClusterId, policy: Policy, *, assume: Intent | None = None
) -> tuple[Observation, Decision]:
    """Read the cluster from ARM and decide. `assume` stands for a person's word that is not given yet.

    Who asks why is told all that can be known: the cluster is looked into where the policy gives a way, although a
    step may go out without it.
    """
    policy = replace(policy, verification=replace(policy.verification, look_first=LookFirst.ALWAYS))
    now = reconciler.clock()
    row = await reconciler.table.read(cluster)
    request = Request(cluster, Reason.MANUAL, now)
    seen = await reconciler.observer.look(request, row.memory, policy, now, assume=assume)
    seen = await reconciler.observer.confirm(seen, policy, now)
    return await reconciler.observer.satisfied(seen, decide(seen, policy, now), policy, reconciler.clock)


def ring_of_seen(policy: Policy, seen: Observation) -> str:
    """The name of the cluster's ring; "" for one that was not read."""
    if seen.cluster is None:
        return ""
    cluster = with_observed_gpu(seen)
    return ring_of(policy, cluster, management_groups=seen.management_groups)[1]


def nearly(policy: Policy, seen: Observation, now: datetime) -> tuple[Change, ...]:
    """The smallest changes of the cluster's tags that would give it another profile; none for one that was not read."""
    if seen.cluster is None:
        return ()
    groups = seen.management_groups
    return smallest_changes(policy, with_observed_gpu(seen), seen.intent, now, management_groups=groups)
