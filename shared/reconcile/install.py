"""The extension is missing (or never came up): what would be sent, and whether it may be."""

from dataclasses import dataclass, replace

from shared.azureml.auto import resolve_auto
from shared.azureml.drift import comparable, fingerprint
from shared.azureml.failures import Failure, Step
from shared.azureml.preflight import PROVIDER, blocking
from shared.errors import SettingsError
from shared.model.check import CheckResult
from shared.model.cluster import Cluster
from shared.model.decision import Action, Decision
from shared.model.extension import DesiredExtension
from shared.model.identity import Kind
from shared.model.state import HoldCode
from shared.policy.guardrails import violations
from shared.reconcile import checking, ladder, reinstall
from shared.reconcile.case import Case
from shared.reconcile.wanted import derived, refused

_LEAVING = "terminating"


def decide(case: Case) -> Decision:
    """Install what policy and derivation say, once nothing stands against it."""
    extension = case.situation.extension
    failure = ladder.failure_of(case, extension) if extension else None
    waiting = ladder.waiting(case, extension, otherwise=failure is not None and _otherwise(case, failure))
    if waiting is not None:
        return waiting
    drafted = draft(case)
    if isinstance(drafted, Decision):
        return drafted
    desired = drafted.desired
    repairing = extension is not None
    decision = Decision(
        Action.REPAIR if repairing else Action.INSTALL,
        case.state(),
        _sentence(case, repairing=repairing),
        profile=case.selection.profile,
        extension=extension.name if extension else case.policy.extension.name,
        desired=desired,
        next_look=case.look_in(case.policy.timing.follow_up),
        attempts=case.memory.attempts,
        advice=(*desired.warnings, *checking.warnings_of(drafted.checks)),
        checks=drafted.checks,
        wants=checking.unread(case, desired),
        certificate=_certificate(case, desired),
    )
    waiting = _cleaning_up(case, decision)
    if waiting is not None:
        return waiting
    registering = checking.registration(case, desired)
    if registering is not None:
        return replace(registering, checks=drafted.checks, profile=case.selection.profile)
    held = checking.held_by(case, drafted.checks)
    if held is not None:
        return replace(held, wants=frozenset())
    deletion = reinstall.decide(case, decision) if failure and reinstall.due(case, failure) else None
    if deletion is not None and (deletion.action.writes or not ladder.retried(case)):
        return deletion
    return _sent(case, decision)


def _cleaning_up(case: Case, decision: Decision) -> Decision | None:
    """A wait while the objects of an earlier installation are on their way out of the cluster."""
    if leaving(case):
        return replace(
            decision,
            action=Action.WAIT,
            reason="Namespace azureml is still being removed from the cluster; the install waits until it is gone.",
        )
    later = reinstall.waits_until(case)
    if later is None:
        return None
    return replace(
        decision,
        action=Action.WAIT,
        reason="The failed extension was deleted; the cluster gets time to remove its objects before the new one.",
        next_look=later,
    )


def _sent(case: Case, decision: Decision) -> Decision:
    """The step, its relay made ready before, as far as the policy lets it go."""
    desired, repairing = decision.desired, case.situation.extension is not None
    missing = case.seen.relay_ready is False or case.memory.relay_begun
    if desired is not None and desired.relay is not None and missing:
        decision = replace(decision, reason=f"{decision.reason} What its Azure Relay lacks is made first.")
    enforcement = case.policy.enforcement
    if reinstall.under_way(case.memory) and not repairing:
        return decision  # whoever let it be deleted let it be installed again
    return case.enforced(
        enforcement.repair if repairing else enforcement.install,
        decision,
        "Repair" if repairing else "Install",
    )


def anew(case: Case) -> Decision:
    """The reinstall of what once worked, or may have: nothing may stand against the installation that follows it."""
    drafted = draft(case)
    if isinstance(drafted, Decision):
        return drafted
    held = checking.held_by(case, drafted.checks)
    if held is not None:
        return replace(held, wants=frozenset())
    prepared = Decision(
        Action.REPAIR,
        case.state(),
        "",
        profile=case.selection.profile,
        extension=case.situation.extension.name if case.situation.extension else None,
        desired=drafted.desired,
        next_look=case.look_in(case.policy.timing.follow_up),
        attempts=case.memory.attempts,
        advice=(*drafted.desired.warnings, *checking.warnings_of(drafted.checks)),
        checks=drafted.checks,
        wants=checking.unread(case, drafted.desired),
    )
    return reinstall.decide(case, prepared)


def _sentence(case: Case, *, repairing: bool) -> str:
    if repairing:
        return f"The install failed ({case.situation.detail}); attempt {case.memory.attempts + 1} is sent."
    if reinstall.under_way(case.memory):
        return f"The failed extension was deleted; it is installed anew, profile '{case.selection.profile}'."
    return f"The extension is missing; profile '{case.selection.profile}' by {case.selection.rule or 'request'}."


def _otherwise(case: Case, failure: Failure) -> bool:
    """Whether a failure that asks for other settings gets them: what would be sent now is not what failed.

    Automatic values may have changed since, by what was seen inside the cluster: then only a look inside tells.
    """
    unseen = case.seen.inside is None and checking.may_look_inside(case.policy, case.cluster.kind)
    if failure.step is not Step.PATCH or unseen or not comparable(case.memory.sent):
        return False
    drafted = draft(case)
    return isinstance(drafted, Draft) and fingerprint(drafted.desired) != case.memory.sent


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
        desired = derived(case, resolved)
    except SettingsError as error:
        return refused(case, error)
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
