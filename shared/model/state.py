"""The state of a cluster in five fields, the same words on every surface."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Management(StrEnum):
    """Whose business the cluster is."""

    NOT_SELECTED = "NotSelected"
    MANAGED = "Managed"
    HANDS_OFF = "HandsOff"
    EXEMPT = "Exempt"
    ADOPTION_PENDING = "AdoptionPending"


class Condition(StrEnum):
    """How the extension fares."""

    MISSING = "Missing"
    INSTALLING = "Installing"
    UPDATING = "Updating"
    REMOVING = "Removing"
    CURRENT = "Current"
    DRIFTED = "Drifted"
    FAILED_INSTALL = "FailedInstall"
    FAILED_UPDATE = "FailedUpdate"
    DEGRADED = "Degraded"
    CONFLICT = "Conflict"
    UNKNOWN = "Unknown"


class Reachability(StrEnum):
    """Whether the cluster's agents answer Azure."""

    ONLINE = "Online"
    OFFLINE = "Offline"
    EXPIRED = "Expired"


class Verified(StrEnum):
    """How far the installation was verified."""

    COMPONENTS = "components"
    ARM_ONLY = "arm-only"
    NEVER = "never"


class HoldCode(StrEnum):
    """Why Muster holds back."""

    PREFLIGHT = "preflight"
    GUARDRAIL = "guardrail"
    FACTS_UNKNOWN = "facts-unknown"
    TAG_INVALID = "tag-invalid"
    WINDOW = "window"
    RING = "ring"
    BUDGET = "budget"
    PAUSE = "pause"
    APPROVAL = "approval"
    BREAKER = "breaker"
    CONTESTED = "contested"
    QUARANTINE = "quarantine"
    PROTECTED_VALUES = "protected-values"
    NO_RULE = "no-rule"
    BUSY = "busy"
    MASS_SELECTION = "mass-selection"


# Those that only a person ends, in the order in which they are told; the others end by themselves.
FOR_PEOPLE = (
    HoldCode.APPROVAL,
    HoldCode.QUARANTINE,
    HoldCode.CONTESTED,
    HoldCode.TAG_INVALID,
    HoldCode.GUARDRAIL,
    HoldCode.NO_RULE,
    HoldCode.PROTECTED_VALUES,
)


# Conditions of an extension that does not do its work.
FAILING = frozenset({Condition.CONFLICT, Condition.FAILED_INSTALL, Condition.FAILED_UPDATE, Condition.DEGRADED})


@dataclass(frozen=True, slots=True)
class Hold:
    """One reason to hold back, in words that a person understands.

    `approval` names the approval that would lift it, where one would.
    """

    code: HoldCode
    reason: str
    since: datetime | None = None
    until: datetime | None = None
    next: datetime | None = None
    approval: str = ""

    @property
    def waits_for(self) -> str:
        """The approval without which it does not end; what lifts a quarantine early is none."""
        return self.approval if self.code is HoldCode.APPROVAL else ""


@dataclass(frozen=True, slots=True)
class State:
    """The five fields; `sufficient` says whether the verification is as thorough as the policy asks."""

    management: Management
    condition: Condition
    hold: Hold | None = None
    reachability: Reachability = Reachability.ONLINE
    verified: Verified = Verified.NEVER
    verified_at: datetime | None = None
    sufficient: bool = True

    @property
    def compliant(self) -> bool:
        """Managed, Current, not held, and verified as the policy asks."""
        sound = self.management is Management.MANAGED and self.condition is Condition.CURRENT
        return sound and self.hold is None and self.sufficient
