"""The decision: a pure, total function from an observation, the policy and the time.

No I/O, no clock, no randomness. The questions are asked in this order, and the first answer that
settles the matter ends it: Is the cluster there and readable? Do policy and people select it? Is the
extension there, and how does it fare? May what is needed be done (guardrails, preflight, enforcement,
gates)? `removal` answers for clusters whose extension a person asked to remove, `upkeep` for those
where it exists, `install` for those where it does not.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from shared.model.cluster import Cluster
from shared.model.decision import Action, Decision, LookBy, Want
from shared.model.gates import Mode
from shared.model.observation import Observation
from shared.model.request import Reason
from shared.model.state import Condition, HoldCode, Management, Reachability, State
from shared.policy.model import Policy
from shared.policy.selection import Outcome, select
from shared.reconcile import install, removal, upkeep
from shared.reconcile.attempts import counted
from shared.reconcile.backoff import since
from shared.reconcile.case import Case
from shared.reconcile.checking import may_look_inside
from shared.reconcile.gating import gated
from shared.reconcile.inputs import basis_of, choice_of
from shared.reconcile.situation import read_situation
from shared.reconcile.unanswered import supposed


def decide(seen: Observation, policy: Policy, now: datetime) -> Decision:
    """Say what is to be done about one cluster, and why."""
    decision = _ungated(replace(seen, memory=supposed(seen)), policy, now)
    gated = _through_gates(decision, seen, policy, now)
    hold = gated.state.hold
    return replace(
        gated,
        # Whoever held it back may have moved the next look afterwards; people are shown that one.
        state=replace(gated.state, hold=replace(hold, next=gated.next_look)) if hold else gated.state,
        generation=policy.generation,
        intended=decision.intended or decision.action,
    )


def _ungated(seen: Observation, policy: Policy, now: datetime) -> Decision:
    if seen.gone:
        state = State(Management.NOT_SELECTED, Condition.MISSING)
        return Decision(Action.NOTHING, state, "The cluster no longer exists.")
    if seen.cluster is None:
        return _unreadable(seen, policy, now)
    cluster = with_observed_gpu(seen)
    selection = select(policy, cluster, seen.intent, now, management_groups=seen.management_groups)
    situation = read_situation(seen.extensions, seen.memory, name=policy.extension.name, own_names=seen.own_names)
    memory = counted(seen.memory, situation, basis_of(policy, seen.cluster, seen.intent, now), now)
    case = Case(replace(seen, memory=memory), cluster, policy, selection, situation, now)
    decision = _selected(case) if selection.outcome is Outcome.SELECTED else _not_selected(case)
    decision = gated(case, decision)
    return replace(
        decision,
        profile=decision.profile or selection.profile,
        rule=decision.rule or selection.rule,
        why=tuple(f"{step.rule}: {step.why}" for step in selection.steps),
        advice=decision.advice + selection.warnings,
        choice=choice_of(policy, seen.cluster, seen.intent, now),
    )


def with_observed_gpu(seen: Observation) -> Cluster:
    """The cluster with what its nodes say of GPUs, where Azure says nothing: Arc does not report them."""
    cluster = seen.cluster
    if cluster is None:
        raise AssertionError("a cluster that could not be read has no facts")
    if cluster.gpu is not None:
        return cluster
    if seen.inside is not None and seen.inside.nodes is not None:
        return replace(cluster, gpu=any(node.gpus for node in seen.inside.nodes))
    known = seen.memory.verification
    return cluster if known is None or known.gpu is None else replace(cluster, gpu=known.gpu)


def _unreadable(seen: Observation, policy: Policy, now: datetime) -> Decision:
    """Azure did not tell us about the cluster. That is Unknown, never "not selected"."""
    known = seen.memory.state
    state = State(
        known.management if known else Management.NOT_SELECTED,
        Condition.UNKNOWN,
        reachability=known.reachability if known else Reachability.ONLINE,
    )
    pause = since(
        seen.id,
        seen.memory.trouble_since,
        now,
        first=policy.timing.follow_up,
        longest=policy.timing.unavailable_max,
    )
    if seen.retry_after is not None:
        pause = max(pause, timedelta(seconds=seen.retry_after))
    reason = seen.trouble or "The cluster could not be read."
    return Decision(Action.WAIT, state, reason, next_look=now + pause)


def _not_selected(case: Case) -> Decision:
    selection = case.selection
    match selection.outcome:
        case Outcome.REMOVED:
            return removal.decide(case)
        case Outcome.HANDS_OFF:
            return Decision(Action.NOTHING, case.state(Management.HANDS_OFF), selection.reason)
        case Outcome.EXEMPT:
            return Decision(Action.NOTHING, case.state(Management.EXEMPT), selection.reason)
        case Outcome.HELD:
            return _held_by_selection(case)
        case _:
            # An event may outrun the tag it speaks of: look once more before believing it.
            again = case.now + case.policy.timing.second_look if case.seen.reason is Reason.EVENT else None
            return Decision(Action.NOTHING, case.state(Management.NOT_SELECTED), selection.reason, next_look=again)


def _held_by_selection(case: Case) -> Decision:
    code, reason = case.selection.hold or (HoldCode.TAG_INVALID, case.selection.reason)
    if code is not HoldCode.FACTS_UNKNOWN:
        return case.hold(code, reason)
    inside = case.seen.inside is None and may_look_inside(case.policy, case.cluster.kind)
    # The nodes tell whether there are GPUs, where Azure does not.
    asks = case.selection.unknown_fact in {"gpu", "gpuModels"} and inside
    return replace(case.facts_unknown(reason), wants=frozenset({Want.INSIDE}) if asks else frozenset())


def _selected(case: Case) -> Decision:
    pause = case.selection.pause
    situation = case.situation
    if situation.untouchable:
        return Decision(
            Action.NOTHING,
            case.state(Management.ADOPTION_PENDING),
            "The extension is managed by the platform and is left alone.",
            extension=situation.extension.name if situation.extension else None,
        )
    if situation.condition is Condition.CONFLICT:
        return Decision(Action.NOTHING, case.state(), f"Conflict: {situation.detail}. Nothing is written.")
    if case.under_way:
        return upkeep.wait(case)
    if pause is not None:
        held = case.hold(HoldCode.PAUSE, pause.reason, until=pause.until)
        return replace(held, next_look=pause.until or held.next_look, look_by=LookBy.SWEEP)
    if situation.condition is Condition.MISSING:
        return _in_turn(case, install.decide(case))
    return _in_turn(case, upkeep.decide(case))


def _in_turn(case: Case, decision: Decision) -> Decision:
    """A write that would go out without a look inside, only because its turn to look had not come, waits for it."""
    turn = case.seen.inside.retry_after if case.seen.inside is not None else None
    first = case.memory.first_seen or case.now
    if turn is None or not decision.action.writes or case.now - first >= case.policy.timing.facts_wait:
        return decision
    return replace(
        decision,
        action=Action.WAIT,
        intended=decision.action,
        reason=f"{decision.reason} It waits for its turn to look into the cluster first.",
        next_look=case.look_in(timedelta(seconds=max(1.0, turn))),
        look_by=LookBy.MESSAGE,
    )


def _through_gates(decision: Decision, seen: Observation, policy: Policy, now: datetime) -> Decision:
    """Turn a write into a wait where the mode, the kill switch or unreadable intents forbid it."""
    if not decision.action.writes:
        return decision
    if not seen.intents_readable:
        reason = "What people asked for cannot be read, so nothing is written."
        wait = policy.timing.unavailable_max
    elif seen.gates.stopped:
        reason, wait = "MUSTER_STOP is set, so nothing is written.", policy.timing.backoff_first
    elif seen.gates.mode is Mode.REPORT:
        return replace(
            decision,
            action=Action.NOTHING,
            intended=decision.action,
            reason=f"Would {decision.action.value}: {decision.reason} MUSTER_MODE is report, so nothing is written.",
            next_look=None,
        )
    else:
        return decision
    return replace(decision, action=Action.WAIT, intended=decision.action, reason=reason, next_look=now + wait)
