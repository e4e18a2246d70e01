"""The forms of the API's answers, as /openapi.json describes them.

Nothing is built from them: tests hold answers to them. A key that may be absent is NotRequired; null stands where
something is not known, or is not so.
"""

from datetime import datetime
from typing import Annotated, Any, Literal, NotRequired, TypedDict

from pydantic import Field

from shared.errors import Retry
from shared.model.check import Severity, Verdict
from shared.model.cluster import Source
from shared.model.decision import Action
from shared.model.identity import Kind
from shared.model.inside import Activity
from shared.model.intent import Word
from shared.model.state import Condition, HoldCode, Management, Reachability, Verified

Key = Annotated[
    str,
    Field(
        max_length=900,
        description="The cluster's ARM id in lower case, as base64url without padding.",
        json_schema_extra={"format": "cluster-key"},
    ),
]
WordId = Annotated[
    str,
    Field(min_length=1, max_length=200, description="As answers give it.", json_schema_extra={"format": "word-id"}),
]
Id = Annotated[str, Field(description="ARM id, lower case.")]
Counts = dict[str, Annotated[int, Field(ge=0)]]


class Wrong(TypedDict):
    """One thing that is wrong with a request."""

    field: str
    message: str


class Problem(TypedDict):
    """What went wrong (RFC 9457)."""

    type: Literal["about:blank"]
    title: str
    status: int
    detail: Annotated[str, Field(description="In words for people.")]
    code: Annotated[str, Field(description="The kind of error, for programs.")]
    retry: Annotated[Retry, Field(description="Whether the same request may succeed later.")]
    errors: NotRequired[list[Wrong]]


class Hold(TypedDict):
    """Why Muster holds back."""

    code: HoldCode
    reason: str
    since: datetime | None
    until: datetime | None
    next: Annotated[datetime | None, Field(description="The next look.")]
    approval: Annotated[str | None, Field(description="The approval that would lift it.")]


class State(TypedDict):
    """A cluster's state in five fields."""

    management: Management
    condition: Condition
    hold: Hold | None
    reachability: Reachability
    verified: Verified
    verifiedAt: datetime | None
    sufficient: Annotated[bool, Field(description="Whether the verification is as thorough as the policy asks.")]


class ClusterItem(TypedDict):
    """One cluster of a list."""

    key: Key
    id: Id
    kind: Kind
    subscription: str
    name: str
    profile: str | None
    rule: str | None
    state: State
    reason: str
    version: str | None
    failure: str | None
    ring: str | None
    lastChange: datetime | None


class ClusterPage(TypedDict):
    """A page of the fleet."""

    items: list[ClusterItem]
    asOf: Annotated[datetime | None, Field(description="The last whole sweep; null before the first.")]
    continuation: NotRequired[Annotated[str, Field(description="Where the next page begins; absent on the last one.")]]


class SettingOrigin(TypedDict):
    """A setting that would be sent, and where it comes from."""

    key: str
    value: str
    origin: str


class Change(TypedDict):
    """A setting that differs from what is wanted."""

    setting: str
    actual: str | None
    wanted: str | None


class Check(TypedDict):
    """One preflight check's answer."""

    id: str
    severity: Severity
    verdict: Verdict
    message: str
    remedy: str | None
    source: str | None


class ComponentState(TypedDict):
    """A component that was looked for inside a cluster."""

    name: str
    state: Annotated[str, Field(description="In words: `3 of 3 pods ready`, `missing`.")]
    sound: Annotated[bool, Field(description="Whether it is as it should be; what is wrong stands under faults.")]


class Verification(TypedDict):
    """What the last look inside the cluster found."""

    at: datetime
    components: bool
    faults: list[str]
    since: datetime | None
    work: Activity
    running: Annotated[str | None, Field(description="What runs, in words, where something does.")]
    states: Annotated[list[ComponentState], Field(description="Component by component; empty where none was seen.")]
    trouble: str | None
    advice: list[str]


class Facts(TypedDict):
    """A cluster's facts; null means not known."""

    id: Annotated[str, Field(description="ARM id, as ARM writes it.")]
    kind: Kind
    location: str
    tags: dict[str, str]
    source: Source
    provisioningState: str | None
    powerState: str | None
    connectivity: str | None
    nodes: int | None
    gpu: bool | None
    gpuModels: list[str] | None
    kubernetesVersion: str | None
    distribution: str | None
    managedIdentity: bool | None


