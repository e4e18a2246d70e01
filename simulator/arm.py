"""What a service of the simulator gets and gives: calls, replies, routes.

A service has a file of routes (patterns to functions), one of state and, where it says no in its own
words, errors from `simulator.arm_errors`. Handlers are plain functions: whatever takes time happens
on the clock.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

type Json = dict[str, Any]

TENANT = "22222222-2222-2222-2222-222222222222"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the application (client) id of the token, and its object id."""

    app_id: str
    object_id: str


NOBODY = Caller("", "")


@dataclass(frozen=True, slots=True)
class Call:
    """One request, with its query keys in lower case (ARM compares them without case)."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    caller: Caller
    parts: Mapping[str, str]
    base_url: str

    @property
    def api_version(self) -> str:
        """The api-version, or an empty text."""
        return self.query.get("api-version", "")

    def document(self) -> Json:
        """The body as an object; an empty one where it is none."""
        return self.body if isinstance(self.body, dict) else {}


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. A body of None is sent as no body at all."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route:
    """A pattern of paths and the function that serves it.

    Attributes:
        service: the name under which requests are counted and faults are matched.
        exclusive: a write to an extension: two of them on one cluster at once are a violation.
    """

    method: str
    pattern: re.Pattern[str]
    service: str
    handle: Callable[[Call], Reply]
    exclusive: bool = False


SUBSCRIPTION = r"/subscriptions/(?P<subscription>[^/]+)"
GROUP = SUBSCRIPTION + r"/resourceGroups/(?P<group>[^/]+)"
CLUSTER = GROUP + (
    r"/providers/(?P<type>Microsoft\.ContainerService/managedClusters|Microsoft\.Kubernetes/connectedClusters)"
    r"/(?P<cluster>[^/]+)"
)


def route(method: str, path: str, service: str, handle: Callable[[Call], Reply], *, exclusive: bool = False) -> Route:
    """A route whose path is matched as a whole and without case."""
    return Route(method, re.compile(path + "/?", re.IGNORECASE), service, handle, exclusive)
