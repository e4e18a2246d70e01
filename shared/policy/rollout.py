"""How the policy's changes reach the fleet: rings, windows, limits; the document's `rollout`."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING

from shared.model.cluster import Cluster
from shared.policy.facts import Facts, facts_of
from shared.policy.matching import Match, answer

if TYPE_CHECKING:
    from shared.policy.model import Policy

REST = "rest"


@dataclass(frozen=True, slots=True)
class Window:
    """A maintenance window: begins at each moment of `cron` (local time of `zone`), lasts `duration`."""

    cron: str
    duration: timedelta
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Blackout:
    """Days, both included, on which no window is open."""

    first: date
    last: date
    zone: str = "UTC"
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Ring:
    """One ring of the fleet."""

    name: str
    match: Match | None = None
    soak: timedelta = timedelta(0)
    approval: bool = False
    windows: tuple[Window, ...] = ()


@dataclass(frozen=True, slots=True)
class InFlight:
    """How many operations may be under way at once."""

    fleet: int | None = None
    subscription: int | None = None
    region: int | None = None


@dataclass(frozen=True, slots=True)
class StopOn:
    """When a rollout stops."""

    failures: int | None = None
    percent: float | None = None
    minimum_sample: int = 10


@dataclass(frozen=True, slots=True)
class BlastRadius:
    """How many writes a day (UTC) may see."""

    writes: int | None = None
    disruptive: int | None = None


@dataclass(frozen=True, slots=True)
class Breaker:
    """The share of managed clusters in one class of failure that suspends its repair."""

    percent: float | None = None
    minimum_sample: int = 20


@dataclass(frozen=True, slots=True)
class Rollout:
    """The document's `rollout`."""

    rings: tuple[Ring, ...] = ()
    windows: tuple[Window, ...] = ()
    blackouts: tuple[Blackout, ...] = ()
    in_flight: InFlight = field(default_factory=InFlight)
    stop_on: StopOn = field(default_factory=StopOn)
    new_clusters_per_hour: int | None = None
    blast: BlastRadius = field(default_factory=BlastRadius)
    breaker: Breaker = field(default_factory=Breaker)
    mass_selection: int | None = None
    policy_change_clusters: int | None = None


def ring_of(policy: "Policy", cluster: Cluster, *, management_groups: Collection[str] | None = None) -> tuple[int, str]:
    """Number and name of a cluster's ring: the first that matches, or a later one that its tag names.

    A ring whose match depends on an unknown fact counts as not matched, so that the cluster comes later, never
    earlier. Who matches none comes last, in a ring of its own where each has a match. A tag that names no ring moves
    the cluster to the last.
    """
    rings = policy.rollout.rings
    if not rings:
        return 0, REST
    facts = facts_of(cluster, policy.tags.gpu)
    last = len(rings) if rings[-1].match is not None else len(rings) - 1
    number = next((n for n, ring in enumerate(rings) if _takes(ring, facts, management_groups)), last)
    wished = facts.tags.get(policy.tags.ring.casefold())
    if wished is not None:
        named = next((n for n, ring in enumerate(rings) if ring.name == wished), last)
        number = max(number, named)
    return number, rings[number].name if number < len(rings) else REST


def _takes(ring: Ring, facts: Facts, management_groups: Collection[str] | None) -> bool:
    return ring.match is None or answer(ring.match, facts, management_groups).truth is True
