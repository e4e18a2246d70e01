"""Reading what governs how Muster works: the blocks of a policy that stand once."""

import re
from collections.abc import Mapping
from datetime import timedelta

from shared.azureml.failures import FailureClass
from shared.azureml.preflight import CHECKS
from shared.model.check import Severity
from shared.policy.clauses import read_allow
from shared.policy.model import (
    AdoptionMode,
    EnforcementTable,
    ExtensionChoice,
    Policy,
    PreflightChoice,
    TagNames,
    TagOverrides,
    Timing,
    VerificationChoice,
)
from shared.policy.section import Section
from shared.policy.templates import mistakes
from shared.policy.words import listed, nearest

MOST_ATTEMPTS = 1000
EXTENSION_NAME = r"[a-z0-9]([a-z0-9-]{0,51}[a-z0-9])?"
RELEASE_TRAIN = r"[A-Za-z][\w-]{0,62}"
_FACTOR = r"\d{1,3}(\.\d{1,3})?"
TAG_NAME = r"[^<>%&\\?/]{1,512}"  # ARM's naming rules for tags


def read_extension(root: Section) -> ExtensionChoice:
    """How a new installation is named and kept up to date."""
    default = ExtensionChoice()
    section = root.section("extension")
    if section is None:
        return default
    choice = ExtensionChoice(
        name=section.text("name", default.name, pattern=EXTENSION_NAME),
        release_train=section.text("releaseTrain", default.release_train, pattern=RELEASE_TRAIN),
        auto_upgrade_minor_version=section.boolean("autoUpgradeMinorVersion", default=True),
    )
    section.done()
    return choice


def read_tags(root: Section) -> TagNames:
    """The names of the tags that owners may set."""
    default = TagNames()
    section = root.section("tags")
    if section is None:
        return default
    names = TagNames(
        gpu=section.text("gpu", default.gpu, pattern=TAG_NAME),
        pause_until=section.text("pauseUntil", default.pause_until, pattern=TAG_NAME),
        pause_reason=section.text("pauseReason", default.pause_reason, pattern=TAG_NAME),
        ring=section.text("ring", default.ring, pattern=TAG_NAME),
        owner=section.text("owner", default.owner, pattern=TAG_NAME),
    )
    section.done()
    return names


def read_select(root: Section, default: str) -> str:
    """The name of the tag that selects a cluster."""
    section = root.section("select")
    if section is None:
        return default
    tag = section.text("tag", default, pattern=TAG_NAME)
    section.done()
    return tag


def read_overrides(root: Section) -> TagOverrides:
    """Which settings may be overridden by tag."""
    default = TagOverrides()
    section = root.section("tagOverrides")
    if section is None:
        return default
    overrides = TagOverrides(
        prefix=section.text("prefix", default.prefix, pattern=TAG_NAME).casefold(),
        allow=read_allow(section.items("allow"), section.findings),
    )
    section.done()
    return overrides


def read_enforcement(root: Section) -> EnforcementTable:
    """What each action may do by itself."""
    default = EnforcementTable()
    section = root.section("enforcement")
    if section is None:
        return default
    table = EnforcementTable(
        install=section.choice("install", default.install),
        repair=section.choice("repair", default.repair),
        update_safe=section.choice("updateSafe", default.update_safe),
        update_disruptive=section.choice("updateDisruptive", default.update_disruptive),
        drift_safe=section.choice("driftSafe", default.drift_safe),
        drift_disruptive=section.choice("driftDisruptive", default.drift_disruptive),
        reinstall_never_succeeded=section.choice("reinstallNeverSucceeded", default.reinstall_never_succeeded),
        reinstall=section.choice("reinstall", default.reinstall),
        remove=section.choice("remove", default.remove),
    )
    section.done()
    return table


def read_adoption(root: Section, default: AdoptionMode) -> AdoptionMode:
    """What is done with an extension that somebody else installed."""
    section = root.section("adoption")
    if section is None:
        return default
    mode = section.choice("mode", default)
    section.done()
    return mode


