"""A person asked to remove the extension and to keep it removed."""

from dataclasses import replace
from datetime import timedelta

from shared.azureml.preflight import settled
from shared.azureml.relay import relay_for
from shared.model.decision import Action, Decision, LookBy, Want
from shared.model.extension import DesiredExtension
from shared.model.identity import Kind
from shared.model.inside import Activity
from shared.model.state import Condition, HoldCode, Management
from shared.policy.model import Enforcement
from shared.reconcile import upkeep
from shared.reconcile.case import Case
from shared.reconcile.checking import may_look_inside
from shared.reconcile.install import leaving
from shared.reconcile.verification import work_of

# For so long after a removal its traces in the cluster and its relay are looked after.
_AFTERCARE = timedelta(hours=24)


def decide(case: Case) -> Decision:
    """Remove on request only, on a fresh reading, idle or with the loss of running work accepted."""
    situation, intent = case.situation, case.seen.intent
    told = f"{intent.who} asked for the removal: {intent.why.rstrip('.')}." if intent else case.selection.reason
    if situation.condition is Condition.MISSING:
        return _removed(case, told)
    if situation.condition is Condition.CONFLICT or situation.extension is None:
        return upkeep.wait(case) if situation.condition is Condition.UNKNOWN else _conflict(case)
    if case.under_way:
        return upkeep.wait(case)
    if situation.untouchable:
        return Decision(
            Action.NOTHING,
            case.state(Management.HANDS_OFF),
            f"The extension is managed by the platform and is left alone. {told}",
        )
    blockers = settled(case.cluster)
    if blockers:
        return case.hold(HoldCode.PREFLIGHT, " ".join(str(finding) for finding in blockers))
    decision = Decision(
        Action.REMOVE,
        case.state(),
        f"{told} {_detach(case)}",
        extension=situation.extension.name,
        next_look=case.look_in(case.policy.timing.follow_up),
        wants=_unread(case),
    )
    enforcement = case.policy.enforcement.remove
    if enforcement is not Enforcement.APPROVE:
        return case.enforced(enforcement, decision, "Removal")
    accepted = intent is not None and intent.accept_disruption
    work = work_of(case)
    if accepted or work.activity is Activity.IDLE:
        return decision
    held = case.hold(
        HoldCode.APPROVAL,
        f"Removal drops running jobs and endpoints ({work.activity.value}: {work.detail}); ask again with "
        f"acceptDisruption to approve it. {told} {_detach(case)}",
    )
    return replace(held, wants=decision.wants)


def _unread(case: Case) -> frozenset[Want]:
    wants = set()
    if case.seen.inside is None and may_look_inside(case.policy, case.cluster.kind):
        wants.add(Want.INSIDE)
    if case.seen.computes is None and not case.seen.computes_trouble:
        wants.add(Want.COMPUTES)
    return frozenset(wants)


def _detach(case: Case) -> str:
    """The reminder that attached compute targets stop working, with their names where they are known."""
    names = ", ".join(compute.rpartition("/workspaces/")[2] for compute in case.seen.computes or ())
    known = f" ({names})" if names else ""
    if case.seen.computes_trouble:
        known = f" (which ones could not be listed: {case.seen.computes_trouble.rstrip('.')})"
    return f"Detach its compute targets from their workspaces{known}: attached ones stop working."


def _removed(case: Case, told: str) -> Decision:
    """The extension is gone: wait for its namespace, take the relay away where it served this alone."""
    done = Decision(Action.NOTHING, case.state(Management.HANDS_OFF), f"Removed, and stays so. {told}")
    sent_at = case.memory.sent_at
    if sent_at is None or case.now - sent_at > _AFTERCARE:
        return done
    look = may_look_inside(case.policy, case.cluster.kind)
    wants = frozenset({Want.INSIDE}) if look and case.seen.inside is None else frozenset()
    if leaving(case):
        return replace(
            done,
            action=Action.WAIT,
            reason=f"The extension is removed; namespace azureml is still being removed from the cluster. {told}",
            next_look=case.look_in(case.policy.timing.follow_up),
            look_by=LookBy.SWEEP,
        )
    if case.cluster.kind is not Kind.ARC:
        return replace(done, wants=wants)
    asked = DesiredExtension({}, relay=relay_for(case.cluster))
    if case.seen.relay_unused is None:
        return replace(done, desired=asked, wants=wants | {Want.RELAY_USE})
    if not case.seen.relay_unused:
        return replace(done, wants=wants)
    return replace(
        done,
        action=Action.REMOVE_RELAY,
        state=case.state(condition=Condition.REMOVING),
        next_look=case.look_in(case.policy.timing.follow_up),
        desired=asked,
        reason=f"The Azure Relay namespace was made for this extension and nobody uses it; it is removed. {told}",
        wants=wants,
    )


def _conflict(case: Case) -> Decision:
    return Decision(
        Action.NOTHING,
        case.state(Management.HANDS_OFF),
        f"Conflict: {case.situation.detail}. Nothing is written.",
    )
