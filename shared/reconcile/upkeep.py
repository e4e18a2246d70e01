"""The extension exists: wait for what runs, repair what failed, compare what stands."""

from collections.abc import Mapping
from dataclasses import replace

from shared.azureml.auto import resolve_auto
from shared.azureml.derivation import derive
from shared.azureml.drift import Differences, differences, fingerprint, patch_settings
from shared.azureml.preflight import settled
from shared.azureml.risk import Risk, risk_of_change
from shared.errors import SettingsError
from shared.model.decision import Action, Decision
from shared.model.extension import DesiredExtension, Extension
from shared.model.state import Condition, HoldCode, Management
from shared.policy.guardrails import violations
from shared.policy.model import AdoptionMode
from shared.reconcile import install
from shared.reconcile.backoff import since
from shared.reconcile.case import Case
from shared.reconcile.inputs import choice_of


def wait(case: Case) -> Decision:
    """An operation runs: look again, at growing intervals once it has lasted longer than it should."""
    timing = case.policy.timing
    extension = case.situation.extension
    started = case.memory.sent_at or (extension.modified_at if extension else None) or case.now
    lasted = case.now - started
    pause = timing.follow_up
    reason = case.situation.detail or "The extension's state is not known yet"
    if lasted > timing.stuck_after:
        pause = since(case.cluster.id, started, case.now, first=timing.follow_up, longest=timing.backoff_max)
        reason = f"{reason}; it has lasted {lasted}, longer than expected"
    return Decision(
        Action.WAIT,
        case.state(),
        f"{reason}.",
        extension=extension.name if extension else None,
        next_look=case.look_in(pause),
        attempts=case.memory.attempts,
    )


def decide(case: Case) -> Decision:
    """The extension is not under way: it stands, or it failed."""
    extension = case.situation.extension
    if extension is None:
        return wait(case)
    if not case.situation.ours and case.policy.adoption is AdoptionMode.IGNORE:
        return Decision(
            Action.NOTHING,
            case.state(Management.ADOPTION_PENDING),
            "Installed by somebody else; the policy's adoption mode is ignore.",
            extension=extension.name,
        )
    if case.situation.condition is Condition.CURRENT:
        return _compare(case, extension)
    if not case.situation.ours:
        return Decision(
            Action.NOTHING,
            case.state(),
            f"Installed by somebody else and adopted as a baseline: its failure is reported, nothing is written "
            f"({case.situation.detail}).",
            extension=extension.name,
        )
    if case.situation.condition is Condition.FAILED_INSTALL:
        return install.decide(case)
    return _failed_update(case, extension)


def _kept_profile(case: Case) -> str | None:
    """The profile in force, where facts alone made another rule win: that is advice, never a reason to act."""
    memory = case.memory
    if not case.situation.ours or memory.profile is None or memory.profile == case.selection.profile:
        return None
    same_words = memory.choice == choice_of(case.policy, case.cluster, case.seen.intent, case.now)
    return memory.profile if same_words else None


def _compare(case: Case, extension: Extension) -> Decision:
    kept = _kept_profile(case)
    if kept is not None:
        return _standing(
            case,
            extension,
            f"Profile '{kept}' stays in force.",
            profile=kept,
            advice=(f"By today's facts rule '{case.selection.rule}' would choose '{case.selection.profile}'.",),
        )
    wanted = _wanted(case, extension)
    if isinstance(wanted, Decision):
        return wanted
    found = differences(wanted, extension, previously=case.memory.sent_keys)
    leftover = (f"leftover (PATCH cannot remove keys): {', '.join(found.leftover)}",) if found.leftover else ()
    if not found.changed:
        standing = _standing(case, extension, "All settings are as wanted.", advice=(*wanted.warnings, *leftover))
        return replace(standing, desired=wanted)
    if not case.situation.ours:
        return Decision(
            Action.NOTHING,
            case.state(condition=Condition.DRIFTED),
            f"Installed by somebody else and adopted as a baseline; it differs in {_names(found.changed)}. "
            "Differences are reported, nothing is written.",
            extension=extension.name,
            desired=wanted,
            changes=found.changed,
            advice=leftover,
        )
    return _change(case, extension, wanted, found)


