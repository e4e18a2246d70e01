"""The policy as frozen values: what `parse_policy` makes of the text, and what every decision reads.

Nothing here does I/O, and nothing here is half checked: a `Policy` exists only when its document had
no finding. Names follow the document's keys; docs/policy.md explains each.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from shared.azureml.failures import FailureClass
from shared.errors import Finding
from shared.model.check import Severity
from shared.model.extension import Provenance
from shared.model.identity import ClusterId
from shared.policy.cel import Expression
from shared.policy.matching import Match, Pattern
from shared.policy.rollout import Rollout


class Enforcement(StrEnum):
    """How far an action may go by itself."""

    ACT = "act"
    APPROVE = "approve"
    REPORT = "report"
    NEVER = "never"


class AdoptionMode(StrEnum):
    """What is done with an extension that somebody else installed."""

    IGNORE = "ignore"
    OBSERVE = "observe"
    BASELINE = "baseline"
    CONVERGE = "converge"


@dataclass(frozen=True, slots=True)
class PolicyText:
    """One file of a policy: its name, as findings show it, and its text."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class EnforcementTable:
    """What each action may do by itself; the document's `enforcement`."""

    install: Enforcement = Enforcement.ACT
    repair: Enforcement = Enforcement.ACT
    update_safe: Enforcement = Enforcement.ACT
    update_disruptive: Enforcement = Enforcement.APPROVE
    drift_safe: Enforcement = Enforcement.ACT
    drift_disruptive: Enforcement = Enforcement.REPORT
    reinstall_never_succeeded: Enforcement = Enforcement.ACT
    reinstall: Enforcement = Enforcement.APPROVE
    remove: Enforcement = Enforcement.APPROVE


@dataclass(frozen=True, slots=True)
class Timing:
    """The loop's times; the document's `remediation.timing`.

    Attributes:
        follow_up: first look after a write was started, and the pause between looks while it runs.
        second_look: one more look after an event whose cluster was not selected (tags may lag).
        backoff_first: pause before the first repair of a failed installation.
        backoff_factor: by how much each later pause grows.
        backoff_max: the longest pause between repairs.
        stuck_after: an operation that runs longer than this is stuck.
        stuck_after_arc: the same on an Arc cluster whose agents are not connected; Azure itself waits so long for them.
        reinstall_pause: how long a cluster that cannot be looked into is left alone between the two halves of a
            reinstall.
        verify_every: how often a converged cluster is verified.
        verify_grace: how long components may be missing or unready before the cluster counts as degraded.
        facts_wait: how long facts that a cluster has not reported yet are waited for.
        unavailable_max: the longest pause between looks while Azure does not answer.
    """

    follow_up: timedelta = timedelta(seconds=30)
    second_look: timedelta = timedelta(minutes=2)
    backoff_first: timedelta = timedelta(minutes=1)
    backoff_factor: float = 2.0
    backoff_max: timedelta = timedelta(hours=6)
    stuck_after: timedelta = timedelta(minutes=45)
    stuck_after_arc: timedelta = timedelta(hours=48)
    reinstall_pause: timedelta = timedelta(minutes=10)
    verify_every: timedelta = timedelta(hours=24)
    verify_grace: timedelta = timedelta(minutes=10)
    facts_wait: timedelta = timedelta(minutes=15)
    unavailable_max: timedelta = timedelta(minutes=1)


# What passes by itself is tried often; what will fail again once, and then seldom.
ATTEMPTS: Mapping[FailureClass, int] = {FailureClass.TRANSIENT: 10, FailureClass.PERMANENT: 1}


@dataclass(frozen=True, slots=True)
class ExtensionChoice:
    """How a new installation is named and kept up to date; the document's `extension`."""

    name: str = "azureml"
    release_train: str = "stable"
    auto_upgrade_minor_version: bool = True


@dataclass(frozen=True, slots=True)
class TagNames:
    """The names of the tags that cluster owners may set; the document's `tags`. Compared without case."""

    gpu: str = "aml-gpu"
    pause_until: str = "aml-pause-until"
    pause_reason: str = "aml-pause-reason"
    ring: str = "aml-ring"
    owner: str = "aml-owner"


@dataclass(frozen=True, slots=True)
class TagOverrides:
    """Which settings a cluster's owner may override by tag. Nothing is allowed unless it is listed."""

    prefix: str = "aml-set-"
    allow: tuple[Pattern, ...] = ()


class UpgradeMode(StrEnum):
    """How far the service may upgrade the extension by itself (autoUpgradeMode of API 2025-03-01)."""

    AUTO = "auto"
    PINNED = "pinned"
    PATCH = "patch"
    COMPATIBLE = "compatible"


@dataclass(frozen=True, slots=True)
class Upgrades:
    """A profile's own word on versions: pinned to `version`, patches alone, or all that is compatible."""

    mode: UpgradeMode
    version: str | None = None

    @property
    def pinned(self) -> bool:
        """Whether the version stands still."""
        return self.mode is UpgradeMode.PINNED


class AksAccess(StrEnum):
    """How Muster looks into AKS clusters; the document's `verification.aks`."""

    NONE = "none"
    USER = "user"
    ADMIN = "admin"


