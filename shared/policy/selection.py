"""Which profile a cluster gets, with which settings, and why.

The order of words about a cluster: a hands-off tag, a pause, a removal, an enrolment by hand, the rules.
`select` is pure and total: the same facts give the same answer, and every set of facts gives one. What
depends on an unknown fact is held; it never falls through to the next rule.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from shared.model.cluster import Cluster
from shared.model.extension import Provenance
from shared.model.intent import Intent, Word
from shared.model.state import HoldCode
from shared.policy.cel import Expression, Failure
from shared.policy.facts import Facts, Truth, Unknown, facts_of
from shared.policy.matching import Answer, Match, answer, not_known
from shared.policy.model import Exemption, Policy, Profile, Rule, UpgradeMode, Upgrades
from shared.policy.settings import Held, Layers, compose
from shared.policy.tags import Pause, pause_of
from shared.policy.words import listed, nearest


class Outcome(StrEnum):
    """Whose business the cluster is, as the policy and people's words have it."""

    SELECTED = "selected"
    NOT_SELECTED = "not-selected"
    HANDS_OFF = "hands-off"
    EXEMPT = "exempt"
    HELD = "held"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class RuleStep:
    """One rule that was asked: whether it held (None: unknown), and why in words."""

    rule: str
    matched: bool | None
    why: str


