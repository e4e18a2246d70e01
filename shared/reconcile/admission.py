"""Asking the books of the fleet before a write, and telling them how it ended.

`decide` knows what each gate says; only whoever keeps the books knows how much all instances together have under way.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from shared.model.decision import Action, Decision, LookBy
from shared.model.gates import FleetGates
from shared.model.intent import FleetWord
from shared.model.observation import Memory, Observation
from shared.model.state import Condition, Hold, HoldCode
from shared.policy.model import Policy
from shared.policy.rings import ring_of
from shared.reconcile.gating import FIRST

_ENDED = frozenset(
    {
        Condition.CURRENT,
        Condition.DRIFTED,
        Condition.DEGRADED,
        Condition.FAILED_INSTALL,
        Condition.FAILED_UPDATE,
    }
)
_FAILED = frozenset({Condition.FAILED_INSTALL, Condition.FAILED_UPDATE})
# Who is asked for again this soon gets a message; later ones are the sweep's.
_BY_MESSAGE = timedelta(minutes=30)
# A person's word about one cluster waits for nobody else.
_UNCOUNTED = frozenset({Action.REMOVE, Action.REMOVE_RELAY})


@dataclass(frozen=True, slots=True)
class Wish:
    """A write that somebody wants to send.

    Attributes:
        cluster: the cluster's key.
        generation: of the policy that it follows.
        ring: number of its ring.
        first: it would get the extension for the first time.
        by_policy: the policy's doing: what a rollout counts.
        disruptive: it can hurt running work.
    """

    cluster: str
    subscription: str
    region: str
    generation: int
    ring: int
    first: bool = False
    by_policy: bool = False
    disruptive: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a wish is not granted, and when to ask again."""

    code: HoldCode
    reason: str
    again: datetime


class Gatekeeper(Protocol):
    """Whoever keeps the books of the fleet."""

    async def view(self, policy: Policy, words: tuple[FleetWord, ...]) -> FleetGates:
        """What the fleet allows at this moment."""

    async def book(self, wish: Wish, policy: Policy) -> Refusal | None:
        """Book a write; None where it may go out."""

    async def land(self, cluster: str, policy: Policy, *, failed: bool | None) -> None:
        """Book the end of a write; `failed` None where it never went out."""


def wish_of(seen: Observation, decision: Decision, policy: Policy) -> Wish | None:
    """The wish that a decision makes; None where nothing is to be counted."""
    if not decision.action.writes or decision.action in _UNCOUNTED or seen.cluster is None:
        return None
    number, _ = ring_of(policy, seen.cluster, management_groups=seen.management_groups)
    return Wish(
        seen.id.key,
        seen.id.subscription,
        seen.cluster.location,
        policy.generation,
        number,
        first=decision.action in FIRST and seen.memory.sent_at is None,
        by_policy=decision.by_policy,
        disruptive=decision.disruptive,
    )


def refused(decision: Decision, refusal: Refusal, now: datetime) -> Decision:
    """What stands in place of a decision whose wish was not granted."""
    hold = Hold(refusal.code, refusal.reason, since=now, next=refusal.again)
    return replace(
        decision,
        action=Action.HOLD,
        intended=decision.action,
        state=replace(decision.state, hold=hold),
        reason=refusal.reason,
        next_look=refusal.again,
        look_by=LookBy.MESSAGE if refusal.again - now <= _BY_MESSAGE else LookBy.SWEEP,
    )


def ended(memory: Memory, decision: Decision) -> bool | None:
    """Whether the write that is booked for a cluster has been seen to end: True where it failed; None while it runs."""
    if not memory.flight or decision.state.condition not in _ENDED:
        return None
    return decision.state.condition in _FAILED
