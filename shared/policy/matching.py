"""`match`: a structure of questions about a cluster, answered with yes, no or "not known".

Keys are joined by AND, lists by OR. A no from one key decides, whatever is unknown beside it; a yes
needs every key. Each answer carries the reason in words, with the value that was met, so that a near
miss can be explained.
"""

import fnmatch
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from shared.policy.facts import Facts, Truth, Unknown

# So many wanted words are told of a long list.
_MOST_TOLD = 8


@lru_cache(maxsize=4096)
def _compiled(text: str, ignore_case: bool) -> re.Pattern[str]:
    """A glob as a regular expression: `*` any characters, `?` one; brackets have no meaning.

    fnmatch writes atomic groups, so that many stars do not make matching slow.
    """
    pattern = fnmatch.translate(text.replace("[", "[[]"))
    return re.compile(pattern, re.IGNORECASE if ignore_case else re.NOFLAG)


@dataclass(frozen=True, slots=True)
class Pattern:
    """One word to compare with, or (written in quotes, with `*` or `?`) a glob."""

    text: str
    glob: bool = False

    def fits(self, value: str, *, ignore_case: bool) -> bool:
        """Whether a whole value is meant."""
        if self.glob:
            return _compiled(self.text, ignore_case).fullmatch(value) is not None
        return value.casefold() == self.text.casefold() if ignore_case else value == self.text

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class TagTest:
    """A tag's name (lower case) and the values meant, of which one must fit."""

    name: str
    values: tuple[Pattern, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """The keys of one `match`; an empty tuple or None means: not asked."""

    kinds: tuple[str, ...] = ()
    tags: tuple[TagTest, ...] = ()
    tag_present: tuple[str, ...] = ()
    gpu: bool | None = None
    regions: tuple[Pattern, ...] = ()
    subscriptions: tuple[Pattern, ...] = ()
    management_groups: tuple[Pattern, ...] = ()
    resource_groups: tuple[Pattern, ...] = ()
    distributions: tuple[Pattern, ...] = ()
    names: tuple[Pattern, ...] = ()
    negated: "Match | None" = None
    ignore_case: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """Yes, no or unknown, and why in words."""

    truth: Truth
    why: str


def answer(match: Match, facts: Facts, management_groups: Collection[str] | None) -> Answer:
    """Whether a cluster is meant.

    `management_groups` are the names of all groups that the cluster's subscription stands under;
    None means that they are not known.
    """
    open_question: Answer | None = None
    reasons = []
    for found in _answers(match, facts, management_groups):
        if isinstance(found.truth, Unknown):
            open_question = open_question or found
        elif not found.truth:
            return found
        reasons.append(found.why)
    return open_question or Answer(truth=True, why="; ".join(reasons) or "it matches every cluster")


def _answers(match: Match, facts: Facts, management_groups: Collection[str] | None) -> Iterator[Answer]:
    if match.kinds:
        kind = str(facts.values["kind"])
        yield Answer(kind in match.kinds, f"kind is {kind}" + _wanted(kind in match.kinds, match.kinds))
    for test in match.tags:
        yield _tag(test, facts, ignore_case=match.ignore_case)
    if match.tag_present:
        present = [name for name in match.tag_present if name in facts.tags]
        why = f"tag {' or '.join(match.tag_present)} is not set"
        if present:
            why = f"tag {present[0]} is '{facts.tags[present[0]]}'"
        yield Answer(bool(present), why)
    if match.gpu is not None:
        yield _gpu(facts, wanted=match.gpu)
    yield from _words(match, facts)
    if match.management_groups:
        yield _groups(match.management_groups, management_groups)
    if match.negated is not None:
        inner = answer(match.negated, facts, management_groups)
        truth = inner.truth if isinstance(inner.truth, Unknown) else not inner.truth
        yield Answer(truth, inner.why)


def _tag(test: TagTest, facts: Facts, *, ignore_case: bool) -> Answer:
    value = facts.tags.get(test.name)
    if value is None:
        return Answer(truth=False, why=f"tag {test.name} is not set")
    fits = any(pattern.fits(value, ignore_case=ignore_case) for pattern in test.values)
    return Answer(fits, f"tag {test.name} is '{value}'" + _wanted(fits, test.values))


def _gpu(facts: Facts, *, wanted: bool) -> Answer:
    gpu = facts.values["gpu"]
    if gpu is None:
        return Answer(Unknown("gpu"), not_known("gpu", facts))
    return Answer(gpu is wanted, f"gpu is {str(gpu).lower()}")


def _words(match: Match, facts: Facts) -> Iterator[Answer]:
    """The questions about one word each. Azure compares all of these without case."""
    for fact, patterns in (
        ("location", match.regions),
        ("subscription", match.subscriptions),
        ("resourceGroup", match.resource_groups),
        ("distribution", match.distributions),
        ("name", match.names),  # last: lists of them are long, and are not read where another key says no
    ):
        if not patterns:
            continue
        value = facts.values[fact]
        if value is None:
            yield Answer(Unknown(fact), not_known(fact, facts))
            continue
        fits = any(pattern.fits(str(value), ignore_case=True) for pattern in patterns)
        yield Answer(fits, f"{fact} is {value}" + _wanted(fits, patterns))


def _groups(patterns: tuple[Pattern, ...], groups: Collection[str] | None) -> Answer:
    if groups is None:
        return Answer(Unknown("managementGroups"), "its management groups are not known yet")
    fits = any(pattern.fits(group, ignore_case=True) for pattern in patterns for group in groups)
    found = ", ".join(sorted(groups)) or "none"
    return Answer(fits, f"management groups are {found}" + _wanted(fits, patterns))


def _wanted(fits: bool, wanted: Collection[object]) -> str:
    if fits:
        return ""
    told = [str(word) for word in islice(wanted, _MOST_TOLD)]
    more = [f"one of {len(wanted) - _MOST_TOLD} others"] if len(wanted) > _MOST_TOLD else []
    return f", not {' or '.join([*told, *more])}"


def not_known(fact: str, facts: Facts) -> str:
    """The words for an unknown fact, with what can be done about it where that is known."""
    note = facts.notes.get(fact)
    return f"{fact} is not known" + (f": {note}" if note else " yet")
