"""Reinstalling: the last rung of the ladder, in two steps of time.

The DELETE is one step (never forceDelete), the installation another, once the extension is gone. Between them stand
the looks of the loop. Memory says that a reinstall is under way; without it the cluster simply is one without an
extension, and gets it. What once worked, or may have, is deleted only with a person's approval of just that.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from shared.azureml.failures import Failure, Step
from shared.azureml.preflight import settled
from shared.model.decision import Action, Decision
from shared.model.inside import Activity
from shared.model.observation import Memory
from shared.model.state import Condition, HoldCode
from shared.policy.model import Enforcement
from shared.reconcile.case import Case
from shared.reconcile.verification import work_of

# One reinstall of a cluster in this time: what did not help today will not help tomorrow.
_SELDOM = timedelta(days=7)
# The same is sent once more before anything is deleted.
_FAILURES = 2
# Azure's clock and ours may differ by less than this, and no installation succeeds within it unseen.
_SKEW = timedelta(minutes=2)


def never_succeeded(case: Case) -> bool:
    """Whether it is certain that the extension never worked.

    Certain means: Muster sent it, has known the cluster since before the extension was made, never saw it succeed,
    and neither Azure nor memory names a version that ran.
    """
    extension, memory = case.situation.extension, case.memory
    if extension is None or not case.situation.ours or memory.sent is None:
        return False
    if case.situation.condition is not Condition.FAILED_INSTALL or memory.succeeded:
        return False
    if extension.current_version or memory.version or (memory.verification and memory.verification.components):
        return False
    if memory.first_seen is None or extension.created_at is None:
        return False
    return extension.created_at >= memory.first_seen - _SKEW


def allowed(case: Case, failure: Failure) -> bool:
    """Whether the failure, the policy and the past of the cluster leave this rung open."""
    table, memory = case.policy.enforcement, case.memory
    row = table.reinstall_never_succeeded if never_succeeded(case) else table.reinstall
    lately = memory.reinstalled_at is not None and case.now - memory.reinstalled_at < _SELDOM
    if lately and under_way(memory):
        # It stands there still: the deletion never reached Azure, or failed, and may be sent again a few times.
        lately = memory.attempts >= max(case.policy.max_attempts, _FAILURES + 1)
    return (
        failure.step is Step.REINSTALL
        and case.situation.ours
        and row not in {Enforcement.REPORT, Enforcement.NEVER}
        and not lately
    )


def due(case: Case, failure: Failure) -> bool:
    """Whether it is what comes next: the same was sent again and failed again."""
    return allowed(case, failure) and case.memory.attempts >= _FAILURES


def decide(case: Case, prepared: Decision) -> Decision:
    """The deletion, where everything stands ready for the installation that follows it.

    Args:
        case: a failed extension of ours.
        prepared: the decision that would send `desired` again, with nothing against it.
    """
    fresh = never_succeeded(case)
    step = replace(
        prepared,
        action=Action.REINSTALL,
        reason=(
            f"The installation failed {case.memory.attempts} times ({case.situation.detail}); "
            if fresh
            else f"It failed {case.memory.attempts} times ({case.situation.detail}); "
        )
        + "sending it again does not help, so that the extension is deleted and installed anew.",
        patch={},
        changes={},
        protected=False,
        certificate=None,
        by_policy=False,
        disruptive=not fresh,
    )
    if fresh:
        return case.enforced(case.policy.enforcement.reinstall_never_succeeded, step, "A reinstall")
    # Not even a policy that says `act` deletes what once worked: that takes a person's word about this cluster.
    outcome = case.enforced(
        Enforcement.APPROVE,
        step,
        "A reinstall, which drops running jobs and endpoints and may change the extension's identity,",
    )
    if not outcome.action.writes:
        return outcome
    blockers = settled(case.cluster)
    if blockers:
        return case.hold(HoldCode.PREFLIGHT, " ".join(str(finding) for finding in blockers))
    work = work_of(case)
    if work.activity is Activity.IDLE:
        return outcome
    told = work.detail or "jobs or endpoints run"
    held = case.hold(HoldCode.BUSY, f"The reinstall waits until the cluster is idle ({work.activity.value}: {told}).")
    return replace(held, intended=step.action, profile=step.profile, wants=step.wants)


def under_way(memory: Memory) -> bool:
    """Whether the deletion was sent and nothing since."""
    return memory.reinstalled_at is not None and memory.sent_at == memory.reinstalled_at


def waits_until(case: Case) -> datetime | None:
    """Until when the second half waits, on a cluster whose namespace nobody can look at; None where it need not.

    Azure forgets the extension before its objects are gone from the cluster, which takes some ten minutes.
    """
    deleted, inside = case.memory.reinstalled_at, case.seen.inside
    if deleted is None or not under_way(case.memory):
        return None
    if inside is not None and inside.namespace is not None:
        return None
    until = deleted + case.policy.timing.reinstall_pause
    return until if case.now < until else None