class LookFirst(StrEnum):
    """Whether a cluster is looked into before an installation; the document's `verification.lookFirst`."""

    NEEDED = "needed"
    ALWAYS = "always"


class Depth(StrEnum):
    """How far a cluster must be verified to count as compliant; the document's `verification.require`."""

    ARM_ONLY = "arm-only"
    COMPONENTS = "components"


@dataclass(frozen=True, slots=True)
class VerificationChoice:
    """How clusters are looked into; the document's `verification`.

    Attributes:
        aks: which credential is asked for. `user` takes a token of Muster's own identity where the cluster
            signs in with Entra ID.
        arc_kubeconfig: address of the Key Vault secret with an Arc cluster's kubeconfig, templates allowed.
        require: what compliance asks for.
        look_first: whether every installation looks into its cluster first, or only one that depends on what it
            finds there: `auto` settings, a secret that must exist, an earlier attempt.
    """

    aks: AksAccess = AksAccess.NONE
    arc_kubeconfig: str | None = None
    require: Depth = Depth.ARM_ONLY
    look_first: LookFirst = LookFirst.NEEDED


@dataclass(frozen=True, slots=True)
class PreflightChoice:
    """What the policy changes about the checks before an installation; the document's `preflight`.

    Attributes:
        severities: check -> its severity, where the policy lowers it.
        register_providers: whether Muster may register a missing resource provider.
    """

    severities: Mapping[str, Severity] = field(default_factory=dict)
    register_providers: bool = False


@dataclass(frozen=True, slots=True)
class Profile:
    """A named set of settings, its `extends` chain already merged in.

    Attributes:
        name: its name.
        chain: the profiles it is made of, the farthest parent first, itself last.
        settings: canonical keys; values are strings, may hold templates and `auto`; `tls.secret` is in
            here as `sslSecret`.
        origins: for each key, which profile of the chain wrote it.
        selectable_by_tag: whether a rule's `profileFromTag` may choose it.
        tag_patterns: for each tag (name in lower case) that `{tags.x}` may read: the pattern that its
            whole value must match.
        key_vault_certificate: address of the certificate (or secret) in Key Vault that the endpoints serve.
        upgrades: its own word on versions, or None to follow the document's `extension`.
    """

    name: str
    chain: tuple[str, ...]
    settings: Mapping[str, str] = field(default_factory=dict)
    origins: Mapping[str, Provenance] = field(default_factory=dict)
    selectable_by_tag: bool = False
    tag_patterns: Mapping[str, str] = field(default_factory=dict)
    key_vault_certificate: str | None = None
    upgrades: Upgrades | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. It holds where `match` and `when` both hold; without either it holds for every cluster.

    Exactly one of `profile` and `profile_from_tag` is set.
    """

    name: str
    match: Match | None = None
    when: Expression | None = None
    profile: str | None = None
    profile_from_tag: str | None = None


@dataclass(frozen=True, slots=True)
class Exemption:
    """An exception for one cluster, until a date: other settings, or (`exempt`) left alone altogether."""

    cluster: ClusterId
    until: datetime
    owner: str
    ticket: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    exempt: bool = False


@dataclass(frozen=True, slots=True)
class SettingTest:
    """A guardrail's line: a setting's key (or glob) and the values meant. Both compared without case."""

    key: Pattern
    values: tuple[Pattern, ...]


@dataclass(frozen=True, slots=True)
class Guardrail:
    """What the final body must not, or must, hold, whoever asked for it.

    It holds for the clusters of `match` (None: all) without those of `exempt` (the document's `except`).
    """

    name: str
    match: Match | None = None
    exempt: Match | None = None
    forbid: tuple[SettingTest, ...] = ()
    require: tuple[SettingTest, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """A whole policy document without a finding.

    Attributes:
        digest: sha256 over the names and texts of its files, hexadecimal.
        generation: rising number under which this document was put in force; 0 for one only read.
        profiles: by name, in the order of the document.
        rules: in the order of the document; the first that matches wins.
        no_rule_matched: `hold` or `ignore`.
        attempts: how often each class of failure is tried; `max_attempts` bounds those that are not named.
        pause_max: how far ahead a pause by tag may reach.
        rollout: how its changes reach the fleet.
        warnings: what a person should know although the document is valid.
        texts: the files it was read from.
    """

    digest: str
    generation: int = 0
    workspace: str | None = None
    extension: ExtensionChoice = ExtensionChoice()
    tags: TagNames = TagNames()
    select_tag: str = "aml-onboard"
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    no_rule_matched: str = "hold"
    overrides: TagOverrides = TagOverrides()
    exceptions: tuple[Exemption, ...] = ()
    guardrails: tuple[Guardrail, ...] = ()
    enforcement: EnforcementTable = EnforcementTable()
    adoption: AdoptionMode = AdoptionMode.BASELINE
    timing: Timing = Timing()
    max_attempts: int = 5
    attempts: Mapping[FailureClass, int] = field(default_factory=lambda: dict(ATTEMPTS))
    preflight: PreflightChoice = PreflightChoice()
    verification: VerificationChoice = VerificationChoice()
    pause_max: timedelta = timedelta(days=30)
    rollout: Rollout = field(default_factory=Rollout)
    warnings: tuple[Finding, ...] = ()
    texts: tuple[PolicyText, ...] = ()
