"""The forms of the API's answers about plans and recordings; docs/plans.md says what they mean."""

from datetime import datetime
from typing import Annotated, Any, Literal, NotRequired, TypedDict

from pydantic import Field

from functions.responses import Counts, Id, Key, WordId
from shared.azureml.risk import Risk
from shared.model.decision import Action
from shared.model.state import HoldCode


class PlanBegun(TypedDict):
    """A plan is being made."""

    id: WordId
    status: Literal["making"]
    href: Annotated[str, Field(description="Where it will be.")]


class PlannedPolicy(TypedDict):
    """The policy in force when the plan was made."""

    digest: str
    generation: int


# A setting that would change, absent where null. "from" is a word of the language.
PlannedSetting = TypedDict("PlannedSetting", {"setting": str, "from": str | None, "to": str | None})


class PlannedHold(TypedDict):
    """What would stand in the way."""

    code: HoldCode
    reason: str
    until: datetime | None
    approval: str | None


class PlannedItem(TypedDict):
    """What would be done to one cluster."""

    key: Key
    cluster: Id
    action: Action
    risk: list[Risk]
    disruptive: bool
    reason: str
    profile: str | None
    rule: str | None
    changes: list[PlannedSetting]
    hold: PlannedHold | None
    ring: str
    reads: list[str]
    first: bool
    byPolicy: bool
    anyway: bool
    inputs: str | None


class PlannedGroup(TypedDict):
    """Items of one action and risk."""

    action: Action
    risk: list[Risk]
    clusters: int
    disruptive: int
    anyway: int
    held: Counts
    rings: Counts
    profiles: Counts
    settings: Counts


class PlanApplied(TypedDict):
    """What applying the plan asked for, and what it left out."""

    at: datetime
    by: str
    asked: int
    stale: list[Id]
    held: Counts
    later: int


class Plan(TypedDict):
    """A plan; what is not required is there once it is ready."""

    id: WordId
    status: Literal["making", "ready", "failed"]
    by: str
    begun: datetime
    expires: datetime
    cluster: Id | None
    failure: NotRequired[str]
    asOf: NotRequired[datetime]
    policy: NotRequired[PlannedPolicy]
    against: NotRequired[str | None]
    approval: NotRequired[str | None]
    ceiling: NotRequired[str | None]
    doubt: NotRequired[str | None]
    digest: NotRequired[str]
    counts: NotRequired[dict[str, int]]
    groups: NotRequired[list[PlannedGroup]]
    forecast: NotRequired[dict[str, Any]]
    unsure: NotRequired[list[Id]]
    items: NotRequired[list[PlannedItem]]
    applied: NotRequired[PlanApplied | None]
    continuation: NotRequired[str]


class PlanTaken(TypedDict):
    """A plan that was applied."""

    id: WordId
    href: str
    applied: PlanApplied


class RecordingBegun(TypedDict):
    """A recording is being taken."""

    id: WordId
    status: Literal["making"]
    href: Annotated[str, Field(description="Where it will be.")]


class Recording(TypedDict):
    """A recording of the fleet; what is not required is there once it is ready."""

    id: WordId
    status: Literal["making", "ready", "failed"]
    by: str
    begun: datetime
    expires: datetime
    failure: NotRequired[str]
    asOf: NotRequired[datetime]
    counts: NotRequired[Counts]
    bytes: NotRequired[Annotated[int, Field(ge=0, description="How large its file is, compressed.")]]
