"""An extension that somebody else installed: kept as it is, compared, and in mode `converge` carefully brought nearer.

Its name, version, train, relay and unmanaged keys stay. No protected value is ever written: the service
replaces that map as a whole, and what is in it nobody can read.
"""

from dataclasses import replace

from shared.azureml.checks import INFERENCE
from shared.azureml.drift import PROPERTIES, Differences, patch_settings
from shared.azureml.risk import Risk, risk_of_change
from shared.model.decision import Action, Decision, LookBy
from shared.model.extension import DesiredExtension, Extension
from shared.model.state import Condition, HoldCode
from shared.policy.model import AdoptionMode
from shared.reconcile import ladder
from shared.reconcile.case import Case
from shared.reconcile.rotation import serves_certificate
from shared.reconcile.verification import verified

_TOLD = {
    AdoptionMode.OBSERVE: "observed",
    AdoptionMode.BASELINE: "adopted as a baseline",
    AdoptionMode.CONVERGE: "adopted to converge",
}


def decide(case: Case, extension: Extension, wanted: DesiredExtension, found: Differences) -> Decision:
    """Report what differs; in mode `converge` send those differences that hurt nothing."""
    mode = case.policy.adoption
    start = f"Installed by somebody else and {_TOLD.get(mode, mode.value)}"
    changed = {key: pair for key, pair in found.changed.items() if key not in PROPERTIES}
    protected = (
        (f"protected values ({', '.join(wanted.protected)}) are not written: what is in use cannot be read",)
        if wanted.protected
        else ()
    )
    unknown = _to_be_written(extension, wanted) if mode is AdoptionMode.CONVERGE else ()
    if not changed and not unknown:
        standing = Decision(
            Action.NOTHING,
            case.state(),
            f"{start}. All settings are as wanted.",
            extension=extension.name,
            desired=wanted,
            advice=(*wanted.warnings, *protected),
        )
        return verified(case, extension, standing)
    reported = Decision(
        Action.NOTHING,
        case.state(condition=Condition.DRIFTED),
        f"{start}; it differs in {', '.join(sorted(changed))}. Differences are reported, nothing is written.",
        extension=extension.name,
        desired=wanted,
        changes=changed,
        advice=protected,
    )
    safe = {key: pair for key, pair in changed.items() if risk_of_change({key: pair}) == (Risk.SAFE,)}
    if set(changed) - set(safe):
        # Inference without the router's settings, which are not safe to change, would only fail and be rolled back.
        safe.pop(INFERENCE, None)
    if unknown:
        # Switched on without what it needs in the protected settings, inference would only fail.
        safe.pop(INFERENCE, None)
        if not safe:
            return _held(case, reported, start, unknown)
    if mode is not AdoptionMode.CONVERGE or not safe:
        return reported
    left = sorted(set(changed) - set(safe))
    step = replace(
        reported,
        action=Action.UPDATE,
        reason=f"{start}; {', '.join(sorted(safe))} can be set without harm."
        + (f" Left as they are: {', '.join(left)}." if left else ""),
        patch=patch_settings(Differences(safe)),
        next_look=case.look_in(case.policy.timing.follow_up),
        attempts=case.memory.attempts,
        adopted=True,
        by_policy=True,
    )
    return ladder.waiting(case, None) or case.enforced(case.policy.enforcement.drift_safe, step, "Converging")


def _to_be_written(extension: Extension, wanted: DesiredExtension) -> tuple[str, ...]:
    """What the policy wants and only a write of protected values would bring; empty where all of it is in use."""
    needed = []
    if wanted.certificate is not None and not serves_certificate(extension):
        needed.append("a certificate from Key Vault")
    connected = extension.settings.get("relayserver.enabled", "").lower() == "true"
    if wanted.relay is not None and not connected:
        needed.append("the key of an Azure Relay")
    return tuple(needed)


def _held(case: Case, reported: Decision, start: str, needed: tuple[str, ...]) -> Decision:
    """A hold: the map of protected values is replaced whole, so that writing one loses all whose source is unknown."""
    held = case.hold(
        HoldCode.PROTECTED_VALUES,
        f"{start}; the policy wants {' and '.join(needed)} written into its protected values. The service replaces "
        "them as a whole and never shows them, so every protected value in use must have a source that Muster knows: "
        "take the wish out of the profile, or remove the extension and have Muster install it.",
    )
    return replace(
        held,
        state=replace(held.state, condition=Condition.DRIFTED),
        desired=reported.desired,
        changes=reported.changes,
        advice=reported.advice,
        look_by=LookBy.SWEEP,
    )
