"""Changing an extension that exists: the PATCH for it, and what may stand against that."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from shared.azureml.drift import Differences, differences, patch_settings
from shared.azureml.failures import Failure, Step
from shared.azureml.preflight import settled
from shared.azureml.risk import Risk, risk_of_change
from shared.model.decision import Action, Decision, LookBy, Want
from shared.model.extension import DesiredExtension, Extension
from shared.model.inside import Activity
from shared.model.state import Condition, HoldCode
from shared.policy.guardrails import violations
from shared.policy.model import Enforcement
from shared.reconcile import checking, drifting, install, ladder, reinstall
from shared.reconcile.approvals import revert_of
from shared.reconcile.case import Case
from shared.reconcile.rotation import Rotation, heartbeat_missing
from shared.reconcile.verification import work_of
from shared.reconcile.wanted import wanted_on


def _names(changed: Mapping[str, object]) -> str:
    return ", ".join(sorted(changed))


def change(
    case: Case,
    extension: Extension,
    wanted: DesiredExtension,
    found: Differences,
    rotation: Rotation | None = None,
) -> Decision:
    """A difference on an extension of ours: the policy's doing, somebody's drift, or a newer certificate."""
    forbidden = _forbidden(case, wanted)
    if forbidden is not None:
        return forbidden
    pausing = ladder.waiting(case, None)
    if pausing is not None:
        return pausing
    cause = drifting.cause_of(case, extension, wanted, found)
    drifted = cause.drifted
    risks = [risk for risk in risk_of_change(found.changed) if risk is not Risk.SAFE]
    table = case.policy.enforcement
    what = "Reverting drift" if drifted else "An update"
    if risks:
        enforcement = table.drift_disruptive if drifted else table.update_disruptive
        what = f"{what} that {' and '.join(risk.value for risk in risks)}"
    else:
        enforcement = table.drift_safe if drifted else table.update_safe
    told = [f"{_names(found.changed)}: {cause.told}"] if found.changed else []
    told += [rotation.why] if rotation is not None else []
    condition = Condition.DRIFTED if found.changed else Condition.CURRENT
    decision = Decision(
        Action.UPDATE,
        case.state(condition=condition),
        f"{'; '.join(told)}.",
        profile=case.selection.profile,
        extension=extension.name,
        desired=wanted,
        patch=patch_settings(found),
        changes=found.changed,
        next_look=case.look_in(case.policy.timing.follow_up),
        attempts=case.memory.attempts,
        protected=rotation is not None,
        wants=_before_change(case, wanted, risks, rotation),
        by_policy=bool(found.changed) and not drifted,
        disruptive=bool(risks) or rotation is not None,
        against=cause.hand if drifted else None,
    )
    outcome = case.enforced(enforcement, decision, what)
    if not outcome.action.writes:
        return replace(outcome, state=replace(outcome.state, condition=condition))
    until = drifting.contested_until(case, cause.hand) if drifted and enforcement is Enforcement.ACT else None
    if until is not None:
        if rotation is not None:  # the certificate goes out alone; what is contested stays as somebody wants it
            return change(case, extension, wanted, replace(found, changed={}), rotation)
        return _contested(case, outcome, until)
    outcome = _unless_unsettled(case, outcome)
    if outcome.action.writes and _INTERRUPTS.intersection(risks):
        waiting = _unless_idle(case, outcome, what)
        if waiting is not None:
            return replace(waiting, state=replace(waiting.state, condition=condition))
    return _with_certificate(case, outcome, rotation)


def _contested(case: Case, decision: Decision, until: datetime) -> Decision:
    """A hold where somebody changes back what Muster takes back."""
    held = case.hold(
        HoldCode.CONTESTED,
        f"{decision.reason.rstrip('.')}. Muster took such changes back twice within a day: say by policy, tag or "
        "enrolment what is wanted, or find out who changes it. It is left alone for a day.",
        until=until,
        approval=revert_of(case.cluster, case.memory),
    )
    return replace(
        held,
        state=replace(held.state, condition=Condition.DRIFTED),
        intended=decision.action,
        desired=decision.desired,
        changes=decision.changes,
        profile=decision.profile,
        next_look=until,
        look_by=LookBy.SWEEP,
    )


_INTERRUPTS = frozenset({Risk.INTERRUPTS_JOBS, Risk.INTERRUPTS_ENDPOINTS})


def _before_change(
    case: Case, wanted: DesiredExtension, risks: Sequence[Risk], rotation: Rotation | None
) -> frozenset[Want]:
    """What has to be read before a change: running work that it could hurt, facts, the certificate that it sends."""
    wants = set()
    inside = case.seen.inside is None and checking.may_look_inside(case.policy, case.cluster.kind)
    if inside and (case.anew or _INTERRUPTS.intersection(risks)):
        wants.add(Want.INSIDE)
    if rotation is not None:
        wants |= checking.unread(case, wanted) & {Want.CERTIFICATE}
    return frozenset(wants)


def _unless_idle(case: Case, decision: Decision, what: str) -> Decision | None:
    """A hold while work runs, or may run: nobody approved that it be interrupted."""
    work = work_of(case)
    if work.activity is Activity.IDLE:
        return None
    told = work.detail or "jobs or endpoints run"
    held = case.hold(HoldCode.BUSY, f"{what} waits until the cluster is idle ({work.activity.value}: {told}).")
    return replace(
        held,
        intended=decision.action,
        changes=decision.changes,
        profile=decision.profile,
        wants=decision.wants,
        by_policy=decision.by_policy,
        disruptive=decision.disruptive,
    )


def _with_certificate(case: Case, decision: Decision, rotation: Rotation | None) -> Decision:
    """The step that sends a certificate, once it was checked and, on Arc, an agent is there to fetch it."""
    if rotation is None or not decision.action.writes:
        return decision
    results = checking.examined(case, {}, certificate="asked")
    bad = [result for result in results if result.id.startswith("tls-") and result.blocks]
    if bad:
        held = case.hold(HoldCode.PREFLIGHT, " ".join(str(result) for result in bad))
        return replace(held, checks=results, intended=decision.action)
    if heartbeat_missing(case):
        return replace(
            decision,
            action=Action.WAIT,
            intended=decision.action,
            reason=f"{decision.reason} It is sent after the agents' next heartbeat.",
            wants=frozenset(),
        )
    version = case.seen.certificate.version if case.seen.certificate else None
    return replace(decision, certificate=version.fingerprint if version else None)


def _forbidden(case: Case, wanted: DesiredExtension) -> Decision | None:
    found = violations(case.policy, case.cluster, wanted.settings, management_groups=case.seen.management_groups)
    return case.hold(HoldCode.GUARDRAIL, " ".join(str(finding) for finding in found)) if found else None


def resend(case: Case, extension: Extension) -> Decision:
    """An update failed and was rolled back; the old release serves. The wanted settings are sent again."""
    failure = ladder.failure_of(case, extension)
    waiting = ladder.waiting(case, extension, otherwise=_otherwise(case, extension, failure))
    if waiting is not None:
        return waiting
    if reinstall.due(case, failure):
        step = install.anew(case)
        if step.action.writes or not ladder.retried(case):
            return step
    wanted = wanted_on(case, extension)
    if isinstance(wanted, Decision):
        return wanted
    found = differences(wanted, extension, previously=case.memory.sent_keys)
    if any(risk is not Risk.SAFE for risk in risk_of_change(found.changed)):
        return change(case, extension, wanted, found)
    forbidden = _forbidden(case, wanted)
    if forbidden is not None:
        return forbidden
    decision = Decision(
        Action.REPAIR,
        case.state(),
        f"The last update failed and was rolled back ({case.situation.detail}); it is sent again.",
        profile=case.selection.profile,
        extension=extension.name,
        desired=wanted,
        # ARM already stores the settings of the failed update, so a PATCH of differences would be empty.
        patch=patch_settings(found) or dict(wanted.settings),
        # Protected values of a failed operation are kept for 48 hours only: the certificate goes along again.
        protected=wanted.certificate is not None,
        certificate=case.memory.certificate,
        wants=checking.unread(case, wanted) & {Want.CERTIFICATE},
        changes=found.changed,
        next_look=case.look_in(case.policy.timing.follow_up),
        attempts=case.memory.attempts,
    )
    outcome = case.enforced(case.policy.enforcement.repair, decision, "Repair")
    if not outcome.action.writes:
        return outcome
    rotation = Rotation(send=True) if wanted.certificate is not None else None
    return _with_certificate(case, _unless_unsettled(case, outcome), rotation)


def _otherwise(case: Case, extension: Extension, failure: Failure) -> bool:
    """Whether a failure that asks for other settings gets them: ARM keeps those of the update that failed."""
    if failure.step is not Step.PATCH:
        return False
    wanted = wanted_on(case, extension)
    return not isinstance(wanted, Decision) and bool(differences(wanted, extension).changed)


def _unless_unsettled(case: Case, decision: Decision) -> Decision:
    blockers = settled(case.cluster)
    if blockers:
        return case.hold(HoldCode.PREFLIGHT, " ".join(str(finding) for finding in blockers))
    return decision
