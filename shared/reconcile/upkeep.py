"""The extension exists: wait for what runs, repair what failed, compare what stands."""

from dataclasses import replace

from shared.azureml.drift import Differences, differences
from shared.azureml.hands import hand_of
from shared.model.decision import Action, Decision, LookBy, Want
from shared.model.extension import DesiredExtension, Extension
from shared.model.hand import Hand
from shared.model.state import Condition, Management
from shared.policy.model import AdoptionMode
from shared.reconcile import adoption, checking, drifting, install, patience
from shared.reconcile.backoff import since
from shared.reconcile.case import Case
from shared.reconcile.change import change, resend
from shared.reconcile.inputs import choice_of
from shared.reconcile.rotation import Rotation, rotation_of
from shared.reconcile.verification import verified
from shared.reconcile.wanted import by_todays_facts, wanted_on


def wait(case: Case) -> Decision:
    """An operation runs: look again, at growing intervals once it has lasted longer than it should."""
    timing = case.policy.timing
    extension = case.situation.extension
    started = patience.began(case)
    lasted = case.now - started
    pause = timing.follow_up
    # Looks become rare as it lasts, on Arc long before the patience with agents that are away is over.
    if lasted > timing.stuck_after:
        pause = since(case.cluster.id, started, case.now, first=timing.follow_up, longest=timing.backoff_max)
    return Decision(
        Action.WAIT,
        case.state(),
        patience.told(case, lasted),
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
            f"Installed by somebody else and adopted ({case.policy.adoption.value}): its failure is reported, "
            f"nothing is written ({case.situation.detail}).",
            extension=extension.name,
        )
    if case.situation.condition is Condition.FAILED_INSTALL:
        return install.decide(case)
    return resend(case, extension)


def _kept_profile(case: Case) -> str | None:
    """The profile in force, where facts alone made another rule win: that is advice, never a reason to act."""
    memory = case.memory
    if not case.situation.ours or memory.profile is None or memory.profile == case.selection.profile or case.anew:
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
    wanted = wanted_on(case, extension)
    if isinstance(wanted, Decision):
        return wanted
    found = differences(wanted, extension, previously=case.memory.sent_keys)
    leftover = (f"leftover (PATCH cannot remove keys): {', '.join(found.leftover)}",) if found.leftover else ()
    if not case.situation.ours:
        return adoption.decide(case, extension, wanted, found)
    found, advice = _of_others(case, extension, wanted, found)
    rotation = rotation_of(case, extension, wanted)
    if rotation is not None and rotation.unread:
        return Decision(
            Action.WAIT,
            case.state(),
            "The certificate in Key Vault is to be looked up.",
            extension=extension.name,
            desired=wanted,
            changes=found.changed,
            certificate=rotation.standing,
            wants=frozenset({Want.CERTIFICATE}),
            next_look=case.look_in(case.policy.timing.follow_up),
            look_by=LookBy.SWEEP,
        )
    sending = rotation is not None and rotation.send
    if not found.changed and not sending:
        advice = (*wanted.warnings, *leftover, *advice, *by_todays_facts(case, extension, wanted), *_trouble(rotation))
        standing = _standing(case, extension, "All settings are as wanted.", advice=advice)
        standing = replace(standing, desired=wanted, certificate=rotation.standing if rotation else None)
        return _searched(case, verified(case, extension, standing))
    step = change(case, extension, wanted, found, rotation if sending else None)
    return step if step.certificate or rotation is None else replace(step, certificate=rotation.standing)


def _searched(case: Case, standing: Decision) -> Decision:
    """The decision, once the cluster was searched for what values that are to be resolved anew depend on."""
    if not case.anew or case.seen.inside is not None or not checking.may_look_inside(case.policy, case.cluster.kind):
        return standing
    return replace(standing, action=Action.VERIFY, wants=standing.wants | {Want.INSIDE})


def _of_others(
    case: Case, extension: Extension, wanted: DesiredExtension, found: Differences
) -> tuple[Differences, tuple[str, ...]]:
    """The differences that call for a step, and what is to be told of the others."""
    found, news = drifting.without_news(found, wanted, case)
    advice = [f"a fresh installation would also get: {', '.join(news)}"] if news else []
    if drifting.by_platform(case, extension, wanted, found):
        kept = ", ".join(f"{key} is {there}, not {asked}" for key, (there, asked) in sorted(found.changed.items()))
        advice.append(f"changed by the platform, which is no drift: {kept}")
        found = replace(found, changed={})
    if wanted.protected and hand_of(extension, case.seen.own_names) in {Hand.PERSON, Hand.APPLICATION}:
        advice.append(
            f"protected values ({', '.join(wanted.protected)}) are not observable: somebody else wrote to the "
            "extension last, and whether he replaced them cannot be told"
        )
    return found, tuple(advice)


def _standing(
    case: Case, extension: Extension, reason: str, *, profile: str | None = None, advice: tuple[str, ...] = ()
) -> Decision:
    return Decision(
        Action.NOTHING,
        case.state(),
        reason,
        profile=profile,
        extension=extension.name,
        advice=advice,
    )


def _trouble(rotation: Rotation | None) -> tuple[str, ...]:
    return (rotation.trouble,) if rotation is not None and rotation.trouble else ()
