"""What would be, if the cluster's tags were a little different: the smallest change for each other outcome.

Each answer is tried, not guessed: `select` is asked with the changed tags. Tags that only an expression (`when`) reads
are not found, nor are changes of anything but tags.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import combinations

from shared.model.cluster import Cluster
from shared.model.intent import Intent
from shared.policy.matching import Match
from shared.policy.model import Policy
from shared.policy.selection import Outcome, Selection, select

# More edits than these are not tried in pairs: a policy with hundreds of tags would take seconds.
_MOST = 60


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """One tag set to a value, or taken away (None)."""

    tag: str
    value: str | None

    def __str__(self) -> str:
        return f"set {self.tag}={self.value}" if self.value is not None else f"take {self.tag} away"


@dataclass(frozen=True, slots=True)
class Change:
    """Edits that lead to another profile, or to one at all."""

    edits: tuple[Edit, ...]
    profile: str | None
    rule: str | None

    def __str__(self) -> str:
        what = " and ".join(map(str, self.edits))
        return f"{what[0].upper()}{what[1:]}: profile {self.profile}{f' by rule {self.rule}' if self.rule else ''}."


def smallest_changes(
    policy: Policy,
    cluster: Cluster,
    intent: Intent | None,
    now: datetime,
    *,
    management_groups: Collection[str] | None = None,
) -> tuple[Change, ...]:
    """For each profile that the cluster does not get now: the fewest edits of its tags after which it would.

    One edit is looked for, then two; what takes more is not told. Arguments as of `select`.
    """

    def asked(edits: tuple[Edit, ...]) -> Selection:
        touched = {edit.tag.casefold() for edit in edits}
        tags = {name: value for name, value in cluster.tags.items() if name.casefold() not in touched}
        tags |= {edit.tag: edit.value for edit in edits if edit.value is not None}
        return select(policy, replace(cluster, tags=tags), intent, now, management_groups=management_groups)

    present = asked(())
    found: dict[str | None, Change] = {}
    edits = sorted(set(_edits(policy, cluster)), key=_plainest)
    for count in (1, 2):
        for chosen in combinations(edits[:_MOST], count):
            if len({edit.tag.casefold() for edit in chosen}) < count:
                continue
            other = asked(chosen)
            if _better(present, other) and other.profile not in found:
                found[other.profile] = Change(chosen, other.profile, other.rule)
    return tuple(sorted(found.values(), key=_size))


def _better(present: Selection, other: Selection) -> bool:
    """Whether another selection gives a profile that the present one does not give, and does not hold."""
    if other.outcome is not Outcome.SELECTED or other.pause is not None:
        return False
    same = present.outcome is Outcome.SELECTED and present.pause is None and present.profile == other.profile
    return not same


def _edits(policy: Policy, cluster: Cluster) -> Iterator[Edit]:
    yield Edit(policy.select_tag, "true")
    for rule in policy.rules:
        if rule.match is not None:
            yield from _of_match(rule.match)
        if rule.profile_from_tag is not None:
            yield from (
                Edit(rule.profile_from_tag, name) for name, one in policy.profiles.items() if one.selectable_by_tag
            )
    read = {policy.select_tag.casefold(), policy.tags.pause_until.casefold()}
    read |= {edit.tag.casefold() for rule in policy.rules if rule.match is not None for edit in _of_match(rule.match)}
    prefix = policy.overrides.prefix.casefold()
    for name in cluster.tags:
        if name.casefold() in read or name.casefold().startswith(prefix):
            yield Edit(name, None)


def _of_match(match: Match) -> Iterator[Edit]:
    for test in match.tags:
        yield from (Edit(test.name, pattern.text) for pattern in test.values if not pattern.glob)
    yield from (Edit(name, "true") for name in match.tag_present)
    if match.negated is not None:
        # To be taken away, where the cluster has them.
        yield from (Edit(edit.tag, None) for edit in _of_match(match.negated))


def _plainest(edit: Edit) -> tuple[bool, str, str]:
    return edit.value is None, edit.tag, edit.value or ""


def _size(change: Change) -> tuple[int, str]:
    return len(change.edits), str(change)
