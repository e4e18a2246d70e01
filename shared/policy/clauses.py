"""Reading `rules`, `match`, `exceptions` and `guardrails`."""

import re
from collections.abc import Collection, Mapping

from shared.azureml.catalogue import canonicalise
from shared.errors import Finding, InvalidClusterId
from shared.model.identity import ClusterId, Kind
from shared.policy.cel import Expression, ExpressionError, compile_expression
from shared.policy.document import Node
from shared.policy.matching import Match, Pattern, TagTest
from shared.policy.model import Exemption, Guardrail, Profile, Rule, SettingTest
from shared.policy.profiles import NAME, read_settings
from shared.policy.section import Section, patterns, scalar, several, words
from shared.policy.templates import mistakes
from shared.policy.words import nearest

_GUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


def read_match(section: Section, *, inside_not: bool = False) -> Match:
    """One `match`, `not` or `except`."""
    findings = section.findings
    kinds = section.take("kind")
    negated = section.section("not")
    if negated is not None and inside_not:
        section.refuse(negated.node, "a `not` inside a `not` says nothing; leave both out")
    match = Match(
        kinds=words(several(kinds), [kind.value for kind in Kind], findings) if kinds else (),
        tags=tuple(
            TagTest(name.casefold(), patterns(node, findings)) for name, node in section.mapping("tags").items()
        ),
        tag_present=_tag_names(section.take("tagPresent"), findings),
        gpu=_gpu(section),
        regions=_regions(section.patterns("regions")),
        subscriptions=_subscriptions(section),
        management_groups=section.patterns("managementGroups"),
        resource_groups=section.patterns("resourceGroups"),
        distributions=section.patterns("distribution"),
        names=section.patterns("names"),
        negated=read_match(negated, inside_not=True) if negated is not None and not inside_not else None,
        ignore_case=section.boolean("ignoreCase", default=False),
    )
    section.done()
    if section.node.keys == {} or (match == Match() and not negated):
        section.refuse(section.node, "nothing is asked here; leave it out to mean every cluster")
    return match


def _gpu(section: Section) -> bool | None:
    if "gpu" not in (section.node.keys or {}):
        section.take("gpu")
        return None
    return section.boolean("gpu", default=True)


def _tag_names(node: Node | None, findings: list[Finding]) -> tuple[str, ...]:
    if node is None:
        return ()
    names = (scalar(item, findings) for item in several(node))
    return tuple(name.casefold() for name in names if name)


def _regions(found: tuple[Pattern, ...]) -> tuple[Pattern, ...]:
    """`West Europe` and `westeurope` are one region; ARM and Resource Graph use the second."""
    return tuple(Pattern(pattern.text.replace(" ", "").lower(), pattern.glob) for pattern in found)


def _subscriptions(section: Section) -> tuple[Pattern, ...]:
    found = section.patterns("subscriptions")
    for pattern in found:
        if not pattern.glob and re.fullmatch(_GUID, pattern.text) is None:
            node = (section.node.keys or {})["subscriptions"]
            section.refuse(node, f"'{pattern.text}' is not a subscription's id")
    return found


def read_rules(nodes: list[Node], profiles: Mapping[str, Profile], findings: list[Finding]) -> tuple[Rule, ...]:
    """Every rule; those that can never be reached are findings."""
    rules: list[Rule] = []
    for node in nodes:
        rule = _rule(Section(node, findings), profiles)
        if any(rule.name == earlier.name for earlier in rules):
            findings.append(node.finding(f"there are two rules named '{rule.name}'"))
        hiding = next((earlier for earlier in rules if _hides(earlier, rule)), None)
        if hiding is not None:
            findings.append(node.finding(f"this rule is never reached: '{hiding.name}' before it always wins"))
        rules.append(rule)
    return tuple(rules)


def _hides(earlier: Rule, rule: Rule) -> bool:
    """Whether every cluster that `rule` holds for was taken by `earlier`. A tag-chosen rule may pass."""
    if earlier.when is not None and earlier.when != rule.when:
        return False
    return earlier.profile is not None and (earlier.match is None or earlier.match == rule.match)