def _standing(
    case: Case, extension: Extension, reason: str, *, profile: str | None = None, advice: tuple[str, ...] = ()
) -> Decision:
    adopted = "" if case.situation.ours else "Installed by somebody else and adopted as a baseline. "
    return Decision(
        Action.NOTHING,
        case.state(),
        adopted + reason,
        profile=profile,
        extension=extension.name,
        advice=advice,
    )


def _wanted(case: Case, extension: Extension) -> DesiredExtension | Decision:
    """What the extension should hold. Values resolved at install are read back from it, not derived anew."""
    selection = case.selection
    changed_profile = case.memory.profile is not None and case.memory.profile != selection.profile
    resolved: Mapping[str, str] | None = None if changed_profile else extension.settings
    automatic = resolve_auto(case.cluster, selection.settings, selection.origins, resolved)
    if automatic.unknown_facts or (resolved is None and case.cluster.nodes is None):
        facts = ", ".join(automatic.unknown_facts or ("nodes",))
        return case.facts_unknown(f"facts-unknown({facts}): Azure does not report it yet.")
    try:
        return derive(
            case.cluster,
            automatic.settings,
            origins=automatic.origins,
            resolved=resolved,
            release_train=selection.release_train,
            version=selection.version,
            auto_upgrade_minor_version=selection.auto_upgrade_minor_version,
        )
    except SettingsError as error:
        return case.hold(HoldCode.PREFLIGHT, f"The official CLI would refuse these settings: {error.message}")


def _names(changed: Mapping[str, object]) -> str:
    return ", ".join(sorted(changed))


def _change(case: Case, extension: Extension, wanted: DesiredExtension, found: Differences) -> Decision:
    """A difference on an extension of ours: the policy's doing, or somebody's drift."""
    forbidden = _forbidden(case, wanted)
    if forbidden is not None:
        return forbidden
    pausing = install.spent_or_pausing(case, None)
    if pausing is not None:
        return pausing
    drifted = case.memory.sent == fingerprint(wanted)
    risks = [risk for risk in risk_of_change(found.changed) if risk is not Risk.SAFE]
    table = case.policy.enforcement
    what = "Reverting drift" if drifted else "An update"
    if risks:
        enforcement = table.drift_disruptive if drifted else table.update_disruptive
        what = f"{what} that {' and '.join(risk.value for risk in risks)}"
    else:
        enforcement = table.drift_safe if drifted else table.update_safe
    cause = "changed by somebody since Muster sent it" if drifted else "wanted by the policy"
    decision = Decision(
        Action.UPDATE,
        case.state(condition=Condition.DRIFTED),
        f"{_names(found.changed)}: {cause}.",
        profile=case.selection.profile,
        extension=extension.name,
        desired=wanted,
        patch=patch_settings(found),
        changes=found.changed,
        next_look=case.look_in(case.policy.timing.follow_up),
        attempts=case.memory.attempts,
    )
    outcome = case.enforced(enforcement, decision, what)
    if not outcome.action.writes:
        return replace(outcome, state=replace(outcome.state, condition=Condition.DRIFTED))
    return _unless_unsettled(case, outcome)


def _forbidden(case: Case, wanted: DesiredExtension) -> Decision | None:
    found = violations(case.policy, case.cluster, wanted.settings, management_groups=case.seen.management_groups)
    return case.hold(HoldCode.GUARDRAIL, " ".join(str(finding) for finding in found)) if found else None


def _failed_update(case: Case, extension: Extension) -> Decision:
    """An update failed and was rolled back; the old release serves. The wanted settings are sent again."""
    waiting = install.spent_or_pausing(case, extension)
    if waiting is not None:
        return waiting
    wanted = _wanted(case, extension)
    if isinstance(wanted, Decision):
        return wanted
    found = differences(wanted, extension, previously=case.memory.sent_keys)
    if any(risk is not Risk.SAFE for risk in risk_of_change(found.changed)):
        return _change(case, extension, wanted, found)
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
        changes=found.changed,
        next_look=case.look_in(case.policy.timing.follow_up),
        attempts=case.memory.attempts,
    )
    outcome = case.enforced(case.policy.enforcement.repair, decision, "Repair")
    return _unless_unsettled(case, outcome) if outcome.action.writes else outcome


def _unless_unsettled(case: Case, decision: Decision) -> Decision:
    blockers = settled(case.cluster)
    if blockers:
        return case.hold(HoldCode.PREFLIGHT, " ".join(str(finding) for finding in blockers))
    return decision
