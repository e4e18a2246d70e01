"""Reading the world around one cluster, in the order that costs least.

Resource Graph first, in one query with whoever looks at the same time; ARM where an answer is missing,
where it contradicts the event that brought us here, and always before a write.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from shared import logs
from shared.azure.arm import Arm
from shared.azure.extensions import Extensions
from shared.azure.relay import Relays
from shared.azure.resource_graph import Lookup
from shared.errors import Absent, AzureError, IntentsUnreadable, NotAuthorized, Paced
from shared.model.cluster import Cluster, Source
from shared.model.decision import Decision, Want
from shared.model.extension import Relay
from shared.model.gates import Gates
from shared.model.identity import ClusterId
from shared.model.intent import FleetWord, Intent
from shared.model.observation import Memory, Observation
from shared.model.request import Reason, Request
from shared.model.state import Management
from shared.policy.model import Policy
from shared.policy.selection import Outcome, select
from shared.reconcile.admission import Gatekeeper
from shared.reconcile.beyond import Beyond
from shared.reconcile.decide import decide
from shared.reconcile.scope import Scope
from shared.state.intents import Intents

# Whoever is asked for by an event or a person is read from ARM before "not selected" is believed.
_ASKED_FOR = frozenset({Reason.EVENT, Reason.MANUAL})
# The certificate may be read twice (which version, then its content); everything else once.
_ROUNDS = 4
_NEEDS_EXTENSIONS = frozenset({Outcome.SELECTED, Outcome.REMOVED, Outcome.HELD})


@dataclass(frozen=True, slots=True)
class Observer:
    """What reads for the loop."""

    arm: Arm
    extensions: Extensions
    relays: Relays
    lookup: Lookup
    beyond: Beyond
    intents: Intents
    scope: Scope
    gates: Callable[[], Gates]
    gatekeeper: Gatekeeper
    own_names: frozenset[str]

    async def look(
        self, request: Request, memory: Memory, policy: Policy, now: datetime, *, assume: Intent | None = None
    ) -> Observation:
        """A reading that is good enough to decide whether anything is to be done.

        `assume` stands for the recorded intent: what would be, if this were a person's word.
        """
        cluster = request.cluster
        (intent, words, readable), groups, row = await asyncio.gather(
            self._words(cluster), self.scope.groups_above(cluster.subscription), self._from_graph(cluster, memory)
        )
        gates = replace(self.gates(), fleet=await self.gatekeeper.view(policy, words))
        seen = Observation(
            cluster,
            request.reason,
            gates,
            cluster=row,
            memory=memory,
            intent=assume or intent,
            intents_readable=readable,
            own_names=self.own_names,
            management_groups=groups,
        )
        if row is None or (self._asked_or_managed(seen) and not self._wanted(seen, policy, now)):
            seen = await self._from_arm(seen)
        if seen.cluster is None or not self._wanted(seen, policy, now):
            return seen
        return await self._with_extensions(seen)

    async def confirm(self, seen: Observation, policy: Policy, now: datetime) -> Observation:
        """The same with nothing left that only Resource Graph says."""
        if seen.cluster is None or seen.cluster.source is Source.ARM:
            return seen
        fresh = await self._from_arm(seen)
        if fresh.extensions is None and fresh.cluster is not None and self._wanted(fresh, policy, now):
            return await self._with_extensions(fresh)
        return fresh

    async def satisfied(
        self, seen: Observation, decision: Decision, policy: Policy, clock: Callable[[], datetime]
    ) -> tuple[Observation, Decision]:
        """Read what the decision wants to know, and decide again, until it wants nothing that was not read."""
        for _ in range(_ROUNDS):
            if not decision.wants or seen.cluster is None:
                break
            more = await self._read_wants(seen, decision, policy)
            if more == seen:
                break
            seen = more
            decision = decide(seen, policy, clock())
        return seen, decision

    async def _read_wants(self, seen: Observation, decision: Decision, policy: Policy) -> Observation:
        relay = decision.desired.relay if decision.desired else None
        if Want.RELAY in decision.wants and relay is not None:
            try:
                seen = replace(seen, relay_ready=await self.relays.exists(seen.id, relay))
            except Paced:
                raise
            except AzureError as error:
                return _troubled(seen, error)
        if Want.RELAY_USE in decision.wants and relay is not None and seen.relay_unused is None:
            seen = replace(seen, relay_unused=await self._unused(seen.id, relay))
        return await self.beyond.read(seen, decision, policy)

    async def _unused(self, cluster: ClusterId, relay: Relay) -> bool:
        try:
            return await self.relays.ours_and_unused(cluster, relay)
        except AzureError as error:
            # A relay that stays costs little; one that is taken away from somebody costs his work.
            logs.event("relay-use-unknown", cluster=str(cluster), reason=error.message)
            return False

    @staticmethod
    def _asked_or_managed(seen: Observation) -> bool:
        """Whether "not selected" is news that Resource Graph alone is not believed."""
        known = seen.memory.state
        return seen.reason in _ASKED_FOR or (known is not None and known.management is Management.MANAGED)

    def _wanted(self, seen: Observation, policy: Policy, now: datetime) -> bool:
        if seen.cluster is None:
            return False
        selection = select(policy, seen.cluster, seen.intent, now, management_groups=seen.management_groups)
        return selection.outcome in _NEEDS_EXTENSIONS

    async def _words(self, cluster: ClusterId) -> tuple[Intent | None, tuple[FleetWord, ...], bool]:
        try:
            return *await self.intents.about(cluster), True
        except IntentsUnreadable as error:
            logs.event("intents-unreadable", cluster=str(cluster), reason=error.message)
            return None, (), False

    async def _from_graph(self, cluster: ClusterId, memory: Memory) -> Cluster | None:
        if memory.relay_begun:
            return None  # a write is due, which ARM has to be asked for anyway
        try:
            return await self.lookup.cluster(cluster)
        except AzureError as error:
            # Its quota is small and shared; ARM tells the same of a single cluster.
            logs.count("graph-unavailable")
            logs.event("graph-unavailable", cluster=str(cluster), reason=error.message)
            return None

    async def _from_arm(self, seen: Observation) -> Observation:
        try:
            return replace(seen, cluster=await self.arm.cluster(seen.id))
        except Absent:
            return replace(seen, cluster=None, gone=True)
        except Paced:
            raise  # nobody was asked, so that nothing is known to be wrong
        except AzureError as error:
            return _troubled(seen, error)

    async def _with_extensions(self, seen: Observation) -> Observation:
        try:
            return replace(seen, extensions=await self.extensions.list(seen.id))
        except Paced:
            raise
        except AzureError as error:
            return _troubled(seen, error)


def _troubled(seen: Observation, error: AzureError) -> Observation:
    """What could not be read is Unknown; a 404 of anything but the cluster itself counts as that too."""
    refused = isinstance(error, NotAuthorized)
    return replace(seen, cluster=None, trouble=error.message, refused=refused, retry_after=error.retry_after)
