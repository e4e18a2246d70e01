"""What was decided about one cluster: an action, the state it was decided in, and why."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from shared.model.check import CheckResult
from shared.model.extension import DesiredExtension
from shared.model.hand import Hand
from shared.model.inside import Verification
from shared.model.state import State


class Action(StrEnum):
    """The steps that exist. Each decision holds exactly one."""

    NOTHING = "Nothing"
    REGISTER_PROVIDER = "RegisterProvider"
    INSTALL = "Install"
    UPDATE = "Update"
    REPAIR = "Repair"
    REINSTALL = "Reinstall"
    REMOVE = "Remove"
    ADOPT = "Adopt"
    REMOVE_RELAY = "RemoveRelay"
    VERIFY = "Verify"
    WAIT = "Wait"
    HOLD = "Hold"

    @property
    def writes(self) -> bool:
        """Whether it changes anything in Azure."""
        return self in _WRITES


_WRITES = frozenset(
    {
        Action.REGISTER_PROVIDER,
        Action.INSTALL,
        Action.UPDATE,
        Action.REPAIR,
        Action.REINSTALL,
        Action.REMOVE,
        Action.REMOVE_RELAY,
    }
)


class Want(StrEnum):
    """Facts that `decide` asks for before it lets a step go ahead; whoever looks reads them and asks again."""

    RELAY = "relay"
    RELAY_USE = "relay-use"
    SURROUNDINGS = "surroundings"
    INSIDE = "inside"
    CERTIFICATE = "certificate"
    COMPUTES = "computes"


class LookBy(StrEnum):
    """Who brings the next look about: a delayed message, or the sweep that finds it overdue."""

    MESSAGE = "message"
    SWEEP = "sweep"


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome of looking at one cluster.

    Attributes:
        action: the step to take now.
        intended: the step that would be taken if the gates allowed it; equals `action` where they do.
        state: the cluster's five fields at this moment.
        reason: one sentence for people.
        why: the path to the profile: each rule before the winning one and why it did not match.
        desired: what Install and Repair send.
        patch: the settings that Update (and Repair of a failed update) send.
        changes: setting -> (actual, wanted), for Update and for reporting drift.
        extension: name of the extension that is meant.
        next_look: when to look again; None when nothing but an event or a changed input calls for it.
        advice: what a person may want to know; never a reason to act.
        checks: every preflight check that was asked, passed ones included.
        wants: facts that have to be read before the step may be taken.
        verification: outcome of the look inside the cluster, where this look took one.
        protected: whether Update (or Repair by PATCH) carries the whole map of protected settings.
        provider: the resource provider that RegisterProvider registers.
        certificate: fingerprint of the certificate version that stands for sent once the step is taken.
        adopted: whether the step changes an extension that somebody else installed, which it stays.
        by_policy: whether the step follows a change of the policy (or of what it reads), as a rollout counts it.
        disruptive: whether the step can hurt running work.
        against: whose change the step takes back; None where it takes back none.
    """

    action: Action
    state: State
    reason: str
    intended: Action | None = None
    profile: str | None = None
    rule: str | None = None
    generation: int = 0
    why: tuple[str, ...] = ()
    extension: str | None = None
    desired: DesiredExtension | None = None
    patch: Mapping[str, str] = field(default_factory=dict)
    changes: Mapping[str, tuple[str | None, str | None]] = field(default_factory=dict)
    next_look: datetime | None = None
    look_by: LookBy = LookBy.MESSAGE
    attempts: int = 0
    choice: str | None = None
    advice: tuple[str, ...] = ()
    checks: tuple[CheckResult, ...] = ()
    wants: frozenset[Want] = frozenset()
    verification: Verification | None = None
    protected: bool = False
    provider: str | None = None
    certificate: str | None = None
    adopted: bool = False
    by_policy: bool = False
    disruptive: bool = False
    against: Hand | None = None
