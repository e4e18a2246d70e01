"""Which cluster an event of Azure Resource Manager is about, by its type, its operation and its subject.

Of an event nothing else is read: personal data (claims, ip addresses) never is, and its word about a cluster is not
believed; whoever looks asks Azure. Source: Microsoft Learn, "Azure subscription as an Event Grid source"; a write of
tags names the tagged resource as its subject, with or without the tail of the tags API.

Standard library only: the event function imports it at every cold start.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from shared.errors import InvalidClusterId
from shared.model.identity import ClusterId, Kind

TYPES = frozenset({"microsoft.resources.resourcewritesuccess", "microsoft.resources.resourcedeletesuccess"})
OPERATIONS = frozenset(
    {
        "microsoft.containerservice/managedclusters/write",
        "microsoft.containerservice/managedclusters/delete",
        "microsoft.kubernetes/connectedclusters/write",
        "microsoft.kubernetes/connectedclusters/delete",
        "microsoft.resources/tags/write",
        "microsoft.resources/tags/delete",
    }
)
_TAGS = "microsoft.resources/tags/"
_TAGS_TAIL = "/providers/microsoft.resources/tags/default"


class Dropped(StrEnum):
    """Why an event asks for nothing."""

    IGNORED = "ignored"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class NoCluster:
    """An event that asks for nothing: of no interest, or none at all.

    Attributes:
        what: which part of it says so.
        told: that part, where it is a name of Azure's and may be repeated.
    """

    why: Dropped
    what: str
    told: str | None = None


def read_event(kind: object, subject: object, data: object) -> ClusterId | NoCluster:
    """The cluster to look at, from an event's type, subject and data; of either schema, parsed or not."""
    if isinstance(kind, str) and kind and kind.lower() not in TYPES:
        return NoCluster(Dropped.IGNORED, "event type", kind)
    told = data if isinstance(data, Mapping) else {}
    operation = told.get("operationName")
    if not isinstance(kind, str) or not kind or not isinstance(operation, str):
        return NoCluster(Dropped.MALFORMED, "it lacks an event type or an operation")
    if operation.lower() not in OPERATIONS:
        return NoCluster(Dropped.IGNORED, "operation", operation)
    place = subject if isinstance(subject, str) and subject else str(told.get("resourceUri") or "")
    if place.lower().endswith(_TAGS_TAIL):
        place = place[: -len(_TAGS_TAIL)]
    try:
        return ClusterId.parse(place)
    except InvalidClusterId:
        if operation.lower().startswith(_TAGS) and not _poses_as_cluster(place):
            # Tag writes of every resource in the subscription arrive; only clusters concern us.
            return NoCluster(Dropped.IGNORED, "subject", operation)
        return NoCluster(Dropped.MALFORMED, "its subject is not the id of a cluster", operation)


def read_body(body: object) -> ClusterId | NoCluster:
    """The same from an event as JSON says it, in Event Grid's schema or as a CloudEvent."""
    told = body if isinstance(body, Mapping) else {}
    return read_event(told.get("eventType", told.get("type")), told.get("subject"), told.get("data"))


def _poses_as_cluster(subject: str) -> bool:
    """Whether a subject that is no cluster's id has the form of one, not that of something below a cluster."""
    parts = (subject.lower().partition(f"/providers/{kind.type}/") for kind in Kind)
    return any(provider and "/" not in name for _, provider, name in parts)
