"""The wish that a cluster be looked at. Light: the event function imports it at every cold start."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.model.identity import ClusterId


class Reason(StrEnum):
    """Why somebody asked for a look."""

    EVENT = "event"
    SWEEP = "sweep"
    MANUAL = "manual"
    FOLLOW_UP = "follow-up"


@dataclass(frozen=True, slots=True)
class Request:
    """A wish that one cluster be looked at. It carries no state of the cluster.

    Attributes:
        due: of a follow-up, the moment it was scheduled for; one that differs from the memory's
            `next_look` was superseded.
        generation: of the policy that its sender knew.
    """

    cluster: ClusterId
    reason: Reason
    requested_at: datetime
    due: datetime | None = None
    generation: int = 0
    traceparent: str | None = None
