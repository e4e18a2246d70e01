"""What an extension should hold by a cluster's selection, and what one that exists would hold by today's facts.

Automatic and derived values are resolved at installation and read back from the extension afterwards: a change of facts
alone is advice. They are resolved anew with another profile, and where a person asks for it.
"""

from collections.abc import Collection, Mapping

from shared.azureml.auto import AutoResult, resolve_auto
from shared.azureml.catalogue import same_value
from shared.azureml.checks import CERT_FILE, KEY_FILE
from shared.azureml.derivation import derive
from shared.errors import SettingsError
from shared.model.decision import Decision
from shared.model.extension import DesiredExtension, Extension
from shared.model.state import HoldCode
from shared.reconcile.case import Case
from shared.reconcile.rotation import serves_certificate

# How advice begins that whoever asks for today's values gets rid of.
TODAYS = "by today's facts"


def derived(
    case: Case,
    automatic: AutoResult,
    *,
    resolved: Mapping[str, str] | None = None,
    anew: bool = False,
    protected: Collection[str] = (),
) -> DesiredExtension:
    """The whole extension by the cluster's selection; the keywords are those of `derive`.

    Raises:
        SettingsError: the official CLI would refuse it.
    """
    selection = case.selection
    return derive(
        case.cluster,
        automatic.settings,
        origins=automatic.origins,
        protected=protected,
        resolved=resolved,
        anew=anew,
        release_train=selection.release_train,
        version=selection.version,
        auto_upgrade_minor_version=selection.auto_upgrade_minor_version,
        auto_upgrade_mode=selection.auto_upgrade_mode,
        certificate=selection.certificate,
    )


def refused(case: Case, error: SettingsError) -> Decision:
    """The hold for settings that the CLI refuses; a policy's own were checked when it was loaded."""
    return case.hold(HoldCode.PREFLIGHT, f"The official CLI would refuse these settings: {error.message}")


def wanted_on(case: Case, extension: Extension) -> DesiredExtension | Decision:
    """What the extension should hold, or the hold that stands against telling it."""
    wanted = _resolved(case, extension, anew=case.anew)
    if isinstance(wanted, SettingsError):
        return refused(case, wanted)
    if isinstance(wanted, tuple):
        return case.facts_unknown(f"facts-unknown({', '.join(wanted)}): Azure does not report it yet.")
    return wanted


def by_todays_facts(case: Case, extension: Extension, wanted: DesiredExtension) -> tuple[str, ...]:
    """What would be sent if values were resolved anew, one sentence each, as advice."""
    if not case.situation.ours or case.anew:
        return ()
    fresh = _resolved(case, extension, anew=True)
    if not isinstance(fresh, DesiredExtension):
        return ()
    news = [
        f"{key} would now be {value} ({fresh.origins[key].detail})"
        for key, value in fresh.settings.items()
        if (there := wanted.settings.get(key)) is None or not same_value(key, there, value)
    ]
    return (f"{TODAYS} {', '.join(news)}; it stays until somebody asks to resolve it anew",) if news else ()


def _resolved(case: Case, extension: Extension, *, anew: bool) -> DesiredExtension | SettingsError | tuple[str, ...]:
    """What the extension should hold; or why the CLI refuses it; or the facts that are missing."""
    selection = case.selection
    profile = case.memory.profile
    changed_profile = case.situation.ours and profile is not None and profile != selection.profile
    automatic = _automatic(case, extension, fresh=changed_profile, anew=anew)
    if automatic.unknown_facts or ((changed_profile or anew) and case.cluster.nodes is None):
        return automatic.unknown_facts or ("nodes",)
    # What somebody else put into the protected settings cannot be read, and is taken to be what his settings need.
    unseen = not case.situation.ours and selection.certificate is None and serves_certificate(extension)
    kept = None if changed_profile else extension.settings
    try:
        return derived(case, automatic, resolved=kept, anew=anew, protected=(CERT_FILE, KEY_FILE) if unseen else ())
    except SettingsError as error:
        return error


def _automatic(case: Case, extension: Extension, *, fresh: bool, anew: bool) -> AutoResult:
    return resolve_auto(
        case.cluster,
        case.selection.settings,
        case.selection.origins,
        None if fresh or anew else extension.settings,
        inside=case.seen.inside,
        extension_name=extension.name,
        installed=extension.settings if anew and not fresh else None,
    )
