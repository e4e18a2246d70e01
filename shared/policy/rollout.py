"""How the policy's changes reach the fleet: rings, windows, limits; the document's `rollout`."""

from dataclasses import dataclass, field
from datetime import date, timedelta

from shared.policy.matching import Match

# The ring of those that match none.
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
