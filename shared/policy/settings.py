"""A cluster's settings, laid over each other: profile, exception, tags, a person's request."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.azureml.catalogue import canonicalise, value_findings
from shared.errors import InputError
from shared.model.cluster import Cluster
from shared.model.extension import Origin, Provenance
from shared.model.intent import Intent
from shared.model.state import HoldCode
from shared.policy.facts import Facts, Unknown
from shared.policy.model import Exemption, Policy, Profile
from shared.policy.profiles import TLS_SECRET
from shared.policy.tags import TagMistake, overrides_of
from shared.policy.templates import TagProblem, fill


class Held(InputError):
    """Nothing can be wanted for this cluster before something changes."""

    def __init__(self, code: HoldCode, message: str, *, fact: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.fact = fact


@dataclass(slots=True)
class Layers:
    """Settings and where each came from; a later layer wins."""

    settings: dict[str, str] = field(default_factory=dict)
    origins: dict[str, Provenance] = field(default_factory=dict)
    certificate: str | None = None
    warnings: list[str] = field(default_factory=list)

    def lay(self, settings: Mapping[str, str], origin: Provenance) -> None:
        """Lay settings over those that are there."""
        self.settings |= settings
        self.origins |= dict.fromkeys(settings, origin)


def compose(
    policy: Policy,
    profile: Profile,
    cluster: Cluster,
    facts: Facts,
    exception: Exemption | None,
    intent: Intent | None,
) -> Layers:
    """The settings that are wanted for a cluster; templates filled in, `auto` left as it is.

    Raises:
        Held: a template's fact or tag is missing, or a tag asks for what is not allowed.
    """
    layers = Layers()
    if profile.key_vault_certificate is not None:
        layers.certificate = _filled("tls.keyVaultCertificate", profile.key_vault_certificate, facts, profile)
    for key, text in profile.settings.items():
        layers.lay({key: _filled(key, text, facts, profile)}, profile.origins[key])
    if exception is not None:
        detail = exception.ticket or exception.owner
        for key, text in exception.settings.items():
            layers.lay({key: _filled(key, text, facts, profile)}, Provenance(Origin.EXCEPTION, detail))
    try:
        overrides = overrides_of(cluster, policy.overrides)
    except TagMistake as mistake:
        raise Held(HoldCode.TAG_INVALID, mistake.message) from mistake
    for key, (value, tag) in overrides.items():
        layers.lay({key: value}, Provenance(Origin.TAG, tag))
    if intent is not None:
        asked = canonicalise(intent.settings)
        if asked.findings:
            raise Held(HoldCode.PREFLIGHT, f"{intent.who} asked for {asked.findings[0]}")
        layers.lay(asked.settings, Provenance(Origin.REQUEST, intent.who))
        layers.warnings += asked.warnings
    if TLS_SECRET in layers.settings:
        layers.certificate = None  # whoever names a secret of the cluster does without Key Vault
    return layers


def _filled(key: str, text: str, facts: Facts, profile: Profile) -> str:
    value = fill(text, facts, profile.tag_patterns)
    if isinstance(value, Unknown):
        message = f"the setting {key} needs {value.fact}, which is not known yet"
        raise Held(HoldCode.FACTS_UNKNOWN, message, fact=value.fact)
    if isinstance(value, TagProblem):
        raise Held(HoldCode.TAG_INVALID, value.message)
    wrong = value_findings({key: value}) if value != text else ()
    if wrong:  # what a template gives is only known now
        code = HoldCode.TAG_INVALID if "{tags." in text else HoldCode.PREFLIGHT
        raise Held(code, f"the setting {key}: {wrong[0].message}")
    return value
