"""The forms of the API's answers about the whole fleet; functions/responses.py has those about clusters and words."""

from datetime import datetime
from typing import Annotated, Literal, NotRequired, TypedDict

from pydantic import Field

from functions.responses import ClusterItem, Counts, Id, Key


class Need(TypedDict):
    """Something that a person has to do: about a cluster, or (without a key) about the fleet."""

    name: str
    key: Key | None
    since: datetime | None
    owner: Annotated[str | None, Field(description="The tag aml-owner.")]
    reason: str
    remedy: Annotated[str, Field(description="What to do.")]
    approval: Annotated[str | None, Field(description="The approval that ends it, where one does.")]


class NeedsOfAKind(TypedDict):
    """What needs a person for one reason."""

    what: str
    count: Annotated[int, Field(ge=1)]
    first: Annotated[list[Need], Field(description="The oldest of them.")]


class Compliance(TypedDict):
    """The figures of the fleet."""

    asOf: datetime | None
    clusters: Annotated[int, Field(ge=0)]
    managed: Annotated[int, Field(ge=0)]
    compliant: Annotated[int, Field(ge=0)]
    share: Annotated[float, Field(ge=0, le=1)] | None
    management: Counts
    condition: Counts
    hold: Counts
    reachability: Counts
    verified: Counts
    verificationAge: Counts
    profile: Counts
    version: Counts
    failure: Counts
    ring: Counts
    subscription: Counts
    compliantBySubscription: Counts
    items: NotRequired[
        Annotated[
            list[ClusterItem], Field(description="With view=attention: what somebody has to mend or decide about.")
        ]
    ]
    continuation: NotRequired[
        Annotated[str, Field(description="With view=attention: where the next page begins; absent on the last one.")]
    ]
    needs: NotRequired[Annotated[list[NeedsOfAKind], Field(description="With view=needs: what needs a person.")]]


class AuditDays(TypedDict):
    """The days of the audit trail."""

    days: Annotated[list[str], Field(description="Days (UTC) on which something was appended, oldest first.")]


class AuditLines(TypedDict):
    """A page of one day."""

    day: str
    lines: Annotated[list[str], Field(description="As they were appended; the hash of each is over its bytes.")]
    continuation: NotRequired[str]


class RefusedPolicy(TypedDict):
    """A policy document that does not validate."""

    digest: str
    at: datetime
    findings: list[str]


class PendingPolicy(TypedDict):
    """A policy document that waits."""

    digest: str
    approval: str
    reason: str


class RuleServing(TypedDict):
    """A rule of the policy, and whom it serves."""

    name: str
    profile: str | None
    profileFromTag: str | None
    clusters: Annotated[int, Field(ge=0, description="Clusters that it serves now.")]
    lastServed: Annotated[
        datetime | None, Field(description="The last whole sweep at which it served a managed cluster.")
    ]


class StandingException(TypedDict):
    """A cluster that the policy treats in another way, until then."""

    key: Key
    cluster: Id
    until: datetime
    owner: str
    ticket: str | None
    exempt: Annotated[bool, Field(description="It is left alone; where false, it has other settings.")]


class PolicyInForce(TypedDict):
    """The policy in force."""

    digest: str
    generation: Annotated[int, Field(ge=1)]
    since: datetime
    by: Annotated[str, Field(description="Where it came from, and who approved it where somebody did.")]
    refused: RefusedPolicy | None
    stale: str | None
    pending: PendingPolicy | None
    rules: Annotated[list[RuleServing], Field(description="In the order in which they are asked.")]
    exceptions: list[StandingException]


class Trouble(TypedDict):
    """What keeps this instance from its work, and what to do."""

    code: str
    message: str


class RefusedInShort(TypedDict):
    """A policy document that does not validate; GET /policy names why."""

    digest: str
    at: datetime


class PolicyInShort(TypedDict):
    """The policy in force."""

    digest: str
    generation: Annotated[int, Field(ge=1)]
    since: datetime
    refused: RefusedInShort | None


class Health(TypedDict):
    """Whether this instance can work."""

    status: Literal["ok", "degraded", "failing"]
    counters: Counts
    problems: list[Trouble]
    mode: NotRequired[Literal["report", "enforce"]]
    stopped: NotRequired[bool]
    instance: NotRequired[str]
    policy: NotRequired[PolicyInShort]
