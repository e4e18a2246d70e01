"""A person asked to remove the extension and to keep it removed."""

from shared.azureml.preflight import settled
from shared.model.decision import Action, Decision
from shared.model.state import Condition, HoldCode, Management
from shared.policy.model import Enforcement
from shared.reconcile import upkeep
from shared.reconcile.case import Case


def decide(case: Case) -> Decision:
    """Remove on request only, on a fresh reading, and only where the loss of running work was accepted."""
    situation, intent = case.situation, case.seen.intent
    told = f"{intent.who} asked for the removal: {intent.why.rstrip('.')}." if intent else case.selection.reason
    if situation.condition is Condition.MISSING:
        return Decision(Action.NOTHING, case.state(Management.HANDS_OFF), f"Removed, and stays so. {told}")
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
        f"{told} Detach its compute targets from their workspaces: attached ones stop working.",
        extension=situation.extension.name,
        next_look=case.look_in(case.policy.timing.follow_up),
    )
    accepted = intent is not None and intent.accept_disruption
    enforcement = case.policy.enforcement.remove
    if enforcement is Enforcement.APPROVE and accepted:
        return decision
    if enforcement is Enforcement.APPROVE:
        return case.hold(
            HoldCode.APPROVAL,
            f"Removal drops running jobs and endpoints, which cannot be seen from here; ask again with "
            f"acceptDisruption to approve it. {told}",
        )
    return case.enforced(enforcement, decision, "Removal")


def _conflict(case: Case) -> Decision:
    return Decision(
        Action.NOTHING,
        case.state(Management.HANDS_OFF),
        f"Conflict: {case.situation.detail}. Nothing is written.",
    )
