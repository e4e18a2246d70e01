"""What a step would do, without lease, write or record: for dry runs and for people who ask why."""

from shared.model.decision import Decision
from shared.model.identity import ClusterId
from shared.model.intent import Intent
from shared.model.observation import Observation
from shared.model.request import Reason, Request
from shared.policy.model import Policy
from shared.reconcile.decide import decide
from shared.reconcile.loop import Reconciler


async def preview(
    reconciler: Reconciler, cluster: ClusterId, policy: Policy, *, assume: Intent | None = None
) -> tuple[Observation, Decision]:
    """Read the cluster from ARM and decide. `assume` stands for a person's word that is not given yet."""
    now = reconciler.clock()
    row = await reconciler.table.read(cluster)
    request = Request(cluster, Reason.MANUAL, now)
    seen = await reconciler.observer.look(request, row.memory, policy, now, assume=assume)
    seen = await reconciler.observer.confirm(seen, policy, now)
    return await reconciler.observer.satisfied(seen, decide(seen, policy, now), policy, reconciler.clock)
