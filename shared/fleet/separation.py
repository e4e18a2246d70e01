"""Which questions tell the clusters of one group from all others: the rules of an imported policy.

Each rule is exact by itself, so that their order says nothing: it holds for clusters of its group and for
no other cluster that has to be told apart. The simplest question that does so wins: the kind, one tag,
several tags, subscriptions, resource groups. Where none does, clusters are named. What Azure may not
know (GPUs, node counts) is never asked, since a rule that depends on an unknown fact holds a cluster back.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import batched
from typing import Self

from shared.model.cluster import Cluster
from shared.model.identity import ClusterId, Kind

# A person's words to Muster about one cluster: they come and go, and choose no profile here.
_OWN_TAGS = "aml-"
_MOST_NAMES = 100

type _Tag = tuple[str, str]
type _Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Subject:
    """What rules are told about one cluster: its id, and the tags that a rule may ask for."""

    id: ClusterId
    tags: frozenset[_Tag]

    @classmethod
    def of(cls, cluster: Cluster) -> Self:
        """Tag names in lower case. A value with `*` or `?` is left out: a policy takes it for a glob."""
        return cls(
            cluster.id,
            frozenset((name.casefold(), value) for name, value in cluster.tags.items() if _askable(name, value)),
        )

    @property
    def place(self) -> _Place:
        """Subscription and resource group."""
        return self.id.subscription, self.id.resource_group


def _askable(name: str, value: str) -> bool:
    whole = not any("\ud800" <= character <= "\udfff" for character in name + value)
    return whole and bool(value.strip()) and not set(value) & set("*?") and not name.casefold().startswith(_OWN_TAGS)


@dataclass(frozen=True, slots=True)
class Criteria:
    """What one rule asks: keys are joined by AND, lists by OR; empty means not asked.

    Attributes:
        tags: name (lower case) and the value.
        resource_groups: lower case.
        names: names of clusters, lower case.
    """

    kinds: tuple[Kind, ...] = ()
    tags: tuple[_Tag, ...] = ()
    subscriptions: tuple[str, ...] = ()
    resource_groups: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    def hold_for(self, subject: Subject) -> bool:
        """Whether the rule holds for a cluster."""
        identity = subject.id
        return (
            (not self.kinds or identity.kind in self.kinds)
            and (not self.subscriptions or identity.subscription in self.subscriptions)
            and (not self.resource_groups or identity.resource_group in self.resource_groups)
            and (not self.names or identity.name in self.names)
            and subject.tags.issuperset(self.tags)
        )


def separate(group: Iterable[Subject], others: Iterable[Subject]) -> tuple[Criteria, ...]:
    """The rules for a group, which is not empty: they hold for every cluster of it, and for none of the others."""
    inside, outside = sorted(group, key=_by_id), list(others)
    for candidate in _whole(inside, outside):
        if _keeps_out(candidate, outside):
            return (_leanest(candidate, outside),)
    return tuple(_in_parts(inside, outside))


def _by_id(subject: Subject) -> str:
    return str(subject.id)


def _keeps_out(criteria: Criteria, outside: Sequence[Subject]) -> bool:
    return criteria != Criteria() and not any(map(criteria.hold_for, outside))


def _whole(inside: Sequence[Subject], outside: Sequence[Subject]) -> Iterator[Criteria]:
    """Criteria that hold for the whole group, the simplest first."""
    kinds = tuple(sorted({subject.id.kind for subject in inside}))
    yield Criteria(kinds)
    shared = sorted(frozenset.intersection(*(subject.tags for subject in inside)))
    telling = tuple(tag for tag in shared if not all(tag in subject.tags for subject in outside))
    for asked in ((), kinds):
        for tag in telling:
            yield Criteria(asked, (tag,))
    yield Criteria(kinds, telling)
    subscriptions = tuple(sorted({subject.id.subscription for subject in inside}))
    groups = tuple(sorted({subject.id.resource_group for subject in inside}))
    yield Criteria(kinds, subscriptions=subscriptions)
    yield Criteria(resource_groups=groups)
    # Names of resource groups repeat across subscriptions: asked together, each pair of the two is meant.
    yield Criteria(kinds, subscriptions=subscriptions, resource_groups=groups)


def _leanest(candidate: Criteria, outside: Sequence[Subject]) -> Criteria:
    """The same without what is not needed to keep others out."""
    kept = candidate
    fewer = [replace(kept, tags=tuple(other for other in kept.tags if other != tag)) for tag in candidate.tags]
    while fewer := [less for less in fewer if _keeps_out(less, outside)]:
        kept = fewer[0]
        fewer = [replace(kept, tags=tuple(other for other in kept.tags if other != tag)) for tag in kept.tags]
    for less in (replace(kept, kinds=()), replace(kept, subscriptions=())):
        if _keeps_out(less, outside):
            return less
    return kept


def _in_parts(inside: Sequence[Subject], outside: Sequence[Subject]) -> Iterator[Criteria]:
    """Resource groups that hold nobody else, and elsewhere the clusters by name."""
    mine, foreign = _places(inside), {subject.place for subject in outside}
    alone: dict[str, list[str]] = defaultdict(list)
    for subscription, resource_group in sorted(mine.keys() - foreign):
        alone[subscription].append(resource_group)
    for subscription, groups in alone.items():
        yield Criteria(subscriptions=(subscription,), resource_groups=tuple(groups))
    for place in sorted(mine.keys() & foreign):
        for kind in Kind:
            yield from _named(kind, place, [each.id.name for each in mine[place] if each.id.kind is kind])


def _places(subjects: Iterable[Subject]) -> Mapping[_Place, list[Subject]]:
    places: dict[_Place, list[Subject]] = defaultdict(list)
    for subject in subjects:
        places[subject.place].append(subject)
    return places


def _named(kind: Kind, place: _Place, names: list[str]) -> Iterator[Criteria]:
    """Clusters of one resource group by name, as many in a rule as a person can look through."""
    for chosen in batched(names, _MOST_NAMES, strict=False):
        yield Criteria((kind,), subscriptions=(place[0],), resource_groups=(place[1],), names=chosen)
