"""The ladder of repair: what a failure allows next, how often, and after which pause.

Look again, send the same again, send something else, reinstall, and at the top quarantine: a hold with the reason,
until an input changes (that gives a fresh count), its timed retry comes, or a person says that the cause is mended. No
class is without a timed retry.
"""

from dataclasses import replace
from datetime import timedelta

from shared.azureml.failures import UNKNOWN, Failure, FailureClass, Step, classify, with_report
from shared.azureml.healthcheck import read_reports
from shared.model.decision import Action, Decision, LookBy, Want
from shared.model.extension import Extension
from shared.model.state import Condition, HoldCode
from shared.reconcile import reinstall
from shared.reconcile.approvals import retry_of
from shared.reconcile.backoff import after_attempt
from shared.reconcile.case import Case
from shared.reconcile.checking import may_look_inside

# What has to end first is tried as late as other things after so many more failures.
_LATER = 3


def failure_of(case: Case, failed: Extension) -> Failure:
    """What kind of failure it is; the healthcheck's report inside the cluster says more than Azure's text."""
    failure = classify(failed.error_code, failed.error_message)
    reports = case.seen.inside.healthcheck if case.seen.inside else None
    if not reports:
        return failure
    updated = case.situation.condition is Condition.FAILED_UPDATE
    return with_report(failure, read_reports(reports, after="update" if updated else "install"))


def bound_of(case: Case, failure: Failure | None, *, otherwise: bool = False) -> int:
    """So many failures, and the ladder ends in quarantine.

    Args:
        case: the cluster's case.
        failure: the last failure; None where nobody told one.
        otherwise: whether what would be sent now is something else than what failed.
    """
    policy = case.policy
    if failure is None:
        return policy.max_attempts
    bound = policy.attempts.get(failure.klass, policy.max_attempts)
    if failure.step is Step.NONE:
        return 1  # a person must act first; nothing is sent but the timed retry
    if failure.step is Step.PATCH and otherwise:
        return policy.max_attempts
    if failure.step is Step.REINSTALL and reinstall.allowed(case, failure):
        return max(bound, case.memory.attempts + 1)
    return bound


def waiting(case: Case, failed: Extension | None, *, otherwise: bool = False) -> Decision | None:
    """After failures: wait out the pause, or hold when the attempts are spent; None when it may act."""
    memory = case.memory
    if memory.attempts == 0 or memory.failed_at is None:
        return None
    if failed is None and reinstall.under_way(memory) and memory.failed_at <= (memory.sent_at or memory.failed_at):
        return None  # what failed was deleted for a reinstall; the fresh installation has not failed yet
    failure = _known(case, failed)
    spent = memory.attempts >= bound_of(case, failure, otherwise=otherwise)
    due = memory.failed_at + max(_pause(case, failure, spent=spent), failure.patience if failure else timedelta(0))
    if case.now >= due or (spent and _allowed(case)):
        return None
    told = _told(case, failure, refused=failed is None)
    unread = failed is not None and case.seen.inside is None
    look = frozenset({Want.INSIDE}) if unread and may_look_inside(case.policy, case.cluster.kind) else frozenset()
    if not spent:
        transient = failed is not None and failure is not None and failure.klass is FailureClass.TRANSIENT
        paused = Decision(
            Action.WAIT,
            case.state(),
            f"Attempt {memory.attempts} failed; the next one waits its pause. {told}",
            extension=failed.name if failed else _name(case),
            next_look=max(due, case.now + timedelta(seconds=1)),
            # Repair is the timer's business, which sees the whole fleet; what passes by itself need not wait for it.
            look_by=LookBy.MESSAGE if transient else LookBy.SWEEP,
            attempts=memory.attempts,
        )
        return replace(paused, wants=look)
    count = "1 attempt failed" if memory.attempts == 1 else f"{memory.attempts} attempts failed"
    kind = f" ({failure.family}, {failure.klass.value})" if failure is not None else ""
    held = case.hold(
        HoldCode.QUARANTINE,
        f"{count}{kind}. {told} Tried again after a change of policy, tags or cluster, or after the longest pause.",
        approval=retry_of(case.cluster, memory),
    )
    return replace(held, next_look=due, look_by=LookBy.SWEEP, wants=look)


def retried(case: Case) -> bool:
    """Whether the timed retry is due, or a person asks for it: the same is sent again although another step waits."""
    failed_at = case.memory.failed_at
    if _allowed(case):
        return True
    return failed_at is not None and case.now >= failed_at + case.policy.timing.backoff_max


def _allowed(case: Case) -> bool:
    """Whether a person said after this failure that its cause is mended."""
    return retry_of(case.cluster, case.memory) in case.seen.gates.fleet.approved


def _told(case: Case, failure: Failure | None, *, refused: bool) -> str:
    """What a person should know: the remedy, and Azure's own words where it refused the request itself."""
    if failure is None:
        return case.memory.refusal
    if not refused:
        return failure.remedy
    known = failure.family != UNKNOWN.family
    return f"{case.memory.refusal} {failure.remedy}" if known else case.memory.refusal


def _known(case: Case, failed: Extension | None) -> Failure | None:
    """The failure as its operation told it, or as the service's refusal does."""
    if failed is not None:
        return failure_of(case, failed)
    return classify("", case.memory.refusal) if case.memory.refusal else None


def _pause(case: Case, failure: Failure | None, *, spent: bool) -> timedelta:
    timing = case.policy.timing
    if spent:
        return timing.backoff_max
    late = failure is not None and failure.klass is FailureClass.WAIT and not failure.patience
    return after_attempt(
        case.cluster.id,
        case.memory.attempts + (_LATER if late else 0),
        first=timing.backoff_first,
        factor=timing.backoff_factor,
        longest=timing.backoff_max,
    )


def _name(case: Case) -> str | None:
    return case.situation.extension.name if case.situation.extension else None