def _rule(section: Section, profiles: Mapping[str, Profile]) -> Rule:
    name = section.text("name", required=True, pattern=NAME)
    match = section.section("match")
    when = section.take("when")
    profile = section.take("profile")
    tag = section.text("profileFromTag").casefold() or None
    if (profile is None) == (tag is None):
        section.refuse(section.node, "a rule names either a profile or profileFromTag")
    if profile is not None and profile.text not in profiles:
        section.refuse(profile, f"there is no profile {profile.kind}{nearest(profile.text or '', profiles)}")
    if tag is not None and not any(found.selectable_by_tag for found in profiles.values()):
        section.refuse(section.node, "profileFromTag needs a profile with selectableByTag: true; there is none")
    rule = Rule(
        name=name,
        match=read_match(match) if match is not None else None,
        when=_when(when, section.findings) if when is not None else None,
        profile=profile.text if profile is not None else None,
        profile_from_tag=tag,
    )
    section.text("description")
    section.done()
    return rule


def _when(node: Node, findings: list[Finding]) -> Expression | None:
    text = scalar(node, findings)
    if text is None:
        return None
    try:
        return compile_expression(text.strip())
    except ExpressionError as error:
        findings.append(node.finding(error.message))
        return None


def read_exceptions(nodes: list[Node], findings: list[Finding], warnings: list[Finding]) -> tuple[Exemption, ...]:
    """Every exception; each names one cluster, its end and its owner."""
    found: dict[ClusterId, Exemption] = {}
    for node in nodes:
        section = Section(node, findings)
        text = section.text("cluster", required=True)
        settings, places = read_settings(section.mapping("settings"), findings, warnings)
        for key, place in places.items():
            findings.extend(place.finding(mistake) for mistake in mistakes(settings[key], None))
        exempt = section.boolean("exempt", default=False)
        until = section.moment("until")
        owner = section.text("owner", required=True)
        ticket = section.text("ticket")
        if until is None and "until" not in (node.keys or {}):
            section.refuse(node, "'until' is missing: every exception ends")
        if exempt == bool(settings):
            section.refuse(node, "an exception has either settings or exempt: true")
        section.done()
        cluster = _cluster(text, section)
        if cluster is None or until is None:
            continue
        if cluster in found:
            section.refuse(node, "this cluster already has an exception; write one with both settings")
        found[cluster] = Exemption(cluster, until, owner, ticket, settings, exempt)
    return tuple(found.values())


def _cluster(text: str, section: Section) -> ClusterId | None:
    try:
        return ClusterId.parse(text) if text else None
    except InvalidClusterId as error:
        section.refuse((section.node.keys or {})["cluster"], error.message)
        return None


def read_guardrails(nodes: list[Node], findings: list[Finding]) -> tuple[Guardrail, ...]:
    """Every guardrail."""
    guardrails: list[Guardrail] = []
    for node in nodes:
        section = Section(node, findings)
        match, exempt = section.section("match"), section.section("except")
        guardrail = Guardrail(
            name=section.text("name", required=True, pattern=NAME),
            match=read_match(match) if match is not None else None,
            exempt=read_match(exempt) if exempt is not None else None,
            forbid=_tests(section.mapping("forbidSettings"), findings),
            require=_tests(section.mapping("requireSettings"), findings),
        )
        section.text("description")
        section.done()
        if not guardrail.forbid and not guardrail.require:
            section.refuse(node, "a guardrail has forbidSettings, requireSettings or both")
        if guardrail.name in {earlier.name for earlier in guardrails}:
            section.refuse(node, f"there are two guardrails named '{guardrail.name}'")
        guardrails.append(guardrail)
    return tuple(guardrails)


def _tests(entries: Mapping[str, Node], findings: list[Finding]) -> tuple[SettingTest, ...]:
    return tuple(SettingTest(_setting(key, node, findings), patterns(node, findings)) for key, node in entries.items())


def _setting(key: str, node: Node, findings: list[Finding]) -> Pattern:
    """A setting's name, canonical where it is one that the catalogue knows; or a glob over names."""
    if any(character in key for character in "*?"):
        return Pattern(key, glob=True)
    canonical = canonicalise({key: "true"})
    findings.extend(node.finding(found.message) for found in canonical.findings)
    return Pattern(next(iter(canonical.settings), key))


def read_allow(nodes: Collection[Node], findings: list[Finding]) -> tuple[Pattern, ...]:
    """`tagOverrides.allow`: names of settings, or quoted globs over them."""
    return tuple(
        pattern if pattern.glob else _setting(pattern.text, node, findings)
        for node in nodes
        for pattern in patterns(node, findings)
    )
