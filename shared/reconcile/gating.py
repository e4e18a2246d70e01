"""The gates of the fleet, as one decision meets them: pauses, rings, windows, the breaker.

A decision that would write becomes a hold where a gate is closed, and says until when. What only counting can tell
(how much is under way, what was written today) is asked for last, by whoever sends.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from shared.model.decision import Action, Decision, LookBy
from shared.model.identity import Kind
from shared.model.state import Condition, HoldCode
from shared.policy.rings import ring_of
from shared.policy.rollout import Ring, Window
from shared.policy.windows import opening
from shared.reconcile.case import Case
from shared.reconcile.ladder import failure_of
from shared.reconcile.rotation import heartbeat_missing

# On Arc a disruptive write reaches the cluster when its agents ask for it: late in a window that may be too late.
_LEFT_ON_ARC = timedelta(hours=1)
# What an installation may begin with.
FIRST = frozenset({Action.INSTALL, Action.REGISTER_PROVIDER})
_REPAIRS = frozenset({Action.REPAIR, Action.REINSTALL})


def gated(case: Case, decision: Decision) -> Decision:
    """The decision where the gates are open for it, else what stands in its place."""
    if not decision.action.writes:
        return decision
    number, name = ring_of_case(case)
    for standstill in case.seen.gates.fleet.standstills:
        if standstill.covers(name, case.cluster.id.key) and case.now < standstill.until:
            return _held(case, decision, HoldCode.PAUSE, standstill.reason, standstill.until)
    if decision.action in {Action.REMOVE, Action.REMOVE_RELAY}:
        return decision  # a person's word about this one cluster
    closed = _closed_to_first(case, decision) or _broken(case, decision) or _closed_ring(case, decision, number, name)
    if closed is not None:
        return _held(case, decision, *closed)
    return _in_window(case, decision, number, name) if decision.by_policy or decision.disruptive else decision


def _closed_to_first(case: Case, decision: Decision) -> tuple[HoldCode, str] | None:
    fleet = case.seen.gates.fleet
    if decision.action not in FIRST or not is_first(case, decision):
        return None
    if fleet.mass:
        return HoldCode.MASS_SELECTION, fleet.mass
    if fleet.places == 0 and not case.memory.flight:
        reason = "As many new clusters were taken on within the last hour as rollout.newClusters.perHour allows."
        return HoldCode.BUDGET, reason
    return None


def _broken(case: Case, decision: Decision) -> tuple[HoldCode, str] | None:
    failed = case.situation.extension if decision.action in _REPAIRS else None
    if failed is None:
        return None
    why = case.seen.gates.fleet.broken.get(failure_of(case, failed).klass.value)
    return (HoldCode.BREAKER, why) if why else None


def _closed_ring(case: Case, decision: Decision, number: int, name: str) -> tuple[HoldCode, str] | None:
    fleet = case.seen.gates.fleet
    if not _rolled_out(decision):
        return None
    if fleet.stopped:
        return HoldCode.RING, fleet.stopped
    if fleet.open_ring is not None and number > fleet.open_ring:
        return HoldCode.RING, f"The policy's changes have not reached ring '{name}': {fleet.waiting}"
    return None


def ring_of_case(case: Case) -> tuple[int, str]:
    """Number and name of the cluster's ring."""
    return ring_of(case.policy, case.cluster, management_groups=case.seen.management_groups)


def is_first(case: Case, decision: Decision) -> bool:
    """Whether the cluster would get the extension for the first time."""
    return decision.state.condition is Condition.MISSING and case.memory.sent_at is None


def _rolled_out(decision: Decision) -> bool:
    """Whether a rollout counts it: a change of the policy, and the repair of one that failed."""
    return decision.by_policy or (
        decision.action is Action.REPAIR and decision.state.condition is Condition.FAILED_UPDATE
    )


def _in_window(case: Case, decision: Decision, number: int, name: str) -> Decision:
    rollout = case.policy.rollout
    own: Sequence[Ring] = rollout.rings[number : number + 1]
    windows: tuple[Window, ...] = (own[0].windows if own else ()) or rollout.windows
    found = opening(windows, rollout.blackouts, case.now)
    if not found.open:
        where = f" of ring '{name}'" if own and own[0].windows else ""
        return _held(case, decision, HoldCode.WINDOW, f"{found.why.rstrip('.')}{where}.", found.opens)
    if case.cluster.kind is Kind.ARC and decision.disruptive and found.closes is not None:
        if found.closes - case.now < _LEFT_ON_ARC:
            return _held(case, decision, HoldCode.WINDOW, "Less than an hour is left of the window; Arc needs more.")
        if heartbeat_missing(case):
            return _held(case, decision, HoldCode.WINDOW, "The agents have not been heard of for five minutes.")
    return decision


def _held(case: Case, decision: Decision, code: HoldCode, reason: str, until: datetime | None = None) -> Decision:
    held = case.hold(code, reason, until=until)
    return replace(
        held,
        state=replace(held.state, condition=decision.state.condition),
        intended=decision.action,
        profile=decision.profile,
        desired=decision.desired,
        changes=decision.changes,
        checks=decision.checks,
        advice=decision.advice,
        by_policy=decision.by_policy,
        disruptive=decision.disruptive,
        next_look=until or held.next_look,
        look_by=LookBy.SWEEP,
    )
