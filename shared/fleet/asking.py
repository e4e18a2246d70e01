"""Whether a sweep asks for a look at a cluster, and why.

A cluster is asked for when `decide` on its rows yields an action, when the fingerprint of its inputs changed since
the last look, or when its next look is overdue (its message was lost, or the look was left to the sweep). One that
has the extension and is not remembered is asked for once: what is known of it was lost, or somebody else installed it.
So is one whose last write has had no answer. A look that could not read the cluster remembers nothing of it.
"""

from datetime import datetime, timedelta

from shared.model.decision import Action, Decision
from shared.model.observation import Memory, Observation
from shared.model.state import Condition, HoldCode, Management, State

# Why one is asked for that `is_forgotten`.
UNREMEMBERED = "unremembered"
# A message on its way gets this long before the sweep takes it for lost.
_GRACE = timedelta(minutes=2)
# A follow-up that comes this soon will see whatever changed.
_SOON = timedelta(minutes=5)
# Where rows and the last look disagree on the same inputs, the look is believed for this long.
_BELIEVED = timedelta(hours=1)
_GATES = frozenset(
    {HoldCode.RING, HoldCode.WINDOW, HoldCode.BUDGET, HoldCode.PAUSE, HoldCode.BREAKER, HoldCode.MASS_SELECTION}
)
# What says nothing of whose an extension is: it was not read, or it did not stand.
_UNTOLD = frozenset({Condition.UNKNOWN, Condition.INSTALLING, Condition.UPDATING, Condition.REMOVING})
_OUTSIDERS = frozenset({Management.NOT_SELECTED, Management.HANDS_OFF, Management.EXEMPT})


def is_overdue(next_look: datetime | None, now: datetime, *, waiting: bool) -> bool:
    """Whether the next look should have been; `waiting` tells that a message stands for it."""
    return next_look is not None and now >= next_look + (_GRACE if waiting else timedelta(0))


def why_ask(seen: Observation, decision: Decision, now: datetime, *, same: bool) -> str:
    """Why this cluster is asked for; "" where it is not. `same`: the last look decided on the very same inputs."""
    memory = seen.memory
    if is_overdue(memory.next_look, now, waiting=memory.follow_up is not None):
        return "overdue"
    if memory.follow_up is not None and memory.next_look is not None and memory.next_look <= now + _SOON:
        return ""
    before, unsure = memory.state, _unsure(seen, decision)
    if unsure:
        return unsure
    outsider = decision.action is Action.NOTHING and before is not None and _same_outsider(before, decision.state)
    # Where `same`, the last look decided on the very same, and by ARM's word.
    if outsider or (same and not _worth_asking_again(memory, decision, now)):
        return ""
    if decision.action.writes:
        return decision.action.value
    hold = decision.state.hold
    if before is not None and hold is not None and hold.code in _GATES:
        # Only the fleet holds it back. A look would say the same, and a new policy would cost one of each cluster.
        return ""
    if memory.inputs is not None:
        return "changed"
    return decision.action.value if decision.action is not Action.NOTHING else ""


def _unsure(seen: Observation, decision: Decision) -> str:
    """What one look at ARM tells and rows do not: whether a write arrived, and who installed an extension."""
    if seen.memory.unanswered is not None and decision.state.management is Management.MANAGED:
        return "unanswered"  # whoever sent it died over it, and its message may be gone
    # Where a message is on its way, the look is to come.
    return UNREMEMBERED if seen.memory.follow_up is None and is_forgotten(seen, decision) else ""


def is_forgotten(seen: Observation, decision: Decision) -> bool:
    """Whether an extension stands on a managed cluster, and no look remembers whose it is."""
    memory, state = seen.memory, decision.state
    if memory.sent is not None or state.management is not Management.MANAGED or not _has_extension(seen):
        return False
    before = memory.known or memory.state
    return state.condition not in _UNTOLD and (before is None or before.condition in _UNTOLD)


def _has_extension(seen: Observation) -> bool:
    return any(each.azureml for each in seen.extensions or ())


def _same_outsider(before: State, after: State) -> bool:
    """Whether the cluster was, and is, none of our business."""
    return before.management is after.management and after.management in _OUTSIDERS


def _worth_asking_again(memory: Memory, decision: Decision, now: datetime) -> bool:
    """Whether time alone (an exception that ended, say) may have made a write out of what was none."""
    if not decision.action.writes or memory.next_look is not None:
        return False  # whoever holds it back has said when to look again
    return memory.looked_at is None or now - memory.looked_at > _BELIEVED
