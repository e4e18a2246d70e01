"""One cluster's case while it is being decided: what was seen, what selects it, how the extension fares."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.model.cluster import Cluster
from shared.model.decision import Action, Decision, LookBy
from shared.model.inside import Verification
from shared.model.observation import Memory, Observation
from shared.model.state import Condition, Hold, HoldCode, Management, Reachability, State, Verified
from shared.policy.model import Depth, Enforcement, Policy
from shared.policy.selection import Selection
from shared.reconcile.approvals import approval_of
from shared.reconcile.backoff import since
from shared.reconcile.situation import Situation

_UNDER_WAY = frozenset({Condition.INSTALLING, Condition.UPDATING, Condition.REMOVING, Condition.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Case:
    """The file that the parts of `decide` hand to each other."""

    seen: Observation
    cluster: Cluster
    policy: Policy
    selection: Selection
    situation: Situation
    now: datetime

    @property
    def memory(self) -> Memory:
        """What is remembered of the cluster."""
        return self.seen.memory

    @property
    def anew(self) -> bool:
        """Whether a person asked that what was resolved at install be resolved by today's facts."""
        return self.situation.ours and self.memory.anew_since is not None

    @property
    def under_way(self) -> bool:
        """Whether an operation runs on the extension, or its state is not known."""
        return self.situation.condition in _UNDER_WAY

    def state(
        self,
        management: Management = Management.MANAGED,
        *,
        condition: Condition | None = None,
        hold: Hold | None = None,
    ) -> State:
        """The five fields, as this case stands."""
        actual = condition or self.situation.condition
        sound = actual is Condition.CURRENT
        return State(
            management,
            actual,
            hold,
            _reachability(self.cluster),
            Verified.ARM_ONLY if sound else Verified.NEVER,
            self.now if sound else None,
            sufficient=not sound or self.policy.verification.require is Depth.ARM_ONLY,
        )

    def verified_state(self, state: State, found: Verification) -> State:
        """The state with what a look inside the cluster found."""
        if not found.components:
            return state
        return replace(state, verified=Verified.COMPONENTS, verified_at=found.at, sufficient=True)

    def hold(self, code: HoldCode, reason: str, *, until: datetime | None = None, approval: str = "") -> Decision:
        """Hold back, looking again at growing intervals while the same hold lasts."""
        before = self.memory.state.hold if self.memory.state else None
        start = before.since if before is not None and before.code is code and before.since else self.now
        timing = self.policy.timing
        following = self.now + since(
            self.cluster.id, start, self.now, first=timing.backoff_first, longest=timing.backoff_max
        )
        hold = Hold(code, reason, since=start, until=until, approval=approval)
        extension = self.situation.extension
        return Decision(
            Action.HOLD,
            self.state(hold=hold),
            reason,
            extension=extension.name if extension else None,
            next_look=following,
            attempts=self.memory.attempts,
        )

    def facts_unknown(self, reason: str) -> Decision:
        """Hold for a fact that was not observed; looked at often while a young cluster may still report it."""
        held = self.hold(HoldCode.FACTS_UNKNOWN, reason)
        first = self.memory.first_seen or self.now
        if self.now - first < self.policy.timing.facts_wait:
            return replace(held, next_look=self.look_in(self.policy.timing.follow_up))
        return held

    def look_in(self, delay: timedelta) -> datetime:
        """The moment that lies `delay` ahead."""
        return self.now + delay

    def enforced(self, enforcement: Enforcement, decision: Decision, what: str) -> Decision:
        """The decision if the policy lets it act; else what stands in its place."""
        if enforcement is Enforcement.ACT:
            return decision
        if enforcement is Enforcement.APPROVE:
            name = approval_of(self.cluster, decision)
            if name in self.seen.gates.fleet.approved:
                return decision
            held = self.hold(HoldCode.APPROVAL, f"{what} waits for an approval: {decision.reason}", approval=name)
            return replace(
                held,
                intended=decision.action,
                changes=decision.changes,
                look_by=LookBy.SWEEP,
                profile=decision.profile,
                by_policy=decision.by_policy,
                disruptive=decision.disruptive,
            )
        return replace(
            decision,
            action=Action.NOTHING,
            intended=decision.action,
            reason=f"{what} is only reported (policy enforcement '{enforcement.value}'): {decision.reason}",
            next_look=None,
        )


def _reachability(cluster: Cluster) -> Reachability:
    status = (cluster.connectivity or "").lower()
    if status == "expired":
        return Reachability.EXPIRED
    if status in {"offline", "agentnotinstalled"}:
        return Reachability.OFFLINE
    return Reachability.ONLINE
