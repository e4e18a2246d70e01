"""The extension is missing (or never came up): what would be sent, and whether it may be."""

from dataclasses import replace
from datetime import datetime, timedelta

from shared.azureml.auto import resolve_auto
from shared.azureml.derivation import derive
from shared.azureml.failures import FailureClass, classify
from shared.azureml.preflight import gate
from shared.errors import SettingsError
from shared.model.cluster import Cluster
from shared.model.decision import Action, Decision, LookBy
from shared.model.extension import DesiredExtension, Extension
from shared.model.identity import Kind
from shared.model.state import HoldCode
from shared.policy.guardrails import violations
from shared.reconcile.backoff import after_attempt
from shared.reconcile.case import Case


def decide(case: Case) -> Decision:
    """Install what policy and derivation say, once nothing stands against it."""
    waiting = spent_or_pausing(case, case.situation.extension)
    if waiting is not None:
        return waiting
    drafted = draft(case)
    if isinstance(drafted, Decision):
        return drafted
    repairing = case.situation.extension is not None
    decision = Decision(
        Action.REPAIR if repairing else Action.INSTALL,
        case.state(),
        _sentence(case, repairing=repairing),
        profile=case.selection.profile,
        extension=case.situation.extension.name if case.situation.extension else case.policy.extension.name,
        desired=drafted,
        next_look=case.look_in(case.policy.timing.follow_up),
        attempts=case.memory.attempts,
        advice=drafted.warnings,
    )
    if drafted.relay is not None and case.seen.relay_ready is False:
        decision = replace(
            decision,
            action=Action.PREPARE_RELAY,
            reason="The Azure Relay objects of the cluster must exist first.",
        )
    enforcement = case.policy.enforcement
    return case.enforced(
        enforcement.repair if repairing else enforcement.install,
        decision,
        "Repair" if repairing else "Install",
    )


def _sentence(case: Case, *, repairing: bool) -> str:
    if repairing:
        return f"The install failed ({case.situation.detail}); attempt {case.memory.attempts + 1} is sent."
    return f"The extension is missing; profile '{case.selection.profile}' by {case.selection.rule or 'request'}."


def draft(case: Case) -> DesiredExtension | Decision:
    """The body for a fresh install, or the hold that stands against it."""
    selection = case.selection
    blockers = gate(case.cluster)
    if blockers:
        return case.hold(HoldCode.PREFLIGHT, " ".join(f"{finding}" for finding in blockers))
    resolved = resolve_auto(case.cluster, selection.settings, selection.origins, None)
    unknown = resolved.unknown_facts or _facts_needed(case.cluster)
    if unknown:
        return case.facts_unknown(f"facts-unknown({', '.join(unknown)}): Azure does not report it yet.")
    try:
        desired = derive(
            case.cluster,
            resolved.settings,
            origins=resolved.origins,
            release_train=selection.release_train,
            version=selection.version,
            auto_upgrade_minor_version=selection.auto_upgrade_minor_version,
        )
    except SettingsError as error:
        # The policy's profiles were checked when it was loaded; tags and requests meet here.
        return case.hold(HoldCode.PREFLIGHT, f"The official CLI would refuse these settings: {error.message}")
    forbidden = violations(case.policy, case.cluster, desired.settings, management_groups=case.seen.management_groups)
    if forbidden:
        return case.hold(HoldCode.GUARDRAIL, " ".join(str(finding) for finding in forbidden))
    return replace(desired, warnings=(*desired.warnings, *resolved.findings))


def _facts_needed(cluster: Cluster) -> tuple[str, ...]:
    """Facts that derivation reads and that are not known yet.

    The CLI takes an unknown node count for "three or more" and a null distribution for "not OpenShift";
    both are wrong on an Arc cluster that has just connected.
    """
    missing = []
    if cluster.nodes is None:
        missing.append("nodes")
    if cluster.kind is Kind.ARC and cluster.distribution is None:
        missing.append("distribution")
    return tuple(missing)


def spent_or_pausing(case: Case, failed: Extension | None) -> Decision | None:
    """After failures: wait out the pause, or hold when the attempts are spent; None when it may act."""
    memory, policy = case.memory, case.policy
    if memory.attempts == 0 or memory.failed_at is None:
        return None
    timing = policy.timing
    spent = memory.attempts >= policy.max_attempts
    pause = (
        timing.backoff_max
        if spent
        else after_attempt(
            case.cluster.id,
            memory.attempts,
            first=timing.backoff_first,
            factor=timing.backoff_factor,
            longest=timing.backoff_max,
        )
    )
    due = memory.failed_at + pause
    if case.now >= due:
        return None
    failure = classify(failed.error_code, failed.error_message) if failed else None
    told = (failure.remedy if failure else "") or memory.refusal
    if spent:
        held = case.hold(
            HoldCode.QUARANTINE,
            f"{memory.attempts} attempts failed. {told} Tried again after a change or the pause.",
        )
        return replace(held, next_look=due, look_by=LookBy.SWEEP)
    return _pausing(case, due, told, transient=failure is not None and failure.klass is FailureClass.TRANSIENT)


def _pausing(case: Case, due: datetime, told: str, *, transient: bool) -> Decision:
    extension = case.situation.extension
    return Decision(
        Action.WAIT,
        case.state(),
        f"Attempt {case.memory.attempts} failed; the next one waits its pause. {told}",
        extension=extension.name if extension else None,
        next_look=max(due, case.now + timedelta(seconds=1)),
        # Repair is the timer's business, which sees the whole fleet; what passes by itself need not wait for it.
        look_by=LookBy.MESSAGE if transient else LookBy.SWEEP,
        attempts=case.memory.attempts,
    )