@dataclass(frozen=True, slots=True)
class Selection:
    """What is wanted for one cluster.

    Attributes:
        outcome: whose business it is.
        reason: why, in one sentence.
        profile: the chosen profile's name.
        rule: the rule that chose it; None where a person named the profile.
        steps: every rule that was asked, in order; the last one decided.
        settings: canonical keys; templates filled in, `auto` left as it is.
        origins: where each setting came from.
        release_train: to be sent for a new installation.
        version: the version that the profile pins, or None.
        auto_upgrade_minor_version: to be sent; False where a version is pinned.
        auto_upgrade_mode: to be sent; None leaves it out.
        certificate: address of the certificate in Key Vault that the endpoints serve.
        hold: for HELD: the code, and the reason in words.
        pause: a pause that the cluster's tags ask for, whatever the outcome.
        manual: whether the cluster is enrolled by hand.
        unknown_fact: the fact that is missing, where that is why the cluster is held.
        warnings: mistakes that do not hold the cluster.
        intent: the person's word that was followed.
    """

    outcome: Outcome
    reason: str
    profile: str | None = None
    rule: str | None = None
    steps: tuple[RuleStep, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    origins: Mapping[str, Provenance] = field(default_factory=dict)
    release_train: str | None = None
    version: str | None = None
    auto_upgrade_minor_version: bool | None = None
    auto_upgrade_mode: str | None = None
    certificate: str | None = None
    hold: tuple[HoldCode, str] | None = None
    pause: Pause | None = None
    manual: bool = False
    unknown_fact: str | None = None
    warnings: tuple[str, ...] = ()
    intent: Intent | None = None


def select(
    policy: Policy,
    cluster: Cluster,
    intent: Intent | None,
    now: datetime,
    *,
    management_groups: Collection[str] | None = None,
) -> Selection:
    """Which profile, with which settings, and why; or why not.

    Args:
        policy: the policy in force.
        cluster: its facts; None among them means not known.
        intent: a person's word about this cluster, if there is one. One that no longer stands (its end
            has passed, or the cluster was rebuilt) is passed over.
        now: the time, with zone; pauses, exceptions and intents end by it.
        management_groups: the names of all management groups that the cluster's subscription stands
            under; None where they are not known.
    """
    if intent is not None and not intent.stands(now, cluster.incarnation):
        intent = None
    return _Question(policy, cluster, intent, now, management_groups).answer()


class _Question:
    """One call of `select`: what was asked, and what is collected on the way."""

    def __init__(
        self,
        policy: Policy,
        cluster: Cluster,
        intent: Intent | None,
        now: datetime,
        management_groups: Collection[str] | None,
    ) -> None:
        self.policy = policy
        self.cluster = cluster
        self.intent = intent
        self.now = now
        self.groups = management_groups
        self.facts: Facts = facts_of(cluster, policy.tags.gpu)
        self.steps: list[RuleStep] = []
        self.profile: Profile | None = None
        self.rule: str | None = None
        self.warnings: list[str] = []
        self.pause = pause_of(cluster, policy, now)
        if self.pause is not None and self.pause.mistake:
            self.warnings.append(self.pause.mistake)

    def answer(self) -> Selection:
        tag = self.policy.select_tag
        onboard = self.cluster.tag(tag)
        if onboard is not None and onboard.casefold() == "false":
            return Selection(Outcome.HANDS_OFF, f"the tag {tag} is '{onboard}'", warnings=tuple(self.warnings))
        if self.intent is not None and self.intent.word is Word.REMOVE:
            return self._end(Outcome.REMOVED, f"removed by {self.intent.who}: {self.intent.why}")
        try:
            return self._wanted(onboard)
        except Held as held:
            return self._end(Outcome.HELD, held.message, held)

    def _wanted(self, onboard: str | None) -> Selection:
        tag = self.policy.select_tag
        if onboard is not None and onboard.casefold() != "true":
            message = f"the tag {tag} is '{onboard}'; write true to select the cluster, false to leave it alone"
            raise Held(HoldCode.TAG_INVALID, message)
        exception = self._exception()
        if self.intent is None:
            if onboard is None:
                return self._end(Outcome.NOT_SELECTED, f"the tag {tag} is not set")
            if exception is not None and exception.exempt:
                ticket = f" ({exception.ticket})" if exception.ticket else ""
                until = exception.until.isoformat()
                return self._end(Outcome.EXEMPT, f"exempt until {until} by {exception.owner}{ticket}")
        profile, reason = self._by_hand(self.intent) if self.intent is not None else self._by_rules()
        if profile is None:
            return self._end(Outcome.NOT_SELECTED, reason)
        self.profile = profile
        layers = compose(self.policy, profile, self.cluster, self.facts, exception, self.intent)
        self.warnings += layers.warnings
        return self._selected(profile, reason, layers)

    def _by_hand(self, intent: Intent) -> tuple[Profile | None, str]:
        if intent.profile is None:
            return self._by_rules()
        profile = self.policy.profiles.get(intent.profile)
        if profile is None:
            hint = nearest(intent.profile, self.policy.profiles)
            message = f"{intent.who} asked for the profile '{intent.profile}', which the policy does not have{hint}"
            raise Held(HoldCode.NO_RULE, message)
        return profile, f"{intent.who} asked for the profile {profile.name}: {intent.why}"

    def _by_rules(self) -> tuple[Profile | None, str]:
        """The profile of the first rule that holds; None where none does and the policy ignores that."""
        for rule in self.policy.rules:
            found = self._ask(rule)
            undecided = isinstance(found.truth, Unknown) or isinstance(found, _Broken)
            self.steps.append(RuleStep(rule.name, None if undecided else found.truth is True, found.why))
            if isinstance(found.truth, Unknown):
                message = f"the rule {rule.name} cannot be decided: {found.why}"
                raise Held(HoldCode.FACTS_UNKNOWN, message, fact=found.truth.fact)
            if undecided:
                raise Held(HoldCode.NO_RULE, f"the rule {rule.name} cannot be evaluated: {found.why}")
            if found.truth:
                self.rule = rule.name
                return self._chosen(rule), f"the rule {rule.name}: {found.why}"
        message = f"none of the {len(self.policy.rules)} rules matches"
        if self.policy.no_rule_matched == "ignore" and self.intent is None:
            return None, message
        raise Held(HoldCode.NO_RULE, message)

    def _ask(self, rule: Rule) -> Answer:
        """Whether a rule holds. A no from `match` or from `when` decides, whatever the other is."""
        answers = []
        if rule.match is not None:
            answers.append(answer(rule.match, self.facts, self.groups))
        if rule.profile_from_tag is not None and not _asks_for(rule.match, rule.profile_from_tag):
            value = self.facts.tags.get(rule.profile_from_tag)
            why = f"tag {rule.profile_from_tag} is " + (f"'{value}'" if value is not None else "not set")
            answers.append(Answer(value is not None, why))
        if rule.when is not None and all(_open(found.truth) for found in answers):
            answers.append(self._when(rule.when))
        decisive = [found for found in answers if not _open(found.truth)]
        undecided = [found for found in answers if isinstance(found.truth, Unknown) or isinstance(found, _Broken)]
        why = "; ".join(found.why for found in answers) or "it matches every cluster"
        return next(iter([*decisive, *undecided]), Answer(truth=True, why=why))

    def _when(self, expression: Expression) -> Answer:
        found = expression.evaluate(self.facts)
        if isinstance(found, Failure):
            return _Broken(truth=True, why=f"{expression.text}: {found.message}")
        if isinstance(found, Unknown):
            return Answer(found, not_known(found.fact, self.facts))
        return Answer(found, f"{expression.text} is {str(found).lower()}")

    def _chosen(self, rule: Rule) -> Profile:
        if rule.profile_from_tag is None:
            return self.policy.profiles[rule.profile or ""]
        wanted = self.facts.tags[rule.profile_from_tag]
        profile = self.policy.profiles.get(wanted)
        if profile is None or not profile.selectable_by_tag:
            selectable = [name for name, found in self.policy.profiles.items() if found.selectable_by_tag]
            message = f"the tag {rule.profile_from_tag} is '{wanted}'; it may be {listed(selectable)}"
            raise Held(HoldCode.TAG_INVALID, message)
        return profile

    def _exception(self) -> Exemption | None:
        """The cluster's exception while it lasts."""
        found = next((each for each in self.policy.exceptions if each.cluster == self.cluster.id), None)
        if found is not None and self.now >= found.until:
            self.warnings.append(f"the exception of {found.owner} ended at {found.until.isoformat()}")
            return None
        return found

    def _selected(self, profile: Profile, reason: str, layers: Layers) -> Selection:
        choice = self.policy.extension
        upgrades = profile.upgrades
        automatic, mode = _automatic(upgrades, default=choice.auto_upgrade_minor_version)
        return replace(
            self._end(Outcome.SELECTED, reason),
            settings=layers.settings,
            origins=layers.origins,
            release_train=choice.release_train,
            version=upgrades.version if upgrades is not None else None,
            auto_upgrade_minor_version=automatic,
            auto_upgrade_mode=mode,
            certificate=layers.certificate,
        )

    def _end(self, outcome: Outcome, reason: str, held: Held | None = None) -> Selection:
        return Selection(
            outcome,
            reason,
            profile=self.profile.name if self.profile is not None else None,
            rule=self.rule,
            steps=tuple(self.steps),
            hold=(held.code, held.message) if held is not None else None,
            pause=self.pause,
            manual=self.intent is not None and self.intent.word is Word.ENROL,
            unknown_fact=held.fact if held is not None else None,
            warnings=tuple(self.warnings),
            intent=self.intent,
        )


def _automatic(upgrades: Upgrades | None, *, default: bool) -> tuple[bool | None, str | None]:
    """Both properties of automatic upgrades, autoUpgradeMinorVersion and autoUpgradeMode, as a profile words them.

    `patch` says so by the mode alone: beside it autoUpgradeMinorVersion true would contradict it.
    """
    if upgrades is None:
        return default, None
    if upgrades.mode is UpgradeMode.PATCH:
        return None, "patch"
    if upgrades.mode is UpgradeMode.COMPATIBLE:
        return True, "compatible"
    return not upgrades.pinned, None


@dataclass(frozen=True, slots=True)
class _Broken(Answer):
    """An answer that could not be worked out; its `truth` says nothing."""


def _asks_for(match: Match | None, tag: str) -> bool:
    """Whether the match itself holds only where this tag is set."""
    return match is not None and match.tag_present == (tag,)


def _open(truth: Truth) -> bool:
    """Whether the rule may still hold."""
    return isinstance(truth, Unknown) or truth
