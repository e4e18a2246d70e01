"""The extension is missing (or never came up): what would be sent, and whether it may be."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.azureml.auto import resolve_auto
from shared.azureml.derivation import derive
from shared.azureml.failures import Failure, FailureClass, classify, with_report
from shared.azureml.healthcheck import read_reports
from shared.azureml.preflight import PROVIDER, blocking
from shared.errors import SettingsError
from shared.model.check import CheckResult
from shared.model.cluster import Cluster
from shared.model.decision import Action, Decision, LookBy, Want
from shared.model.extension import DesiredExtension, Extension
from shared.model.identity import Kind
from shared.model.state import Condition, HoldCode
from shared.policy.guardrails import violations
from shared.reconcile import checking
from shared.reconcile.backoff import after_attempt
from shared.reconcile.case import Case

_LEAVING = "terminating"


def decide(case: Case) -> Decision:
    """Install what policy and derivation say, once nothing stands against it."""
    waiting = spent_or_pausing(case, case.situation.extension)
    if waiting is not None:
        return waiting
    drafted = draft(case)
    if isinstance(drafted, Decision):
        return drafted
    desired = drafted.desired
    repairing = case.situation.extension is not None
    decision = Decision(
        Action.REPAIR if repairing else Action.INSTALL,
        case.state(),
        _sentence(case, repairing=repairing),
        profile=case.selection.profile,
        extension=case.situation.extension.name if case.situation.extension else case.policy.extension.name,
        desired=desired,
        next_look=case.look_in(case.policy.timing.follow_up),
        attempts=case.memory.attempts,
        advice=(*desired.warnings, *checking.warnings_of(drafted.checks)),
        checks=drafted.checks,
        wants=checking.unread(case, desired),
        certificate=_certificate(case, desired),
    )
    if leaving(case):
        return replace(
            decision,
            action=Action.WAIT,
            reason="Namespace azureml is still being removed from the cluster; the install waits until it is gone.",
        )
    registering = checking.registration(case, desired)
    if registering is not None:
        return replace(registering, checks=drafted.checks, profile=case.selection.profile)
    held = checking.held_by(case, drafted.checks)
    if held is not None:
        return replace(held, wants=frozenset())
    if desired.relay is not None and case.seen.relay_ready is False:
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


@dataclass(frozen=True, slots=True)
class Draft:
    """What would be sent, and every preflight check's answer to it."""

    desired: DesiredExtension
    checks: tuple[CheckResult, ...]


def draft(case: Case) -> Draft | Decision:
    """The body for a fresh install, or the hold that stands against it."""
    selection = case.selection
    # What the settings do not change comes first: a stopped cluster is told as stopped, not as facts unknown.
    early = checking.held_by(case, checking.examined(case, selection.settings))
    provider_alone = early is not None and case.policy.preflight.register_providers and _only_provider(early)
    if early is not None and not provider_alone:
        return early
    name = case.situation.extension.name if case.situation.extension else case.policy.extension.name
    resolved = resolve_auto(
        case.cluster, selection.settings, selection.origins, None, inside=case.seen.inside, extension_name=name
    )
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
            auto_upgrade_mode=selection.auto_upgrade_mode,
            certificate=selection.certificate,
        )
    except SettingsError as error:
        # The policy's profiles were checked when it was loaded; tags and requests meet here.
        return case.hold(HoldCode.PREFLIGHT, f"The official CLI would refuse these settings: {error.message}")
    forbidden = violations(case.policy, case.cluster, desired.settings, management_groups=case.seen.management_groups)
    if forbidden:
        return case.hold(HoldCode.GUARDRAIL, " ".join(str(finding) for finding in forbidden))
    desired = replace(desired, warnings=(*desired.warnings, *resolved.findings))
    return Draft(desired, checking.examined(case, desired.settings, desired.certificate))


def _only_provider(held: Decision) -> bool:
    """Whether nothing but a missing registration stands in the way."""
    return {result.id for result in blocking(held.checks)} == {PROVIDER}


def _certificate(case: Case, desired: DesiredExtension) -> str | None:
    version = case.seen.certificate.version if case.seen.certificate else None
    return version.fingerprint if desired.certificate and version else None


def leaving(case: Case) -> bool:
    """Whether the namespace of an earlier installation is still being removed."""
    inside = case.seen.inside
    return inside is not None and (inside.namespace or "").lower() == _LEAVING


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
    failure = failure_of(case, failed) if failed else None
    due = memory.failed_at + max(pause, failure.patience if failure else timedelta(0))
    if case.now >= due:
        return None
    told = (failure.remedy if failure else "") or memory.refusal
    unread = failed is not None and case.seen.inside is None
    look = frozenset({Want.INSIDE}) if unread and checking.may_look_inside(policy, case.cluster.kind) else frozenset()
    if spent:
        held = case.hold(
            HoldCode.QUARANTINE,
            f"{memory.attempts} attempts failed. {told} Tried again after a change or the pause.",
        )
        return replace(held, next_look=due, look_by=LookBy.SWEEP, wants=look)
    transient = failure is not None and failure.klass is FailureClass.TRANSIENT
    return replace(_pausing(case, due, told, transient=transient), wants=look)


def failure_of(case: Case, failed: Extension) -> Failure:
    """What kind of failure it is; the healthcheck's report inside the cluster says more than Azure's text."""
    failure = classify(failed.error_code, failed.error_message)
    reports = case.seen.inside.healthcheck if case.seen.inside else None
    if not reports:
        return failure
    updated = case.situation.condition is Condition.FAILED_UPDATE
    return with_report(failure, read_reports(reports, after="update" if updated else "install"))


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