def read_remediation(root: Section, defaults: Policy) -> tuple[Timing, int, Mapping[FailureClass, int]]:
    """The loop's times, and how often a repair is tried: for every class of failure, and for each."""
    section = root.section("remediation")
    if section is None:
        return defaults.timing, defaults.max_attempts, defaults.attempts
    most = section.integer("maxAttempts", defaults.max_attempts, least=1, most=MOST_ATTEMPTS)
    classes = section.section("attempts")
    attempts = _attempts(classes, defaults.attempts, most) if classes is not None else defaults.attempts
    timing = section.section("timing")
    section.done()
    return (_timing(timing) if timing is not None else defaults.timing), most, attempts


def _attempts(section: Section, defaults: Mapping[FailureClass, int], most: int) -> Mapping[FailureClass, int]:
    found = {
        klass: section.integer(klass.value, defaults.get(klass, most), least=1, most=MOST_ATTEMPTS)
        for klass in FailureClass
    }
    section.done()
    return found


def _timing(section: Section) -> Timing:
    default = Timing()
    follow_up = section.duration("followUp", default.follow_up)
    factor = section.text("backoffFactor", str(default.backoff_factor), pattern=_FACTOR)
    timing = Timing(
        follow_up=follow_up,
        second_look=section.duration("secondLook", default.second_look),
        backoff_first=section.duration("backoffFirst", default.backoff_first),
        backoff_factor=float(factor) if re.fullmatch(_FACTOR, factor) else default.backoff_factor,
        backoff_max=section.duration("backoffMax", default.backoff_max),
        stuck_after=section.duration("stuckAfter", default.stuck_after),
        stuck_after_arc=section.duration("stuckAfterArc", default.stuck_after_arc),
        reinstall_pause=section.duration("reinstallPause", default.reinstall_pause),
        verify_every=section.duration("verifyEvery", default.verify_every),
        verify_grace=section.duration("verifyGrace", default.verify_grace),
        facts_wait=section.duration("factsWait", default.facts_wait),
        unavailable_max=section.duration("unavailableMax", 2 * follow_up),
    )
    section.done()
    if timing.backoff_factor < 1:
        section.refuse(section.node, "backoffFactor must be 1 or more")
    if timing.backoff_max < timing.backoff_first:
        section.refuse(section.node, "backoffMax is shorter than backoffFirst")
    return timing


def read_preflight(root: Section) -> PreflightChoice:
    """Which checks the policy lowers, and whether providers may be registered."""
    section = root.section("preflight")
    if section is None:
        return PreflightChoice()
    severities: dict[str, Severity] = {}
    known = {check.id: check for check in CHECKS}
    words = [severity.value for severity in Severity]
    for name, node in section.mapping("severities").items():
        check = known.get(name)
        if check is None:
            section.refuse(node, f"there is no check '{name}'{nearest(name, known)}")
        elif node.text not in words:
            section.refuse(node, f"{node.kind} is not one of {listed(words)}")
        elif words.index(node.text) < words.index(check.severity.value):
            section.refuse(node, f"a check may be lowered, not raised; {name} is {check.severity.value}")
        elif words.index(node.text) > words.index(check.lowest.value):
            section.refuse(node, f"{name} may be no lower than {check.lowest.value}: what it stops cannot succeed")
        else:
            severities[name] = Severity(node.text)
    choice = PreflightChoice(severities, section.boolean("registerProviders", default=False))
    section.done()
    return choice


_KUBECONFIG_ADDRESS = r"https://[\w.-]+(:\d{1,5})?/secrets/([\w-]|\{[\w.]+\})+"


def read_verification(root: Section) -> VerificationChoice:
    """How clusters are looked into."""
    default = VerificationChoice()
    section = root.section("verification")
    if section is None:
        return default
    kubeconfig = None
    arc = section.section("arc")
    if arc is not None:
        kubeconfig = arc.text("kubeconfigSecret", required=True, pattern=_KUBECONFIG_ADDRESS) or None
        for mistake in mistakes(kubeconfig or "", None):
            arc.refuse(arc.node, mistake)
        arc.done()
    choice = VerificationChoice(
        aks=section.choice("aks", default.aks),
        arc_kubeconfig=kubeconfig,
        require=section.choice("require", default.require),
        look_first=section.choice("lookFirst", default.look_first),
    )
    section.done()
    return choice


def read_pause(root: Section, defaults: Policy) -> timedelta:
    """How far ahead a pause by tag may reach."""
    section = root.section("pause")
    if section is None:
        return defaults.pause_max
    longest = section.duration("max", defaults.pause_max)
    section.done()
    return longest
