"""What is valid in a policy and hardly meant: rules that never win, profiles nobody gets, guardrails with a way around.

Told by `muster lint`, one finding a line. Every finding is certain from the text alone; what depends on the fleet
(which rule serves how many clusters) is for a plan to tell.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import combinations

from shared.policy.matching import Match
from shared.policy.model import Guardrail, Policy, Rule

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
        *_shadowed(policy.rules),
        *_unused(policy),
        *_hanging_on_volatile_facts(policy.rules),
        *_avoidable(policy.guardrails),
        *_expired(policy, now),
    )


def _shadowed(rules: tuple[Rule, ...]) -> Iterator[Remark]:
    """Rules behind one that asks less; one behind a rule that asks nothing is refused when the policy is read."""
    told = set()
    for earlier, later in combinations(rules, 2):
        if later.name in told or earlier.when is not None or earlier.match is None or later.match is None:
            continue
        if covers(earlier.match, later.match):
            told.add(later.name)
            why = f"rule '{earlier.name}' before it takes every cluster that this one means"
            yield Remark("shadowed-rule", f"rules.{later.name}", f"{why}; move it up, or drop it")


def covers(wide: Match, narrow: Match) -> bool:
    """Whether every cluster that `narrow` means is certainly meant by `wide`: each question of it is asked there, too.

    What cannot be told from the two texts (globs that overlap) counts as not covered.
    """
    if wide.ignore_case != narrow.ignore_case and wide.tags:
        return False
    for name in (each.name for each in fields(Match)):
        asked, there = getattr(wide, name), getattr(narrow, name)
        if name in {"ignore_case", "tags"} or asked in ((), None):
            continue
        if isinstance(asked, tuple):
            # One of the words has to fit: fewer words mean fewer clusters.
            if not there or not set(there) <= set(asked):
                return False
        elif asked != there:
            return False
    tests = {test.name: set(test.values) for test in narrow.tags}
    return all(test.name in tests and tests[test.name] <= set(test.values) for test in wide.tags)


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
