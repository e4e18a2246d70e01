"""What an instance may do at a moment. Light: the settings are read at every cold start."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Mode(StrEnum):
    """Ceiling for what an instance does."""

    REPORT = "report"
    ENFORCE = "enforce"


@dataclass(frozen=True, slots=True)
class Standstill:
    """A pause that a person set: `scope` is fleet, ring/<name> or cluster/<key>."""

    scope: str
    until: datetime
    reason: str

    def covers(self, ring: str, cluster: str) -> bool:
        """Whether a cluster is meant, by the name of its ring and its key."""
        return self.scope in scopes_of(ring, cluster)


def scopes_of(ring: str, cluster: str) -> frozenset[str]:
    """The scopes of pauses that cover a cluster, by the name of its ring and its key."""
    return frozenset({"fleet", f"ring/{ring}", f"cluster/{cluster}"})


@dataclass(frozen=True, slots=True)
class FleetGates:
    """What the fleet as a whole allows, as it was last written down.

    Attributes:
        policy: digest of the policy whose rollout is meant.
        open_ring: number of the last ring that may take up the policy's changes; None for every ring.
        waiting: why the rings behind it may not.
        approval: name of the approval that the next ring waits for, since `approval_since`; "" where it waits for none.
        stopped: why the rollout is stopped in every ring; "" where it is not.
        broken: class of failure -> why automatic repair of it is suspended.
        mass: why no cluster gets the extension for the first time, since `mass_since`; "" where any may.
        places: how many more clusters may get it for the first time within this hour; None for any number.
        standstills: pauses of the fleet, of rings and of clusters.
        approved: names of what people have approved.
    """

    policy: str = ""
    open_ring: int | None = None
    waiting: str = ""
    approval: str = ""
    stopped: str = ""
    broken: Mapping[str, str] = field(default_factory=dict)
    mass: str = ""
    places: int | None = None
    standstills: tuple[Standstill, ...] = ()
    approved: frozenset[str] = frozenset()
    approval_since: datetime | None = None
    mass_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Gates:
    """What `fleet` and the settings allow at this moment."""

    mode: Mode
    stopped: bool = False
    fleet: FleetGates = FleetGates()
