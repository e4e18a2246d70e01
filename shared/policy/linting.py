"""What is valid in a policy and hardly meant: rules that never win, profiles nobody gets, guardrails with a way around.

Told by `muster lint`, one finding a line. Every finding is certain from the text alone; what depends on the fleet
(which rule serves how many clusters) is for a plan to tell.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

from shared.policy.braces import too_much
from shared.policy.matching import Match
from shared.policy.model import Guardrail, Policy, Rule
from shared.policy.reach import Reach, can_hold

# Facts that change without anybody's decision about the cluster: nodes come and go, the platform upgrades. A rule that
# hangs on them may choose another profile tomorrow.
_VOLATILE = re.compile(r"\bcluster\s*\.\s*(nodes|cores|kubernetesVersion)\b")


@dataclass(frozen=True, slots=True)
class Remark:
    """One finding: the code to look up in docs/policy.md, where it is, and what to do."""

    code: str
    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.code}: {self.where}: {self.message}"


def remarks(policy: Policy, now: datetime) -> tuple[Remark, ...]:
    """Everything that is valid and hardly meant, in the order of the document."""
    return (
        *_beyond_reach(policy.rules),
        *_impossible(policy),
        *_unused(policy),
        *_hanging_on_volatile_facts(policy.rules),
        *_avoidable(policy.guardrails),
        *_expired(policy, now),
        *_crowded(policy),
    )


@lru_cache(maxsize=4)
def _beyond_reach(rules: tuple[Rule, ...]) -> tuple[Remark, ...]:
    """Rules that never win. Kept, because the page tells them whenever it is asked for."""
    return tuple(_never_winning(rules))


def _never_winning(rules: tuple[Rule, ...]) -> Iterator[Remark]:
    """One behind a rule that asks nothing is refused when the policy is read, and is not told here."""
    reach = Reach(rules)
    for number, rule in enumerate(rules):
        if not reach.wins(number, ()):
            yield _never_holding(rule)
            continue
        before = range(number)
        if reach.wins(number, before):
            continue
        takers = [f"'{rules[each].name}'" for each in _takers(reach, number, before)]
        one = len(takers) == 1
        why = f"rule{'' if one else 's'} {' and '.join(takers)} before it take{'s' if one else ''} or hold"
        why += f"{'s' if one else ''} every cluster that this one means"
        yield Remark("shadowed-rule", f"rules.{rule.name}", f"{why}; move it up, or drop it")


def _takers(reach: Reach, number: int, before: Sequence[int]) -> list[int]:
    """One rule that leaves nothing to a later one, or else as few as do so together."""
    alone = next((each for each in before if not reach.wins(number, [each])), None)
    if alone is not None:
        return [alone]
    needed = list(before)
    for each in before:
        fewer = [other for other in needed if other != each]
        needed = needed if reach.wins(number, fewer) else fewer
    return needed


def _never_holding(rule: Rule) -> Remark:
    where = f"rules.{rule.name}"
    if rule.match is not None and not can_hold(rule.match):
        return _contradiction(f"{where}.match")
    if rule.when is not None and not Reach([replace(rule, match=None)]).wins(0, ()):
        return Remark("unreachable-rule", f"{where}.when", "it never holds, whatever the cluster; correct it")
    message = "no cluster meets both its match and its when; correct it, or drop the rule"
    return Remark("unreachable-rule", where, message)


def _contradiction(where: str) -> Remark:
    code = "unreachable-rule" if where.startswith("rules.") else "impossible-match"
    return Remark(code, where, "its keys contradict each other, so that no cluster meets them all; correct it")


def _impossible(policy: Policy) -> Iterator[Remark]:
    """Other matches that no cluster meets: those of rings and guardrails."""
    places = [(f"rollout.rings.{ring.name}.match", ring.match) for ring in policy.rollout.rings]
    for guardrail in policy.guardrails:
        where = f"guardrails.{guardrail.name}"
        places += [(f"{where}.match", guardrail.match), (f"{where}.except", guardrail.exempt)]
    for where, match in places:
        if match is not None and not can_hold(match):
            yield _contradiction(where)


def _unused(policy: Policy) -> Iterator[Remark]:
    chosen = {rule.profile for rule in policy.rules if rule.profile}
    if any(rule.profile_from_tag for rule in policy.rules):
        chosen |= {name for name, profile in policy.profiles.items() if profile.selectable_by_tag}
    used = {part for name in chosen if name in policy.profiles for part in policy.profiles[name].chain}
    for name, profile in policy.profiles.items():
        if name in used:
            continue
        by_hand = " (an installation by hand may still name it)" if profile.selectable_by_tag else ""
        yield Remark("unused-profile", f"profiles.{name}", f"no rule leads to it{by_hand}; name it in one, or drop it")


def _hanging_on_volatile_facts(rules: tuple[Rule, ...]) -> Iterator[Remark]:
    for rule in rules:
        text = rule.when.text if rule.when is not None else ""
        bare = re.sub(r"\"[^\"]*\"|'[^']*'", "''", text)
        found = sorted(set(_VOLATILE.findall(bare)))
        if found:
            yield Remark(
                "volatile-fact",
                f"rules.{rule.name}.when",
                f"depends on {', '.join(found)}, which changes by itself: what is installed keeps its profile until "
                "tags or policy change, and then follows that day's value. Ask for a tag instead",
            )


def _avoidable(guardrails: tuple[Guardrail, ...]) -> Iterator[Remark]:
    for guardrail in guardrails:
        tags = sorted({*_tags(guardrail.match), *_tags(guardrail.exempt)})
        if tags:
            yield Remark(
                "guardrail-by-tag",
                f"guardrails.{guardrail.name}",
                f"hangs on the tag {', '.join(tags)}: whoever may tag the cluster gets around it. "
                "Select by subscription, management group or resource group",
            )


def _tags(match: Match | None) -> Iterator[str]:
    if match is None:
        return
    yield from (test.name for test in match.tags)
    yield from match.tag_present
    yield from _tags(match.negated)


def _expired(policy: Policy, now: datetime) -> Iterator[Remark]:
    for each in policy.exceptions:
        if each.until <= now:
            ended = each.until.isoformat()
            yield Remark(
                "expired-exception", f"exceptions.{each.cluster.name}", f"ended at {ended} ({each.owner}); drop it"
            )


def _crowded(policy: Policy) -> Iterator[Remark]:
    for text in policy.texts:
        for where, path in too_much(text):
            message = (
                "several keys in one line hide from a review which of them changes; `muster fmt` gives each its own"
            )
            yield Remark("keys-on-one-line", f"{where} {path}".rstrip(), message)