class InstalledExtension(TypedDict):
    """An extension that the cluster has."""

    name: str
    type: str
    provisioningState: str
    version: str | None
    error: str | None


class Decided(TypedDict):
    """What is decided about a cluster, why, and from where each setting comes."""

    action: Action
    intended: Annotated[Action, Field(description="What would be done if nothing stood before it.")]
    reason: str
    state: State
    profile: str | None
    rule: str | None
    generation: Annotated[int, Field(ge=0, description="Of the policy.")]
    why: list[str]
    settings: list[SettingOrigin] | None
    protected: Annotated[list[str], Field(description="Names of protected settings; never values.")]
    changes: list[Change]
    nextLook: datetime | None
    advice: list[str]
    preflight: list[Check]
    verification: Verification | None
    facts: Facts | None
    extensions: list[InstalledExtension]


class DryRun(Decided):
    """What an installation by hand would do."""

    name: NotRequired[Annotated[str | None, Field(description="Of the extension.")]]
    body: NotRequired[Annotated[dict[str, Any], Field(description="What ARM would be sent; protected values hidden.")]]


class Summary(TypedDict):
    """The decision in short."""

    action: Action
    intended: Action
    reason: str
    why: list[str]


class PersonsWord(TypedDict):
    """What a person asked for about this cluster."""

    word: Word
    who: str
    why: str
    at: datetime
    until: datetime | None


class Event(TypedDict):
    """One line of a cluster's history; what is empty is left out."""

    at: datetime
    action: NotRequired[str]
    outcome: NotRequired[str]
    reason: NotRequired[str]
    condition: NotRequired[str]
    profile: NotRequired[str]
    rule: NotRequired[str]
    generation: NotRequired[int]
    instance: NotRequired[str]
    who: NotRequired[str]
    sent: NotRequired[Annotated[list[str], Field(description="Keys of settings; never values.")]]


class Pause(TypedDict):
    """A pause that stands."""

    id: WordId
    scope: str
    who: str
    reason: str
    at: datetime
    until: datetime | None


class Explanation(TypedDict):
    """Why a cluster stands as it does, as `muster explain` says it."""

    lines: list[str]
    code: Annotated[Literal[0, 2, 3], Field(description="0 nothing to do, 2 changes or findings, 3 held.")]


class ClusterDetail(Decided):
    """One cluster, read afresh."""

    key: Key
    id: Id
    decision: Summary
    attempts: Annotated[int, Field(ge=0)]
    lastLook: datetime | None
    lastChange: datetime | None
    anewSince: Annotated[
        datetime | None,
        Field(description="Since when its values are to follow today's facts."),
    ]
    intent: PersonsWord | None
    pauses: Annotated[list[Pause], Field(description="Those that cover it: its own, its ring's, the fleet's.")]
    nearly: Annotated[list[str], Field(description="The smallest changes of tags that would give another profile.")]
    history: Annotated[list[Event], Field(description="Newest first.")]
    explanation: Explanation


class Asked(TypedDict):
    """A look was asked for."""

    key: Key
    id: Id
    status: Literal["asked"]
    href: Annotated[str, Field(description="Where to follow it.")]


class Pauses(TypedDict):
    """The pauses that stand."""

    items: list[Pause]


class Ended(TypedDict):
    """A pause that was ended."""

    id: WordId
    status: Literal["ended"]


class Approval(TypedDict):
    """An approval that stands."""

    id: WordId
    subject: Annotated[str, Field(description="What is approved, in words.")]
    who: str
    reason: str
    at: datetime
    until: datetime | None


class Waiting(TypedDict):
    """What waits for an approval."""

    id: WordId
    reason: str
    cluster: NotRequired[Id]
    since: NotRequired[datetime | None]


class Approvals(TypedDict):
    """What waits, and what was approved."""

    items: Annotated[list[Waiting], Field(description="First those of the fleet, beyond the limit; then by cluster.")]
    given: Annotated[list[Approval], Field(description="On the first page.")]
    continuation: NotRequired[Annotated[str, Field(description="Where the next page begins; absent on the last one.")]]


class Withdrawn(TypedDict):
    """An approval that was taken back."""

    id: WordId
    status: Literal["withdrawn"]
